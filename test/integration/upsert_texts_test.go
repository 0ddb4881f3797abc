package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Venture has a key that is counted and a text without a size: a LONGTEXT on MySQL and MariaDB,
// whose values are kept beside the row.
type Venture struct {
	ID   uint
	Name string
	Card map[string]string `gorm:"serializer:json"`
}

// Leaflet has nothing but such texts.
type Leaflet struct {
	Code string `gorm:"primaryKey;type:text"`
	Body string `gorm:"type:text"`
	Note string `gorm:"type:text"`
}

func ventures(db *gorm.DB) error {
	return db.Create([]Venture{{1, "Plain Company", nil}, {2, "Other", map[string]string{"city": "Rome"}}}).Error
}

// MariaDB takes what was sent for a text from where the text is kept: an assignment to the
// column changes what a later VALUES of it says.
func TestUpsertOfTexts(t *testing.T) {
	scene{models: []any{&Venture{}}, seed: ventures}.capture(t, func(s *stage) {
		all := clause.OnConflict{UpdateAll: true}
		s.ok(s.db.Clauses(all).Create(&Venture{1, "Plain-company-1", map[string]string{"city": "a town"}}))
		s.ok(s.db.Save(&[]Venture{{1, "a", nil}, {2, "Other-one of two", map[string]string{"c": "Ro"}}, {3, "new", nil}}))
		s.expect("1 create ventures", "3 update ventures")
		want := []Venture{{1, "a", nil}, {2, "Other-one of two", map[string]string{"c": "Ro"}}, {3, "new", nil}}
		var got []Venture
		s.ok(s.db.Order("id").Find(&got))
		for i, f := range got {
			if f.Name != want[i].Name || f.Card["c"] != want[i].Card["c"] {
				s.Errorf("row %d: %+v, want %+v", i+1, f, want[i])
			}
		}
	})
}

// A table of such texts only is read by way of one that the upsert leaves alone, and by the
// portable path where an SQL expression may ask for any of them.
func TestUpsertOfNothingButTexts(t *testing.T) {
	scene{
		tables: []string{"leaflets"},
		ddl: func(string) []string {
			return []string{"CREATE TABLE leaflets (code text NOT NULL, body text, note text, PRIMARY KEY (code(40)))"}
		},
		seed: func(db *gorm.DB) error {
			return db.Create([]Leaflet{{"a", "Plain text", "x"}, {"b", "Other", "y"}}).Error
		},
		oracle: []oracle.Option{oracle.Merge()},
	}.on(t, testdb.MySQL, func(s *stage) {
		assign := func(columns ...string) clause.OnConflict {
			return clause.OnConflict{DoUpdates: clause.AssignmentColumns(columns)}
		}
		s.ok(s.db.Clauses(assign("body")).Create(&Leaflet{"a", "Plain-text", "z"}))
		s.ok(s.db.Clauses(assign("body", "note")).Create(&[]Leaflet{{"b", "Other-one", "longer"}, {"c", "new", "n"}}))
		s.ok(s.db.Clauses(clause.OnConflict{DoUpdates: clause.Set{{
			Column: clause.Column{Name: "note"}, Value: gorm.Expr("CONCAT(VALUES(body), VALUES(code))"),
		}}}).Create(&Leaflet{"A", "sent as the body", ""}))
		s.expect("1 create leaflets", "3 update leaflets")
		var got []Leaflet
		s.ok(s.db.Order("code").Find(&got))
		want := []Leaflet{{"a", "Plain-text", "sent as the bodyA"}, {"b", "Other-one", "longer"}, {"c", "new", "n"}}
		for i := range want {
			if len(got) != len(want) || got[i] != want[i] {
				s.Fatalf("%+v, want %+v", got, want)
			}
		}
	})
}
