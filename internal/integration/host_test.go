package integration

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// onAndOff runs the same load with the plugin and without it: the host must not
// notice the difference.
func (sc scene) onAndOff(t *testing.T, dialect string, load func(s *stage, db *gorm.DB)) {
	t.Helper()
	t.Run("off", func(t *testing.T) {
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			s := sc.open(t, g)
			load(s, s.other())
		})
	})
	t.Run("on", func(t *testing.T) {
		sc.on(t, dialect, func(s *stage) { load(s, s.db.DB) })
	})
}

// crowd runs f from several goroutines and returns the errors.
func crowd(workers, rounds int, f func(worker, round int) error) error {
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for r := range rounds {
				if err := f(w, r); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d failed, the first with: %w", len(failed), workers*rounds, failed[0])
	}
	return nil
}

// Eight writers of one SQLite file, each transaction an update: a read before the
// write would fail at once when another writer got in between.
func TestSQLiteWriters(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c", "d", "e", "f", "g", "h")}.
		onAndOff(t, testdb.SQLite, func(s *stage, db *gorm.DB) {
			s.try(crowd(8, 25, func(w, r int) error {
				return db.Transaction(func(tx *gorm.DB) error {
					if err := tx.Model(&Counter{ID: uint(w + 1)}).Update("hits", gorm.Expr("hits + 1")).Error; err != nil {
						return err
					}
					return tx.Model(&Counter{}).Where("id = ?", r%8+1).Update("note", fmt.Sprint(w, r)).Error
				})
			}))
		})
}

// Inserting a child takes a key-share lock on its parent; bumping the parent's
// counter after that deadlocks when the parent's image is read FOR UPDATE.
func TestPostgresCounterBump(t *testing.T) {
	type Line struct {
		ID        uint
		AccountID uint
	}
	type Account struct {
		ID    uint
		Lines []Line
		Total int
	}
	scene{models: []any{&Account{}, &Line{}}, seed: func(db *gorm.DB) error {
		return db.Create(&Account{ID: 1}).Error
	}}.onAndOff(t, testdb.Postgres, func(s *stage, db *gorm.DB) {
		bump := func(int, int) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Create(&Line{AccountID: 1}).Error; err != nil {
					return err
				}
				return tx.Model(&Account{ID: 1}).Update("total", gorm.Expr("total + 1")).Error
			})
		}
		s.try(crowd(8, 10, bump))
		var total int
		s.ok(s.other().Model(&Account{}).Select("total").Scan(&total))
		if total != 80 {
			s.Errorf("the total is %d", total)
		}
	})
}

// Reading the keys of an upsert before it deadlocks with other upserts of the same
// keys, since a missing key is locked as a gap.
func TestMySQLUpsertStorm(t *testing.T) {
	scene{models: []any{&Counter{}}}.onAndOff(t, testdb.MySQL, func(s *stage, db *gorm.DB) {
		s.try(crowd(8, 25, func(_, r int) error {
			return db.Clauses(clause.OnConflict{
				Columns: onName, DoUpdates: clause.Assignments(map[string]any{"hits": gorm.Expr("hits + 1")}),
			}).Create(&Counter{Name: fmt.Sprint("n", r), Hits: 1}).Error
		}))
		var hits, rows int
		s.ok(s.other().Model(&Counter{}).Select("SUM(hits)").Scan(&hits))
		s.ok(s.other().Model(&Counter{}).Select("COUNT(*)").Scan(&rows))
		if hits != 200 || rows != 25 {
			s.Errorf("%d hits in %d rows", hits, rows)
		}
	})
}

// Under REPEATABLE READ the first plain SELECT fixes what a transaction sees. An
// audited write must not be that SELECT.
func TestMySQLRepeatableRead(t *testing.T) {
	scene{models: []any{&Counter{}, &Setting{}}, seed: func(db *gorm.DB) error {
		if err := seedCounters("a", "b")(db); err != nil {
			return err
		}
		return seedSettings("watched")(db)
	}}.onAndOff(t, testdb.MySQL, func(s *stage, db *gorm.DB) {
		writes := map[string]func(tx *gorm.DB) *gorm.DB{
			"update": func(tx *gorm.DB) *gorm.DB { return tx.Model(&Counter{ID: 1}).Update("hits", gorm.Expr("hits + 1")) },
			"create": func(tx *gorm.DB) *gorm.DB { return tx.Create(&Counter{Name: "new"}) },
			"upsert": func(tx *gorm.DB) *gorm.DB {
				return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Counter{Name: "a", Hits: 70})
			},
			"delete": func(tx *gorm.DB) *gorm.DB { return tx.Delete(&Counter{ID: 2}) },
		}
		for name, write := range writes {
			tx := db.Begin()
			s.ok(write(tx))
			if _, err := s.db.Raw.Exec("UPDATE settings SET value = ? WHERE name = 'watched'", name); err != nil {
				s.Fatal(err)
			}
			var seen string
			s.ok(tx.Model(&Setting{}).Select("value").Where("name = ?", "watched").Scan(&seen))
			if seen != name {
				s.Errorf("after %s the transaction sees %q, which was there before it first read", name, seen)
			}
			s.ok(tx.Rollback())
		}
		if _, err := s.db.Raw.Exec("DELETE FROM oracle_changes WHERE tbl = 'settings'"); err != nil {
			s.Fatal(err)
		}
		if _, err := s.db.Raw.Exec("UPDATE settings SET value = 'v-watched'"); err != nil {
			s.Fatal(err)
		}
		if _, err := s.db.Raw.Exec("DELETE FROM oracle_changes WHERE tbl = 'settings'"); err != nil {
			s.Fatal(err)
		}
	})
}

// Rows that are changed at the same time, one update each of many.
func TestConcurrentUpdates(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		sc := scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}
		sc.run(t, g, func(s *stage) {
			s.try(crowd(6, 15, func(w, r int) error {
				if (w+r)%3 == 0 {
					return s.db.Model(&Counter{}).Where("name = ?", "a").Update("hits", gorm.Expr("hits + 1")).Error
				}
				return s.db.Model(&Counter{ID: uint((w+r)%3 + 1)}).Update("hits", gorm.Expr("hits + 1")).Error
			}))
			s.expect("90 update counters")
		})
	})
}

// The plugin needs no connection beside the transaction's own.
func TestConnectionCount(t *testing.T) {
	settings().natively(t, func(s *stage) {
		pool, err := s.db.DB.DB()
		s.try(err)
		pool.SetMaxOpenConns(2)
		before := pool.Stats().WaitCount
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			s.ok(tx.Model(&Setting{Name: "a"}).Update("value", "y"))
			s.ok(tx.Delete(&Setting{Name: "b"}))
			if n := pool.Stats().InUse; n != 1 {
				s.Errorf("%d connections are in use", n)
			}
			return nil
		}))
		if n := pool.Stats().InUse; n != 0 {
			s.Errorf("%d connections are still in use", n)
		}
		if n := pool.Stats().WaitCount; n != before {
			s.Error("somebody waited for a connection")
		}
	})
}

// A lock timeout is the error that the application would have met.
func TestLockErrors(t *testing.T) {
	lock := map[string]string{
		testdb.Postgres: "SET LOCAL lock_timeout = '50ms'",
		testdb.MySQL:    "SET innodb_lock_wait_timeout = 1",
	}
	for dialect, statement := range lock {
		settings().on(t, dialect, func(s *stage) {
			holder, err := s.db.Raw.Begin()
			s.try(err)
			defer func() { _ = holder.Rollback() }()
			if _, err := holder.Exec("UPDATE settings SET value = 'held' WHERE name = 'a'"); err != nil {
				s.Fatal(err)
			}
			locked := func(db *gorm.DB) string {
				err := db.Transaction(func(tx *gorm.DB) error {
					s.ok(tx.Exec(statement))
					return tx.Model(&Setting{Name: "a"}).Update("value", "waits").Error
				})
				if err == nil || errors.Is(err, errOnPurpose) {
					s.Fatalf("the error is %v", err)
				}
				return err.Error()
			}
			if off, on := locked(s.other()), locked(s.db.DB); on != off {
				s.Errorf("the error is %q, without the plugin %q", on, off)
			}
			s.try(holder.Rollback())
			s.expect()
		})
	}
}
