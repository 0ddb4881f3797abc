package integration

import (
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Rows that follow others and are not found again by a key, or by two ways at once.

func followers(more ...string) scene {
	return scene{tables: []string{"posts"}, ddl: func(string) []string {
		return append([]string{
			"CREATE TABLE posts (id int PRIMARY KEY, code varchar(20) UNIQUE, n int)",
			"INSERT INTO posts VALUES (0, 'none', 0), (1, 'a', 1), (2, 'b', 1)",
		}, more...)
	}}
}

// Rows without a key were taken for deleted, whatever became of them.
func TestChildrenWithoutKey(t *testing.T) {
	followers(
		"CREATE TABLE notes (code varchar(20), text varchar(20), FOREIGN KEY (code) REFERENCES posts (code) ON UPDATE CASCADE ON DELETE SET NULL)",
		"CREATE TABLE pins (code varchar(20), FOREIGN KEY (code) REFERENCES posts (code) ON UPDATE SET NULL ON DELETE CASCADE)",
		"INSERT INTO notes VALUES ('a', 'x'), ('a', 'y'), ('b', 'z')", "INSERT INTO pins VALUES ('a'), ('b')",
	).capture(t, func(s *stage) {
		s.ok(s.db.Table("posts").Where("id = 1").Updates(map[string]any{"code": "a", "n": 5}))
		s.ok(s.db.Table("posts").Where("id = 1").Updates(map[string]any{"code": "c"}))
		s.ok(s.db.Table("posts").Where("id = 2").Delete(nil))
		s.oracle = nil // it tells rows apart by their keys
		if got := fmt.Sprint(tally(s.trail())); got != "[1 delete pins 1 delete posts 1 update pins 2 update posts 3 update notes]" {
			s.Errorf("recorded are %v", got)
		}
		for _, e := range s.trail() {
			if want := map[any]any{"a": "c", "b": nil}[e.Before["code"]]; e.Table == "notes" && e.After["code"] != want {
				s.Errorf("the code %v is recorded as %v", e.Before["code"], e.After["code"])
			}
		}
	})
}

// A row whose key a foreign key sets to something else is not gone.
func TestChildrenWhoseKeyIsSet(t *testing.T) {
	for _, dialect := range []string{testdb.SQLite, testdb.Postgres} {
		followers(
			"CREATE TABLE slots (post int DEFAULT 0, no int, PRIMARY KEY (post, no), FOREIGN KEY (post) REFERENCES posts (id) ON DELETE SET DEFAULT)",
			"INSERT INTO slots VALUES (1, 1)",
		).on(t, dialect, func(s *stage) {
			s.fails(s.db.Table("posts").Where("id = 1").Delete(nil).Error, auditplugin.ErrAuditFailed)
			s.ok(s.db.Table("posts").Where("id = 2").Delete(nil))
			s.expect("1 delete posts")
		})
	}
}

// A row that one foreign key changes and another deletes takes along what deleting takes.
func TestChildrenByTwoWays(t *testing.T) {
	for _, names := range [][2]any{{"first", "second"}, {"second", "first"}} {
		kids := "CREATE TABLE kids (id int PRIMARY KEY, a int, b int, CONSTRAINT %s FOREIGN KEY (a) REFERENCES posts (id) ON DELETE SET NULL, CONSTRAINT %s FOREIGN KEY (b) REFERENCES posts (id) ON DELETE CASCADE)"
		sc := followers(fmt.Sprintf(kids, names[0], names[1]),
			"CREATE TABLE toys (id int PRIMARY KEY, kid int, FOREIGN KEY (kid) REFERENCES kids (id) ON DELETE CASCADE)",
			"INSERT INTO kids VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1)", "INSERT INTO toys VALUES (1, 1), (2, 2), (3, 3)",
		)
		sc.tables = append(sc.tables, "kids", "toys")
		sc.oracle, sc.mysql = []oracle.Option{oracle.Merge()}, []oracle.Option{oracle.Snapshot("kids", "toys")}
		t.Run(fmt.Sprint(names[0]), func(t *testing.T) {
			sc.capture(t, func(s *stage) {
				s.ok(s.db.Table("posts").Where("id = 1").Delete(nil))
				s.expect("1 delete posts", "2 delete kids", "1 update kids", "2 delete toys")
				s.causes("posts")
			})
		})
	}
}

// Rows that refer to each other by what is unique, and have no key.
func TestChildrenInARing(t *testing.T) {
	followers(
		"CREATE TABLE rings (code varchar(20) UNIQUE, next varchar(20))",
		"INSERT INTO rings VALUES ('a', 'b'), ('b', 'a'), ('c', 'a')",
		"ALTER TABLE rings ADD FOREIGN KEY (next) REFERENCES rings (code) ON DELETE CASCADE",
	).on(t, testdb.Postgres, func(s *stage) {
		s.ok(s.db.Table("rings").Where("code = 'a'").Delete(nil))
		s.oracle = nil // it tells rows apart by their keys
		if got := fmt.Sprint(tally(s.trail())); got != "[3 delete rings]" {
			s.Errorf("recorded are %v", got)
		}
	})
}

// A trigger that leaves a row as it is leaves what was noted of it, too.
func TestUpsertThatATriggerPassesOver(t *testing.T) {
	seats(plainSeats,
		"CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.id < 3 THEN RETURN NULL; END IF; RETURN NEW; END'",
		"CREATE TRIGGER stay BEFORE UPDATE ON seats FOR EACH ROW EXECUTE FUNCTION stay()",
	).on(t, testdb.Postgres, func(s *stage) {
		s.ok(s.db.Clauses(byID()).Create(&[]Seat{{ID: 1, Name: "x"}, {ID: 4, Name: "d"}, {ID: 3, Name: "c", N: 9}}))
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			tx.Clauses(byID()).Create(&Seat{ID: 2, Name: "y"})
			return tx.Clauses(byID()).Create(&Seat{ID: 5, Name: "e"}).Error
		}))
		s.expect("2 create seats", "1 update seats")
	})
}

func byID() clause.OnConflict {
	return clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}
}
