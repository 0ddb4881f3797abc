package integration

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Columns that the database spells otherwise than the model: PostgreSQL cuts long names,
// SQLite and MySQL do not tell case apart.

const (
	longText   = "the_text_of_a_column_whose_name_goes_on_and_on_beyond_what_the_database_keeps"
	longSecret = "the_other_column_whose_name_goes_on_and_on_beyond_what_the_database_keeps"
)

// LongNamed has names of more than 63 bytes.
type LongNamed struct {
	ID     int    `gorm:"primaryKey;autoIncrement:false;column:the_key_of_a_row_whose_name_goes_on_and_on_beyond_what_the_database_keeps"`
	Text   string `gorm:"size:40;column:the_text_of_a_column_whose_name_goes_on_and_on_beyond_what_the_database_keeps"`
	Secret string `gorm:"size:40;column:the_other_column_whose_name_goes_on_and_on_beyond_what_the_database_keeps" audit:"-"`
}

func TestNamesThatAreCut(t *testing.T) {
	hidden := []oracle.Option{oracle.Ignored("long_nameds." + longSecret[:63])}
	scene{models: []any{&LongNamed{}}, oracle: hidden}.on(t, testdb.Postgres, func(s *stage) {
		x := LongNamed{ID: 1, Text: "a", Secret: "hush"}
		s.ok(s.db.Create(&x))
		s.ok(s.db.Create(&[]LongNamed{{ID: 2}, {ID: 3}}))
		s.ok(s.db.Model(&x).Update(longText, "b"))
		x.Text = "c"
		s.ok(s.db.Save(&x))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&LongNamed{ID: 1, Text: "d"}))
		s.ok(s.db.Table("long_nameds").Where("true").Update(longText, gorm.Expr("upper(?)", "e")))
		s.ok(s.db.Model(&LongNamed{}).Where(longText+" = ?", "E").Update("ID", gorm.Expr("? + 10", clause.Column{Name: clause.PrimaryKey})))
		s.ok(s.db.Delete(&LongNamed{ID: 11}))
		s.expect("3 create long_nameds", "9 update long_nameds", "1 delete long_nameds")
	})
}

// Chapter has a table with a long name, which its book takes along.
type Chapter struct {
	ID     int `gorm:"primaryKey;autoIncrement:false"`
	BookID int
	Draft  string `audit:"-"`
}

// TableName is cut after "be".
func (Chapter) TableName() string {
	return "chapters_of_books_that_go_on_and_on_and_on_and_on_and_on_and_beyond"
}

// Book has chapters.
type Book struct {
	ID       int       `gorm:"primaryKey;autoIncrement:false"`
	Chapters []Chapter `gorm:"constraint:OnDelete:CASCADE"`
}

// The rules of a model hold for its table by whatever of its name the catalog has.
func TestTableNamesThatAreCut(t *testing.T) {
	scene{models: []any{&Book{}}, ddl: func(string) []string {
		return []string{"CREATE TABLE " + (Chapter{}).TableName() + " (id int PRIMARY KEY, book_id int REFERENCES books ON DELETE CASCADE, draft text)"}
	}}.on(t, testdb.Postgres, func(s *stage) {
		s.ok(s.db.Create(&Book{ID: 1, Chapters: []Chapter{{ID: 1, Draft: "hush"}}}))
		s.ok(s.db.Delete(&Book{ID: 1}))
		s.oracle = nil // it knows the table by the catalog's name
		for _, e := range s.trail() {
			if _, shown := e.Before["draft"]; shown || e.Table != "books" && e.Table != (Chapter{}).TableName() {
				s.Errorf("%s %s has %v", e.Action, e.Table, e.Before)
			}
		}
	})
}

// Cased has a table in which names are in capitals.
type Cased struct {
	ID   int     `gorm:"primaryKey;column:id"`
	Memo *Letter `gorm:"column:memo;serializer:json"`
	Pin  string  `audit:"-"`
}

// Letter is a document with a secret.
type Letter struct {
	To   string
	Seal string `audit:"-"`
}

func TestNamesInAnotherCase(t *testing.T) {
	counted := map[string]string{testdb.SQLite: "integer", testdb.MySQL: "int AUTO_INCREMENT"}
	for dialect, key := range counted {
		scene{tables: []string{"caseds"}, ddl: func(string) []string {
			return []string{"CREATE TABLE caseds (ID " + key + " PRIMARY KEY, MEMO text, PIN varchar(20))"}
		}}.on(t, dialect, func(s *stage) {
			s.oracle = nil // it knows no documents
			s.ok(s.db.Create(&Cased{Memo: &Letter{To: "a", Seal: "wax"}, Pin: "1234"}))
			s.ok(s.db.Model(&Cased{ID: 1}).Select("memo").Updates(&Cased{Memo: &Letter{To: "b", Seal: "glue"}}))
			s.expect("1 create caseds", "1 update caseds")
			s.tallied(s.trail())
			for n, want := range []string{"a", "b"} {
				e := s.entry(n)
				memo, _ := e.After["MEMO"].(map[string]any)
				if e.RecordID != "1" || len(memo) != 1 || memo["To"] != want || e.After["PIN"] != nil {
					t.Errorf("%s %q has %v", e.Action, e.RecordID, e.After)
				}
			}
		})
	}
}
