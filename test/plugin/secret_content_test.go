package plugin_test

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// setting is a row whose own name says what it holds.
type setting struct {
	ID    uint
	Key   string
	Value string
}

func TestSecretSettings(t *testing.T) {
	db := openDB(t, &setting{})
	memory := emitter.Memory()
	use(t, db, auditplugin.WithEmitter(emitter.Table(), memory))
	must(t, db.Create(&[]setting{{1, "smtpPassword", "canary-1"}, {2, "smtpHost", "mail.example.com"}}))
	must(t, db.Model(&setting{ID: 1}).Update("value", "canary-2"))
	must(t, db.Model(&setting{ID: 2}).Update("value", "mx.example.com"))
	must(t, db.Table("settings").Where("id = ?", 1).Update("value", "canary-3"))
	must(t, db.Model(&setting{ID: 1}).Update("key", "smtpNote"))
	must(t, db.Delete(&setting{ID: 1}))
	var got []string
	for _, r := range memory.Records() {
		got = append(got, fmt.Sprint(r.Action, " ", r.RecordID, " ", r.Before["value"], " ", r.After["value"]))
		if text := textOf(t, r); strings.Contains(text, "canary") && r.Action != audit.Delete {
			t.Errorf("in clear: %s", text)
		}
	}
	want := []string{
		"create 1 <nil> ***", "create 2 <nil> mail.example.com", "update 1 *** ***", "update 2 mail.example.com mx.example.com",
		"update 1 *** ***", "update 1 <nil> <nil>", "delete 1 canary-3 <nil>",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A revert would write the mask; it must refuse.
	if _, err := history.Revert(context.Background(), db, memory.Records()[2]); !errors.Is(err, history.ErrConflict) && !errors.Is(err, history.ErrUnknown) {
		t.Errorf("undoing a masked value: %v", err)
	}
}

// config is a type that stores itself as JSON.
type config struct {
	Host     string `json:"host"`
	Password string `json:"password"`
	Account  string `json:"account" audit:"mask"`
}

func (c config) Value() (driver.Value, error) {
	b, err := json.Marshal(c)
	return b, err
}

func (c *config) Scan(v any) error {
	switch x := v.(type) {
	case []byte:
		return json.Unmarshal(x, c)
	case string:
		return json.Unmarshal([]byte(x), c)
	}
	return errors.New("not JSON")
}

type connection struct {
	ID   uint
	Blob config `gorm:"type:blob"`
	Text config `gorm:"type:text"`
	Raw  string `gorm:"type:blob"`
	Note string
}

func TestSecretsInJSONByTypeAndContent(t *testing.T) {
	db := openDB(t, &connection{})
	memory := emitter.Memory()
	use(t, db, auditplugin.WithEmitter(emitter.Table(), memory))
	c := connection{
		ID: 1, Blob: config{"a", "canary-1", "canary-2"}, Text: config{"a", "canary-3", "canary-4"},
		Raw: `{"host":"a","smtp":{"password":"canary-5"}}`, Note: `[{"token":"canary-6","name":"x"}]`,
	}
	must(t, db.Create(&c))
	c.Blob.Host, c.Text.Password = "b", "canary-7"
	c.Raw, c.Note = `{"host":"a","smtp":{"password":"canary-8"}}`, `[{"token":"canary-6","name":"y"}]`
	must(t, db.Save(&c))
	must(t, db.Table("connections").Where("id = 1").Update("raw", `{"host":"b","smtp":{"password":"canary-9"}}`))
	var changes []string
	for _, r := range memory.Records() {
		text := textOf(t, r)
		if strings.Contains(text, "canary") || strings.Contains(text, "Y2FuYX") {
			t.Errorf("in clear: %s", text)
		}
		for _, ch := range r.Changes {
			changes = append(changes, fmt.Sprint(ch.Path, " ", ch.From, " ", ch.To))
		}
	}
	want := []string{
		"blob.host a b", "note.0.name x y", "raw.smtp.password *** ***", "text.password *** ***", "raw.host a b", "raw.smtp.password *** ***",
	}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("%q, want %q", changes, want)
	}
	if got, want := fmt.Sprint(memory.Records()[0].After["blob"]), "map[account:*** host:a password:***]"; got != want {
		t.Errorf("by type: %s, want %s", got, want)
	}
}

// What is not hidden is kept as it is stored, so that it can be had back.
func TestJSONTextsWithoutSecrets(t *testing.T) {
	db := openDB(t, &connection{})
	memory := emitter.Memory()
	use(t, db, auditplugin.WithEmitter(emitter.Table(), memory))
	const note = `{ "b": 1,  "a": [2] }`
	must(t, db.Create(&connection{ID: 1, Note: note, Raw: "{}"}))
	if got := memory.Records()[0].After["note"]; got != note {
		t.Errorf("%#v", got)
	}
	must(t, db.Model(&connection{ID: 1}).Update("note", ""))
	if _, err := history.Revert(context.Background(), db, memory.Records()[1]); err != nil {
		t.Fatal(err)
	}
	var c connection
	must(t, db.Omit("Blob", "Text").Select("id", "note").Take(&c))
	if c.Note != note {
		t.Errorf("given back: %q", c.Note)
	}
}
