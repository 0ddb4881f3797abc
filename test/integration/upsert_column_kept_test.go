package integration

import (
	"testing"

	"gorm.io/datatypes"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Page is a model as many are: a counted key and texts without a length.
type Page struct {
	ID    uint
	Title string
	Body  []byte
}

func seedPages(db *gorm.DB) error {
	return db.Create(&[]Page{{Title: "the first title", Body: []byte("the first body")}, {Title: "second", Body: []byte("b")}}).Error
}

// What was sent is what is stored. MariaDB cut long texts, or stored the row's old one, where
// the column was assigned to itself to note the row.
func TestUpsertStoresLongTexts(t *testing.T) {
	scene{models: []any{&Page{}}, seed: seedPages}.capture(t, func(s *stage) {
		holds := func(want ...Page) {
			s.Helper()
			for _, p := range want {
				var got Page
				s.ok(s.other().First(&got, p.ID))
				if got.Title != p.Title || string(got.Body) != string(p.Body) {
					s.Errorf("stored is %q %q, sent was %q %q", got.Title, got.Body, p.Title, p.Body)
				}
			}
		}
		one := Page{ID: 1, Title: "first", Body: []byte("a body that is longer than it was")}
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&one))
		holds(one)
		many := []Page{{ID: 2, Title: "another title", Body: []byte("n")}, {ID: 1, Title: "t", Body: []byte("body")}, {ID: 3, Title: "new", Body: []byte("new body")}}
		s.ok(s.db.Save(&many))
		holds(many...)
		crossed := clause.Assignments(map[string]any{"body": clause.Expr{SQL: s.sent("title")}})
		s.ok(s.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: crossed}).Create(&Page{ID: 2, Title: "taken for the body"}))
		holds(Page{ID: 2, Title: "another title", Body: []byte("taken for the body")})
	})
}

// Paper has nothing but documents.
type Paper struct {
	ID   uint
	Meta datatypes.JSON
	More datatypes.JSON
}

// MySQL loses a document that is assigned to itself when the next row is noted.
func TestUpsertStoresDocuments(t *testing.T) {
	doc := func(s string) datatypes.JSON { return datatypes.JSON(`{"a": [1, null], "b": "` + s + `"}`) }
	seed := func(db *gorm.DB) error {
		return db.Create(&[]Paper{{Meta: doc("one"), More: doc("one")}, {Meta: doc("the second"), More: datatypes.JSON("[]")}}).Error
	}
	scene{models: []any{&Paper{}}, seed: seed}.capture(t, func(s *stage) {
		many := []Paper{{ID: 2, Meta: doc("2"), More: doc("second")}, {ID: 1, Meta: datatypes.JSON("[]"), More: doc("first, and longer")}, {ID: 3, Meta: doc("3"), More: doc("3")}}
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&many))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Paper{{ID: 3, Meta: doc(""), More: doc("")}, {ID: 1, Meta: doc("x"), More: doc("y")}}))
		s.expect("1 create papers", "4 update papers")
	})
}

// sent is what an upsert sends for a column of texts, as bytes.
func (s *stage) sent(column string) string {
	switch s.db.Target.Dialect {
	case testdb.MySQL:
		return "VALUES(" + column + ")"
	case testdb.Postgres:
		return "convert_to(excluded." + column + ", 'UTF8')"
	}
	return "excluded." + column
}

// An empty ENUM, and a date of zeros where the server's mode has none, can be stored and not
// be assigned: an upsert that leaves such a column alone failed.
func TestUpsertLeavesOddValuesAlone(t *testing.T) {
	scene{tables: []string{"odds"}, ddl: func(string) []string {
		return []string{
			"CREATE TABLE odds (id bigint AUTO_INCREMENT PRIMARY KEY, kind enum('a','b'), day datetime, n int)",
			"SET SESSION sql_mode = ''",
			"INSERT INTO odds VALUES (1, '', '0000-00-00', 1)",
			"SET SESSION sql_mode = DEFAULT",
		}
	}}.on(t, testdb.MySQL, func(s *stage) {
		upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"n"})}
		s.ok(s.db.Table("odds").Clauses(upsert).Create(map[string]any{"id": 1, "n": 2}))
		s.expect("1 update odds")
	})
}

// MariaDB says that a column is COMPRESSED in a comment behind its type, which hid that it has
// bytes: an upsert failed.
func TestCompressedColumns(t *testing.T) {
	scene{tables: []string{"zips"}, ddl: func(string) []string {
		return []string{"CREATE TABLE zips (id bigint AUTO_INCREMENT PRIMARY KEY, body blob /*M! COMPRESSED */, note text /*M! COMPRESSED */, word varchar(200) /*M! COMPRESSED */)"}
	}}.on(t, testdb.MySQL, func(s *stage) {
		if !s.db.MariaDB(s.T) {
			s.Skip("MySQL has none")
		}
		row := func(id int, body, note string) map[string]any {
			return map[string]any{"id": id, "body": []byte(body), "note": note, "word": note}
		}
		s.ok(s.db.Table("zips").Create(row(1, "\x00\xff\xfe", "ä")))
		upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"body", "note", "word"})}
		s.ok(s.db.Table("zips").Clauses(upsert).Create(row(1, "\xfe\x00", "longer than it was")))
		s.ok(s.db.Table("zips").Clauses(upsert).Create(row(1, "\xfe\x00\x01\x02\x03", "s")))
		s.ok(s.db.Table("zips").Where("id = 1").Update("body", []byte("\xc3\x28")))
		s.expect("1 create zips", "3 update zips")
	})
}
