package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// byName lets an upsert of counters meet rows by their name.
func byName(set clause.Set) clause.OnConflict {
	return clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: set}
}

// eachPath runs a test as it is, and without RETURNING, as on MySQL.
func eachPath(t *testing.T, f func(*testing.T, []testdb.Option)) {
	t.Run("returning", func(t *testing.T) { f(t, nil) })
	t.Run("not returning", func(t *testing.T) { f(t, []testdb.Option{testdb.WithoutReturning()}) })
}

// Several rows get other keys in one statement, and are followed to them by a unique key
// that it leaves alone.
func TestUpsertAssignsKeysOfSeveralRows(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c"), options: options, oracle: []oracle.Option{oracle.Merge()}}.capture(t, func(s *stage) {
			s.ok(s.db.Clauses(byName(clause.AssignmentColumns([]string{"id", "hits"}))).Create(&[]Counter{
				{ID: 11, Name: "a", Hits: 1}, {ID: 12, Name: "new"}, {ID: 13, Name: "c"},
			}))
			if s.db.Target.Dialect != testdb.Postgres { // which changes no row twice
				s.ok(s.db.Clauses(byName(clause.AssignmentColumns([]string{"id"}))).Create(&[]Counter{{ID: 21, Name: "a"}, {ID: 22, Name: "more"}, {ID: 23, Name: "a"}, {ID: 24, Name: "more"}}))
				s.expect("2 create counters", "3 update counters")
				return
			}
			s.expect("1 create counters", "2 update counters")
		})
	})
}

// A row gets the key that another one gave up before.
func TestUpsertHandsKeysOn(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Counter{}}, seed: seedCounters("a", "b"), options: options}.capture(t, func(s *stage) {
			s.ok(s.db.Clauses(byName(clause.AssignmentColumns([]string{"id"}))).Create(&[]Counter{{ID: 9, Name: "a"}, {ID: 1, Name: "b"}}))
			s.expect("2 update counters")
		})
	})
}

// Nothing is left alone by which the row could be found: the one that is gone is the one
// that was moved.
func TestUpsertAssignsEveryKey(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Counter{}}, seed: seedCounters("a", "b"), options: options}.capture(t, func(s *stage) {
			oc := byName(clause.Assignments(map[string]any{"id": 7, "name": "z"}))
			s.ok(s.db.Clauses(oc).Create(&Counter{Name: "a"}))
			s.ok(s.db.Clauses(oc).Create(&Counter{Name: "new"}))
			s.ok(s.db.Clauses(byName(clause.Assignments(map[string]any{"id": gorm.Expr("counters.id + 90"), "name": "y"}))).Create(&Counter{Name: "b"}))
			s.expect("1 create counters", "2 update counters")
		})
	})
}

// Several rows, and nothing that tells which got which key: refused where the database does
// not tell, and recorded where it does.
func TestUpsertAssignsEveryKeyOfSeveralRows(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Counter{}}, seed: seedCounters("a", "b"), options: options}.capture(t, func(s *stage) {
			set := clause.Assignments(map[string]any{"id": gorm.Expr("counters.id + 90"), "name": gorm.Expr("'new'")})
			rows := []Counter{{Name: "a"}, {Name: "other"}}
			if s.db.Target.Dialect == testdb.SQLite || s.db.Target.Portable && s.db.Target.Dialect == testdb.Postgres {
				s.fails(s.db.Clauses(byName(set)).Create(&rows).Error, auditplugin.ErrAuditFailed)
				return
			}
			s.ok(s.db.Clauses(byName(set)).Create(&rows))
			s.expect("1 create counters", "1 update counters")
		})
	})
}

// A row gives up the unique value by which the next one is then inserted: nothing is taken for
// the statement's own that was there before.
func TestUpsertMeetsAndInsertsByOneValue(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Word{}}, seed: func(db *gorm.DB) error { return db.Create(&Word{Text: "go"}).Error }, options: options}.capture(t, func(s *stage) {
			if s.db.Target.Dialect == testdb.Postgres {
				s.Skip("PostgreSQL gives up no value within a statement")
			}
			oc := clause.OnConflict{Columns: []clause.Column{{Name: "text"}}, DoUpdates: clause.Assignments(map[string]any{"text": "x"})}
			s.ok(s.db.Clauses(oc).Create(&[]Word{{Text: "go", N: 1}, {Text: "go", N: 2}}))
			s.expect("1 create words", "1 update words")
		})
	})
}

// A row that was sent meets another one by its key than the one that has its text, which the
// next row meets.
func TestUpsertMeetsCrosswise(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Word{}}, seed: func(db *gorm.DB) error {
			return db.Create(&[]Word{{ID: 1, Text: "a"}, {ID: 5, Text: "z"}}).Error
		}, options: options}.on(t, testdb.MySQL, func(s *stage) {
			s.ok(s.db.Clauses(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"n"})}).Create(&[]Word{{ID: 5, Text: "a", N: 3}, {ID: 6, Text: "a", N: 4}}))
			s.expect("2 update words")
		})
	})
}

// Slot has no key, and two values that are unique where they are set.
type Slot struct {
	Place *int `gorm:"uniqueIndex"`
	Line  *int `gorm:"uniqueIndex"`
	Text  string
}

// Rows of a table without a key are told apart by a unique value that stays.
func TestUpsertWithoutKey(t *testing.T) {
	eachPath(t, func(t *testing.T, options []testdb.Option) {
		scene{models: []any{&Slot{}}, seed: func(db *gorm.DB) error {
			return db.Create(&[]Slot{{Place: ptr(1), Text: "one"}, {Place: ptr(2), Line: ptr(2), Text: "two"}}).Error
		}, options: options, oracle: []oracle.Option{oracle.Merge()}}.capture(t, func(s *stage) {
			oc := clause.OnConflict{Columns: []clause.Column{{Name: "place"}}, DoUpdates: clause.AssignmentColumns([]string{"text"})}
			s.ok(s.db.Clauses(oc).Create(&Slot{Place: ptr(1), Text: "met"}))
			s.ok(s.db.Clauses(oc).Create(&[]Slot{{Place: ptr(2), Text: "met"}, {Text: "loose"}, {Place: ptr(3), Line: ptr(3), Text: "new"}}))
			// Rows of one statement meet each other by a value of which one gets what was sent.
			if s.db.Target.Dialect != testdb.Postgres {
				s.ok(s.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "place"}}, DoUpdates: clause.AssignmentColumns([]string{"text"})}).
					Create(&[]Slot{{Place: ptr(9), Text: "a"}, {Place: ptr(9), Text: "b"}, {Place: ptr(1), Text: "again"}}))
				s.expect("3 create slots", "3 update slots")
				return
			}
			s.expect("2 create slots", "2 update slots")
		})
	})
}

// Nothing tells a row of a table without a key again that is met by what was not sent.
func TestUpsertWithoutKeyMeetsUnseen(t *testing.T) {
	scene{models: []any{&Visit{}}, ddl: func(string) []string {
		return []string{"CREATE UNIQUE INDEX pages ON visits (lower(page))"}
	}}.on(t, testdb.SQLite, func(s *stage) {
		s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Visit{{Page: "A", Count: 1}, {Page: "a", Count: 2}}))
		set := clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"count"})}
		s.fails(s.db.Clauses(set).Create(&Visit{Page: "a", Count: 3}).Error, auditplugin.ErrAuditFailed)
		s.expect("1 create visits")
	})
}

// GORM knows no column to assign to itself for a map without a model: the statement fails as
// it does without the plugin.
func TestUpsertOfMapsFailsAsWithout(t *testing.T) {
	scene{models: []any{&Counter{}}}.on(t, testdb.MySQL, func(s *stage) {
		run := func(db *gorm.DB) error {
			return db.Table("counters").Clauses(clause.OnConflict{DoNothing: true}).Create(map[string]any{"name": "a"}).Error
		}
		if want, got := run(s.other()), run(s.db.DB); want == nil || got == nil || want.Error() != got.Error() {
			s.Errorf("the error is %v, without the plugin %v", got, want)
		}
		s.expect()
	})
}
