package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// INSERTs that pass over rows, replace them, or meet them by something that was not sent.

func modified(word string) clause.Insert { return clause.Insert{Modifier: word} }

func TestInsertIgnore(t *testing.T) {
	words := map[string]string{testdb.MySQL: "IGNORE", testdb.SQLite: "OR IGNORE"}
	for dialect, word := range words {
		settings().on(t, dialect, func(s *stage) {
			s.ok(s.db.Clauses(modified(word)).Create(&Setting{Name: "a", Value: "passed over"}))
			s.ok(s.db.Clauses(modified(word)).Create(&Setting{Name: "new"}))
			if !s.db.Target.Portable && (dialect != testdb.MySQL || s.db.MariaDB(s.T)) {
				s.ok(s.db.Clauses(modified(word)).Create(&[]Setting{{"b", "passed over"}, {"newer", ""}}))
				s.expect("2 create settings")
				return
			}
			// Nothing tells which of them were stored.
			s.fails(s.db.Clauses(modified(word)).Create(&[]Setting{{"b", "passed over"}, {"newer", ""}}).Error, auditplugin.ErrAuditFailed)
			s.expect("1 create settings")
		})
	}
}

func TestInsertOrReplace(t *testing.T) {
	scene{models: []any{&Counted{}}, seed: nil}.on(t, testdb.SQLite, func(s *stage) {
		s.ok(s.db.Create(&[]Counted{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}, {ID: 3, Name: "c"}}))
		// One row takes the place of two.
		s.ok(s.db.Clauses(modified("OR REPLACE")).Create(&Counted{ID: 1, Name: "b"}))
		s.ok(s.db.Clauses(modified("OR REPLACE")).Create(&Counted{ID: 9, Name: "c"}))
		s.ok(s.db.Clauses(modified("OR REPLACE")).Create(&Counted{ID: 10, Name: "d"}))
		// Triggers do not see the rows that SQLite replaces.
		s.oracle = nil
		if got := fmt.Sprint(tally(s.trail())); got != "[1 update counteds 2 delete counteds 5 create counteds]" {
			s.Errorf("recorded are %v", got)
		}
	})
}

func TestUpsertMeetsByExpression(t *testing.T) {
	for index, target := range map[string]clause.Column{
		"lower(name)":         {Name: "lower(name)", Raw: true},
		"name COLLATE NOCASE": {Name: "name COLLATE NOCASE", Raw: true},
	} {
		t.Run(index, func(t *testing.T) {
			scene{tables: []string{"subs"}, ddl: func(string) []string {
				return []string{"CREATE TABLE subs (id integer PRIMARY KEY, name text, n integer)", "CREATE UNIQUE INDEX by_name ON subs (" + index + ")"}
			}}.on(t, testdb.SQLite, func(s *stage) {
				if s.db.Target.Portable {
					s.oracle = nil // the portable way does not see that the rows are the same
					return
				}
				on := clause.OnConflict{Columns: []clause.Column{target}, DoUpdates: clause.AssignmentColumns([]string{"n"})}
				s.ok(s.db.Create(&Sub{Name: "ada", N: 1}))
				s.ok(s.db.Clauses(on).Create(&[]Sub{{Name: "ADA", N: 2}, {Name: "grace", N: 2}}))
				s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Sub{Name: "Grace", N: 3}))
				s.expect("2 create subs", "1 update subs")
			})
		})
	}
}

// Sub is met by its name in whatever case.
type Sub struct {
	ID   uint
	Name string
	N    int
}

// An upsert that leaves a row as it is must not make it look changed, although the
// database would set a time if it were.
func TestUntouchedRowOnUpdate(t *testing.T) {
	scene{tables: []string{"firms"}, ddl: func(string) []string {
		return []string{"CREATE TABLE firms (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(20) UNIQUE, city varchar(20), " +
			"changed datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))"}
	}}.on(t, testdb.MySQL, func(s *stage) {
		s.ok(s.db.Create(&Firm{Name: "a"}))
		s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Firm{Name: "a", City: "Oslo"}))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Firm{ID: 1, Name: "a"}))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Firm{ID: 1, Name: "a", City: "Oslo"}))
		// Triggers see a new time also where none is stored.
		s.oracle = nil
		trail := s.trail()
		if got := fmt.Sprint(tally(trail)); got != "[1 create firms 1 update firms]" {
			s.Fatalf("recorded are %s", got)
		}
		var changed string
		s.ok(s.other().Raw("SELECT CAST(changed AS CHAR) FROM firms").Scan(&changed))
		was, is := fmt.Sprint(trail[0].After["changed"]), fmt.Sprint(trail[1].After["changed"])
		if was != fmt.Sprint(trail[1].Before["changed"]) || strings.NewReplacer("T", " ", "Z", "").Replace(is) != strings.TrimRight(changed, "0") {
			s.Errorf("changed is %s, recorded are %s, and %v to %s", changed, was, trail[1].Before["changed"], is)
		}
	})
}

// Firm has a column that the model does not know.
type Firm struct {
	ID   uint
	Name string `gorm:"size:20"`
	City string `gorm:"size:20"`
}

// MySQL does not let the AUTO_INCREMENT column be assigned to itself when two rows of a
// statement meet it (error 1869). It is what GORM makes of DO NOTHING there.
func TestUpsertTwiceOfCountedKey(t *testing.T) {
	scene{models: []any{&Counted{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Create(&Counted{ID: 5, Name: "a"}))
		err := s.db.Clauses(untouched(s, "name", clause.Column{Name: "name"})).Create(&[]Counted{{Name: "b"}, {Name: "b"}, {Name: "a"}}).Error
		if errors.Is(err, auditplugin.ErrAuditFailed) || err != nil {
			s.Fatal(err)
		}
		s.expect("2 create counteds")
	})
}

// untouched leaves a row as it is that is met, in the way in which MySQL can, too.
func untouched(s *stage, column string, by ...clause.Column) clause.OnConflict {
	if s.db.Target.Dialect == testdb.MySQL && !s.db.MariaDB(s.T) {
		return clause.OnConflict{DoUpdates: clause.Set{{Column: clause.Column{Name: column}, Value: clause.Column{Name: column}}}}
	}
	return clause.OnConflict{Columns: by, DoNothing: true}
}

// Word is met by its text, whatever the case: MySQL's collations do not tell them apart.
type Word struct {
	ID   uint
	Text string `gorm:"size:20;uniqueIndex"`
	N    int
}

// Rows of one statement meet each other where a collation takes their texts for the same.
func TestUpsertMeetsByCollation(t *testing.T) {
	for _, options := range [][]testdb.Option{nil, {testdb.WithoutReturning()}} {
		scene{models: []any{&Word{}}, options: options, oracle: []oracle.Option{oracle.Merge()}}.on(t, testdb.MySQL, func(s *stage) {
			// GORM's own DO NOTHING assigns the counted key to itself: MySQL fails then (1869).
			nothing := clause.OnConflict{Columns: []clause.Column{{Name: "text"}}, DoUpdates: clause.Set{{Column: clause.Column{Name: "n"}, Value: clause.Column{Name: "n"}}}}
			update := clause.OnConflict{Columns: []clause.Column{{Name: "text"}}, DoUpdates: clause.AssignmentColumns([]string{"n"})}
			s.ok(s.db.Clauses(nothing).Create(&[]Word{{Text: "Go"}, {Text: "go"}, {Text: "sql"}}))
			s.ok(s.db.Clauses(nothing).Create(&[]Word{{Text: "GO"}, {Text: "Rust"}, {Text: "rust"}}))
			s.ok(s.db.Clauses(update).Create(&[]Word{{Text: "C", N: 1}, {Text: "c", N: 2}, {Text: "SQL", N: 3}, {Text: "RUST", N: 0}}))
			s.ok(s.db.Clauses(update).Create(&[]Word{{Text: "zig", N: 1}, {Text: "ZIG", N: 1}}))
			s.expect("5 create words", "1 update words")
		})
	}
}

// A row that is stored under another key than was sent, and is not found by it, is not left
// out: the write is refused.
func TestUpsertOfKeysThatAreNotFound(t *testing.T) {
	scene{tables: []string{"markers"}, ddl: func(string) []string {
		return []string{"CREATE TABLE markers (name set('a','b','c') NOT NULL PRIMARY KEY, n int)"}
	}, options: []testdb.Option{testdb.WithoutReturning()}}.on(t, testdb.MySQL, func(s *stage) {
		s.fails(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Marker{Name: "b,a", N: 1}).Error, auditplugin.ErrAuditFailed)
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Marker{Name: "a,b", N: 2}))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Marker{Name: "b,a", N: 3}))
		s.expect("1 create markers", "1 update markers")
	})
}

// Marker is named by a set, which the database puts in order.
type Marker struct {
	Name string `gorm:"primaryKey"`
	N    int
}

// A row whose key the upsert assigns is followed to it, where the statement returns nothing
// and no other unique key tells.
func TestUpsertAssignsTheOnlyKey(t *testing.T) {
	scene{models: []any{&Setting{}}, options: []testdb.Option{testdb.WithoutReturning()}}.natively(t, func(s *stage) {
		if s.db.Target.Dialect == testdb.SQLite {
			s.Skip("SQLite tells of the new key only: docs/databases.md")
		}
		on := func(value any) clause.OnConflict {
			return clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.Assignments(map[string]any{"name": value})}
		}
		s.ok(s.db.Create(&[]Setting{{"a", "1"}, {"b", "2"}, {"c", "3"}}))
		s.ok(s.db.Clauses(on("it's")).Create(&Setting{"a", "sent"}))
		s.ok(s.db.Clauses(on("b")).Create(&Setting{"b", "sent"}))
		s.ok(s.db.Clauses(on("x")).Create(&Setting{"new", "sent"}))
		s.ok(s.db.Clauses(on("C")).Create(&Setting{"c", "sent"}))
		s.expect("4 create settings", "2 update settings")
	})
}

// Pair has two unique texts.
type Pair struct {
	ID uint
	A  string `gorm:"size:20;uniqueIndex"`
	B  string `gorm:"size:20;uniqueIndex"`
	N  int
}

// A row that is met by nothing but a second key, in another case, is left as it is.
func TestUpsertMeetsTwoByCollation(t *testing.T) {
	sc := scene{models: []any{&Pair{}}, options: []testdb.Option{testdb.WithoutReturning()}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Pair{{A: "x", B: "y"}, {A: "p", B: "q"}}).Error
	}}
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		if g.Portable {
			t.Skip("the portable way does not see which rows are met")
		}
		sc.run(t, g, func(s *stage) {
			set := clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"n"})}
			s.ok(s.db.Clauses(set).Create(&Pair{A: "X", B: "Q", N: 5}))
			s.ok(s.db.Clauses(set).Create(&[]Pair{{A: "X", B: "Q", N: 6}, {A: "new", B: "too", N: 1}}))
			s.expect("2 update pairs", "1 create pairs")
		})
	})
}
