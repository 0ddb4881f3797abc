package concurrency

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// workers is how many goroutines write at once.
const workers = 8

// rounds is how many transactions each worker makes: few unless the whole proof is
// asked for.
func rounds(few, full int) int {
	if os.Getenv("AUDIT_PROOF_FULL") != "" {
		return full
	}
	return few
}

// parallel runs work in many goroutines at once and returns how often it failed,
// and how.
func parallel(rounds int, seed uint64, work func(r *rand.Rand, worker, round int) error) (failed int, how map[string]int) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		start = make(chan struct{})
	)
	how = map[string]int{}
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			<-start
			for n := range rounds {
				if err := work(r, w, n); err != nil {
					mu.Lock()
					failed++
					how[err.Error()]++
					mu.Unlock()
				}
			}
		})
	}
	close(start)
	wg.Wait()
	return failed, how
}

// touches are writes to rows that all workers share.
var touches = []func(tx *gorm.DB, r *rand.Rand) error{
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.Assignments(map[string]any{"hits": r.IntN(100)}),
		}).Create(&counter{Name: aName(r), Hits: 1}).Error
	},
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Model(&account{ID: anAccount(r)}).Update("balance", gorm.Expr("balance + ?", r.IntN(9))).Error
	},
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Model(&account{ID: anAccount(r)}).Updates(map[string]any{"name": fmt.Sprint("n", r.IntN(3)), "entries": r.IntN(3)}).Error
	},
	func(tx *gorm.DB, r *rand.Rand) error { return tx.Delete(&counter{Name: aName(r)}).Error },
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Model(&counter{}).Where("name = ?", aName(r)).Update("hits", r.IntN(100)).Error
	},
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Create(&line{AccountID: anAccount(r), Text: "x"}).Error
	},
	// From here on the rows are not named by their key.
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Where("account_id = ?", anAccount(r)).Delete(&line{}).Error
	},
	func(tx *gorm.DB, r *rand.Rand) error {
		return tx.Model(&account{}).Where("entries = ?", r.IntN(3)).Update("entries", r.IntN(3)).Error
	},
}

const byKey = 6 // so many touches name rows by their key

func anAccount(r *rand.Rand) uint { return uint(1 + r.IntN(6)) }

func aName(r *rand.Rand) string { return fmt.Sprint("c", r.IntN(6)) }

// TestTrailsAreLinear: many writers meet on the same rows. Each row's records, in
// the order of seq, follow from one another, and tell what the triggers saw.
func TestTrailsAreLinear(t *testing.T) {
	levels := map[string][]sql.IsolationLevel{
		testdb.SQLite:   {sql.LevelDefault},
		testdb.Postgres: {sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable},
		testdb.MySQL:    {sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable},
	}
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		d := impatient(t, g, soon, testdb.Before(migrate))
		judge := oracle.Watch(t, d.Raw, g.Dialect, tables)
		for _, level := range levels[g.Dialect] {
			t.Run(level.String(), func(t *testing.T) {
				judge.Reset(t)
				d.Announced.Reset()
				kinds := touches
				if g.Dialect == testdb.MySQL && level == sql.LevelReadCommitted {
					kinds = touches[:byKey] // docs/databases.md: no gap locks
				}
				if g.Dialect == testdb.Postgres && g.Portable {
					kinds = touches[1:] // docs/limits.md: upserts that meet another session's row
				}
				for id := range uint(6) {
					must(t, d.Clauses(clause.OnConflict{DoNothing: true}).Create(&account{ID: id + 1, Name: "a"}).Error)
				}
				n := rounds(12, 100)
				var refused atomic.Int64
				failed, how := parallel(n, 1, func(r *rand.Rand, _, _ int) error {
					err := d.WithContext(context.Background()).Transaction(func(tx *gorm.DB) error {
						for range 1 + r.IntN(3) {
							if err := kinds[r.IntN(len(kinds))](tx, r); err != nil {
								return err
							}
						}
						if r.IntN(6) == 0 {
							return errBack
						}
						return nil
					}, &sql.TxOptions{Isolation: level})
					if errors.Is(err, auditplugin.ErrAuditFailed) {
						refused.Add(1)
					}
					return err
				})
				// The portable path, and MySQL's READ COMMITTED, refuse what they can not
				// tell (docs/limits.md).
				mayRefuse := g.Portable && g.Dialect != testdb.SQLite || g.Dialect == testdb.MySQL && level == sql.LevelReadCommitted
				if refused.Load() > 0 && !mayRefuse {
					t.Errorf("%d writes were refused: %v", refused.Load(), how)
				}
				if failed > workers*n*3/4 {
					t.Errorf("%d of %d transactions failed: %v", failed, workers*n, how)
				}
				trail := judge.Check(t, d.Announced.Batches())
				linear(t, trail)
				summary.Add(t, g.Dialect, summary.Counts{
					summary.ParallelWrites: int64(workers * n), summary.Records: int64(len(trail)), summary.Mismatches: 0,
				})
			})
		}
	})
}

var errBack = errors.New("rolled back on purpose")

// linear demands that each record of a row starts where the one before it ended.
func linear(t *testing.T, trail []oracle.Entry) {
	t.Helper()
	known := map[string]map[string]any{}
	for _, e := range trail {
		row := e.Table + " " + e.RecordID
		was := known[row]
		if e.Action == "create" && was != nil {
			t.Errorf("%d: %s is created twice", e.Seq, row)
		}
		if e.Action != "create" && was == nil {
			was = map[string]any{} // from before the test: its first record says what it was
		}
		for column, value := range e.Before {
			if last, ok := was[column]; ok && !oracle.Equal(last, value) {
				t.Errorf("%d: %s of %s was %v, its %s says %v", e.Seq, column, row, last, e.Action, value)
			}
		}
		if e.Action == "delete" {
			delete(known, row)
			continue
		}
		if was == nil {
			was = map[string]any{}
		}
		for column, value := range e.After {
			was[column] = value
		}
		known[row] = was
	}
	if len(trail) == 0 {
		t.Error("there are no records")
	}
}

// TestLinear: the check finds trails that do not hang together.
func TestLinear(t *testing.T) {
	type images = map[string]any
	entry := func(seq int64, action string, before, after images) oracle.Entry {
		return oracle.Entry{Seq: seq, Action: action, Table: "t", RecordID: "1", Before: before, After: after}
	}
	for name, trail := range map[string][]oracle.Entry{
		"skipped":       {entry(1, "create", nil, images{"a": 1.0}), entry(2, "update", images{"a": 2.0}, images{"a": 3.0})},
		"swapped":       {entry(1, "update", images{"a": 2.0}, images{"a": 3.0}), entry(2, "update", images{"a": 1.0}, images{"a": 2.0})},
		"created twice": {entry(1, "create", nil, images{"a": 1.0}), entry(2, "create", nil, images{"a": 1.0})},
		"deleted other": {entry(1, "create", nil, images{"a": 1.0}), entry(2, "delete", images{"a": 5.0}, nil)},
	} {
		fake := &testing.T{}
		linear(fake, trail)
		if !fake.Failed() {
			t.Errorf("%s passes", name)
		}
	}
}
