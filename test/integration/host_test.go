package integration

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

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
