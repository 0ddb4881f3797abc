package integration

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// PlugConfig stores itself as JSON, in a column of bytes.
type PlugConfig struct {
	Host     string `json:"host"`
	Password string `json:"password"`
}

func (PlugConfig) GormDBDataType(db *gorm.DB, _ *schema.Field) string { return blobOf(db) }

func blobOf(db *gorm.DB) string {
	return map[string]string{"postgres": "bytea", "mysql": "longblob", "sqlite": "blob"}[db.Name()]
}

// Value implements driver.Valuer.
func (c PlugConfig) Value() (driver.Value, error) { return json.Marshal(c) }

// Scan implements sql.Scanner.
func (c *PlugConfig) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok {
		return errors.New("no bytes")
	}
	return json.Unmarshal(b, c)
}

// PlugText is a text in a column of bytes.
type PlugText string

func (PlugText) GormDBDataType(db *gorm.DB, _ *schema.Field) string { return blobOf(db) }

// Value implements driver.Valuer.
func (s PlugText) Value() (driver.Value, error) { return []byte(s), nil }

// Plug has JSON in columns that do not say so.
type Plug struct {
	ID     uint
	Config PlugConfig
	Text   PlugText
	Note   string `gorm:"type:text"`
	Data   []byte
}

// Documents are the same, and hide the same, whichever way a statement gives their images.
func TestDocumentsByContent(t *testing.T) {
	plug := func(id uint, n string) Plug {
		return Plug{
			ID: id, Config: PlugConfig{"host " + n, "leak " + n}, Text: PlugText(`{"token":"leak ` + n + `","n":"` + n + `"}`),
			Note: `{"list":[{"pin":"leak ` + n + `"}],"n":"` + n + `"}`, Data: []byte(`{"secret":{"a":"leak"},"n":"` + n + `"}`),
		}
	}
	scene{models: []any{&Plug{}}}.capture(t, func(s *stage) {
		one, two := plug(1, "a"), plug(2, "a")
		s.ok(s.db.Create(&one))
		s.ok(s.db.Create(&two))
		one = plug(1, "b")
		s.ok(s.db.Save(&one))
		more := []Plug{plug(1, "c"), plug(2, "c"), plug(3, "c")}
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&more))
		s.ok(s.db.Model(&Plug{}).Where("id < 9").Updates(map[string]any{"text": PlugText(`{"token":"leak d","n":"d"}`), "config": PlugConfig{"host d", "leak d"}}))
		s.ok(s.db.Table("plugs").Where("id = ?", 1).Update("note", `{"list":[{"pin":"leak e"}],"n":"e"}`))
		s.ok(s.db.Delete(&Plug{}, 1))
		last := map[string]map[string]any{}
		for _, e := range s.trail() {
			known := last[e.RecordID]
			if known == nil {
				known = map[string]any{}
				last[e.RecordID] = known
			}
			for column, v := range e.Before {
				if was, ok := known[column]; ok && !values.Equal(was, v) {
					s.Errorf("%s of %s: %s was recorded as %v, and is %v", e.Action, e.RecordID, column, was, v)
				}
			}
			for column, v := range e.After {
				known[column] = v
				if _, isMap := v.(map[string]any); !isMap && column != "id" {
					s.Errorf("%s of %s: %s is %v, no document", e.Action, e.RecordID, column, v)
				}
			}
		}
		if text := dump(s); strings.Contains(text, "leak") || strings.Contains(text, "bGVha") {
			s.Errorf("in clear: %s", text)
		}
		s.oracle = nil // it does not know of documents
	})
}
