package integration

import (
	"context"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// What the random histories of package proof found, each shrunk to its cause.

// Loose has no key.
type Loose struct {
	Name string `gorm:"size:40"`
	N    int
}

// Ranked has a unique column that may be NULL beside its key.
type Ranked struct {
	Name  string `gorm:"primaryKey;size:40"`
	Text  string `gorm:"size:40"`
	Place *int   `gorm:"uniqueIndex"`
}

func TestFoundDefaultValuesWithoutKey(t *testing.T) {
	scene{models: []any{&Loose{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&Loose{}).Create(map[string]any{}))
		s.expect("1 create looses")
	})
}

func TestFoundUpsertWithoutKey(t *testing.T) {
	scene{models: []any{&Loose{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Loose{Name: "a"}))
		s.expect("1 create looses")
		if s.db.Target.Dialect == testdb.Postgres {
			return // GORM's Save of a slice names no conflict, which PostgreSQL refuses
		}
		s.ok(s.db.Save(&[]Loose{{Name: "b"}, {Name: "c"}}))
		s.expect("3 create looses")
	})
}

func TestFoundNullsAreNotTheSameRowTwice(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&Ranked{Name: "there", Text: "old"}).Error }
	scene{models: []any{&Ranked{}}, seed: seed}.capture(t, func(s *stage) {
		s.ok(s.db.Save(&[]Ranked{{Name: "new"}, {Name: "there", Text: "changed"}}))
		s.expect("1 create rankeds", "1 update rankeds")
	})
}

func TestFoundGeneratedKeyMeetsNamedOne(t *testing.T) {
	sc := scene{models: []any{&Counter{}}}
	testdb.Only(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		st := sc.open(t, g)
		if !st.db.Returns(t) {
			t.Skip("without the rows that were stored it is taken for an update: docs/databases.md")
		}
		// The first row is given the key that the second one names.
		st.ok(st.db.Save(&[]Counter{{Name: "a", Hits: 1}, {ID: 1, Name: "b", Hits: 2}}))
		st.expect("1 create counters")
		st.tallied(st.trail())
		if e := st.entry(0); e.After["name"] != "b" {
			st.Errorf("recorded is %v", e.After)
		}
	})
}

func TestFoundRowsBeforeARefusedOne(t *testing.T) {
	upserts().on(t, testdb.MySQL, func(s *stage) {
		byID := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}
		for _, create := range []func(db *gorm.DB, all *[]Counter) *gorm.DB{
			func(db *gorm.DB, all *[]Counter) *gorm.DB { return db.Create(all) },
			func(db *gorm.DB, all *[]Counter) *gorm.DB { return db.Clauses(byID).Create(all) },
		} {
			run := func(db *gorm.DB) (ids [2]uint, affected int64, err error) {
				all := []Counter{{Name: "first"}, {Name: strings.Repeat("x", 50)}}
				result := create(db, &all)
				return [2]uint{all[0].ID, all[1].ID}, result.RowsAffected, result.Error
			}
			wantIDs, wantRows, wantErr := run(s.other())
			ids, rows, err := run(s.db.DB)
			if wantErr == nil || err == nil || err.Error() != wantErr.Error() {
				s.Errorf("the error is %v, without the plugin %v", err, wantErr)
			}
			if rows != wantRows || (ids[0] == 0) != (wantIDs[0] == 0) {
				s.Errorf("%d rows and keys %v, without the plugin %d and %v", rows, ids, wantRows, wantIDs)
			}
		}
		s.expect()
	})
}

func TestFoundAbortedTransactionKeepsItsWords(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a")}.on(t, testdb.Postgres, func(s *stage) {
		const words = "ERROR: current transaction is aborted, commands ignored until end of transaction block (SQLSTATE 25P02)"
		tx := s.db.Begin()
		if tx.Session(&gorm.Session{}).Exec("SELECT 1 FROM nowhere").Error == nil {
			s.Error("there is a table nowhere")
		}
		// The catalog was not asked for this table before.
		if err := tx.Session(&gorm.Session{}).Create(&Counter{Name: "b"}).Error; err == nil || err.Error() != words {
			s.Errorf("the error is %v", err)
		}
		s.ok(tx.Rollback())
		s.expect()
	})
}

// An upsert that assigns the primary key is an update of the row it conflicted
// with, found by the unique key it left alone.
func TestFoundUpsertAssignsKey(t *testing.T) {
	scene{models: []any{&Label{}}, seed: func(db *gorm.DB) error {
		return db.Create(&Label{Name: "one", Place: 2, Text: "was"}).Error
	}}.capture(t, func(s *stage) {
		s.ok(s.db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "place"}}, DoUpdates: clause.AssignmentColumns([]string{"name", "text"}),
		}).Create(&Label{Name: "two", Place: 2, Text: "is"}))
		s.expect("1 update labels")
	})
}

// Label has a key that an upsert may assign, and another unique key.
type Label struct {
	Name  string `gorm:"primaryKey;size:40"`
	Place int    `gorm:"uniqueIndex"`
	Text  string
}

// Deleting a parent and its child in one statement is one record each: the child
// is the statement's own row, although the foreign key reaches it too.
func TestFoundParentAndChildDeletedTogether(t *testing.T) {
	scene{models: []any{&Twig{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Twig{{ID: 1}, {ID: 2, ParentID: ptrTo(uint(1))}, {ID: 3, ParentID: ptrTo(uint(2))}}).Error
	}, mysql: []oracle.Option{oracle.Snapshot("twigs")}}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&[]Twig{{ID: 2}, {ID: 1}}))
		s.expect("3 delete twigs")
	})
}

// Twig is a tree whose branches fall with what they grow on.
type Twig struct {
	ID       uint
	ParentID *uint
	Parent   *Twig `gorm:"constraint:OnDelete:CASCADE"`
}

func ptrTo[T any](v T) *T { return &v }

// A context that is done before the catalog was asked fails in the words of
// database/sql.
func TestFoundCancelledBeforeTheCatalog(t *testing.T) {
	scene{models: []any{&Counter{}}}.capture(t, func(s *stage) {
		ctx, cancel := context.WithCancel(context.Background())
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			cancel()
			if err := tx.WithContext(ctx).Create(&Counter{Name: "a"}).Error; err != context.Canceled {
				s.Errorf("the error is %v", err)
			}
			return nil
		}))
		s.expect()
	})
}

// MariaDB returns the rows that a DELETE met before the one it may not delete.
func TestFoundRowsBeforeAnUndeletable(t *testing.T) {
	scene{models: []any{&Peg{}, &Hook{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Peg{{ID: 1}, {ID: 2, Hooks: []Hook{{ID: 1}}}, {ID: 3}}).Error
	}}.on(t, testdb.MySQL, func(s *stage) {
		run := func(db *gorm.DB) (int64, int, error) {
			var all []Peg
			result := db.Clauses(clause.Returning{}).Where("id > 0").Delete(&all)
			return result.RowsAffected, len(all), result.Error
		}
		wantRows, wantLen, wantErr := run(s.other())
		rows, n, err := run(s.db.DB)
		if wantErr == nil || err == nil || err.Error() != wantErr.Error() || rows != wantRows || n != wantLen {
			s.Errorf("%d rows, %d returned, error %v; without the plugin %d, %d, %v", rows, n, err, wantRows, wantLen, wantErr)
		}
		s.expect()
	})
}

// Peg can not be deleted while hooks are on it.
type Peg struct {
	ID    uint
	Hooks []Hook
}

// Hook hangs on a peg.
type Hook struct {
	ID    uint
	PegID uint
}

// A row that was sent meets two rows by two unique keys: MySQL updates one of them,
// and the other is none of its business.
func TestFoundUpsertMeetsTwoRows(t *testing.T) {
	scene{models: []any{&Ranked{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Ranked{{Name: "one", Place: ptrTo(1)}, {Name: "two"}}).Error
	}}.on(t, testdb.MySQL, func(s *stage) {
		set := clause.Assignments(map[string]any{"text": "met"})
		s.ok(s.db.Clauses(clause.OnConflict{DoUpdates: set}).Create(&Ranked{Name: "two", Place: ptrTo(1)}))
		s.ok(s.db.Clauses(clause.OnConflict{DoUpdates: set}).Create(&[]Ranked{{Name: "two", Place: ptrTo(1)}, {Name: "new", Place: ptrTo(2)}}))
		s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Ranked{{Name: "more", Place: ptrTo(3)}, {Name: "two", Place: ptrTo(1)}}))
		s.expect("1 update rankeds", "2 create rankeds")
	})
}

// Spot is found by a unique key of two columns.
type Spot struct {
	ID   uint
	X    int `gorm:"uniqueIndex:xy"`
	Y    int `gorm:"uniqueIndex:xy"`
	Text string
}

func TestFoundUpsertAssignsAGeneratedKey(t *testing.T) {
	seed := func(db *gorm.DB) error {
		return db.Create(&[]Spot{{X: 1, Y: 1, Text: "a"}, {X: 1, Y: 2, Text: "b"}, {X: 2, Y: 1, Text: "c"}}).Error
	}
	scene{models: []any{&Spot{}}, seed: seed}.on(t, testdb.MySQL, func(s *stage) {
		assigned := func(names ...string) clause.OnConflict {
			return clause.OnConflict{DoUpdates: clause.AssignmentColumns(names)}
		}
		// The row gets the key that was generated for the one that was sent.
		s.ok(s.db.Clauses(assigned("id", "y", "text")).Create(&Spot{X: 1, Y: 2, Text: "new"}))
		s.ok(s.db.Clauses(assigned("id", "text")).Create(&Spot{X: 1, Y: 1, Text: "new"}))
		s.ok(s.db.Clauses(assigned("id", "x", "y", "text")).Create(&[]Spot{{X: 2, Y: 1, Text: "new"}, {X: 2, Y: 2, Text: "fresh"}}))
		s.expect("1 create spots", "3 update spots")
	})
}

// Visitor is found by either of two unique keys.
type Visitor struct {
	ID     uint
	Email  string  `gorm:"size:40;uniqueIndex"`
	Handle *string `gorm:"size:40;uniqueIndex"`
	N      int
}

func TestFoundRowMeetsOneOfItsStatement(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&Visitor{Email: "a", Handle: ptr("h1"), N: 2}).Error }
	scene{models: []any{&Visitor{}}, seed: seed}.on(t, testdb.MySQL, func(s *stage) {
		// The second row meets the first by its address, and one that was there by its handle.
		s.ok(s.db.Clauses(untouched(s, "n")).Create(&[]Visitor{{Email: "b", N: 1}, {Email: "b", Handle: ptr("h1"), N: 3}, {Email: "c", N: 4}}))
		s.expect("2 create visitors")
	})
}

func TestFoundUpsertInsertsWhatARowGaveUp(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&Ranked{Name: "one", Place: ptr(1)}).Error }
	scene{models: []any{&Ranked{}}, seed: seed}.on(t, testdb.MySQL, func(s *stage) {
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Ranked{{Name: "one"}, {Name: "three", Place: ptr(1)}}))
		s.expect("1 create rankeds", "1 update rankeds")
	})
}
