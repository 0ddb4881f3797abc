package plugin_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

func TestBufferLimit(t *testing.T) {
	boom := errors.New("boom")
	create := func(t *testing.T, tx *gorm.DB, ids ...uint) {
		for _, id := range ids {
			must(t, tx.Create(&user{ID: id}))
		}
	}
	for name, c := range map[string]struct {
		do     func(t *testing.T, tx *gorm.DB) error
		writes []int
		want   []string
	}{
		"below": {
			func(t *testing.T, tx *gorm.DB) error { create(t, tx, 1); return nil },
			[]int{1},
			[]string{"create user 1"},
		},
		"early": {
			func(t *testing.T, tx *gorm.DB) error { create(t, tx, 1, 2, 3, 4, 5); return nil },
			[]int{2, 2, 1},
			[]string{"create user 1", "create user 2", "create user 3", "create user 4", "create user 5"},
		},
		"one statement above": {
			func(t *testing.T, tx *gorm.DB) error {
				must(t, tx.Create([]user{{ID: 1}, {ID: 2}, {ID: 3}}))
				create(t, tx, 4)
				return nil
			},
			[]int{3, 1},
			[]string{"create user 1", "create user 2", "create user 3", "create user 4"},
		},
		"rolled back": {
			func(t *testing.T, tx *gorm.DB) error { create(t, tx, 1, 2, 3); return boom },
			[]int{2},
			nil,
		},
		"rolled back to a savepoint": {
			func(t *testing.T, tx *gorm.DB) error {
				create(t, tx, 1, 2, 3)
				must(t, tx.SavePoint("here"))
				create(t, tx, 4, 5, 6)
				must(t, tx.RollbackTo("here"))
				create(t, tx, 7)
				return nil
			},
			[]int{2, 2, 2, 2},
			[]string{"create user 1", "create user 2", "create user 3", "create user 7"},
		},
		"savepoint in the buffer": {
			func(t *testing.T, tx *gorm.DB) error {
				create(t, tx, 1)
				must(t, tx.SavePoint("here"))
				create(t, tx, 2) // takes 1 along
				must(t, tx.RollbackTo("here"))
				return nil
			},
			[]int{2, 1},
			[]string{"create user 1"},
		},
		"nested": {
			func(t *testing.T, tx *gorm.DB) error {
				create(t, tx, 1)
				err := tx.Transaction(func(inner *gorm.DB) error { create(t, inner, 2, 3, 4); return boom })
				if !errors.Is(err, boom) {
					t.Errorf("the nested transaction returned %v", err)
				}
				return tx.Transaction(func(inner *gorm.DB) error { create(t, inner, 5); return nil })
			},
			nil, // how often is not the point
			[]string{"create user 1", "create user 5"},
		},
		"read in between": {
			func(t *testing.T, tx *gorm.DB) error {
				create(t, tx, 1)
				for want := int64(1); want < 4; want++ {
					var n int64
					must(t, tx.Table("audit_logs").Count(&n))
					if n != want {
						t.Errorf("the transaction sees %d records, want %d", n, want)
					}
					create(t, tx, uint(want)+1)
				}
				return nil
			},
			[]int{1, 1, 1, 1},
			[]string{"create user 1", "create user 2", "create user 3", "create user 4"},
		},
	} {
		for _, announcing := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", announcing ", announcing), func(t *testing.T) {
				db, spy, memory := openDB(t), &spyTable{}, emitter.Memory()
				emitters := []audit.Emitter{spy}
				if announcing {
					emitters = append(emitters, memory)
				}
				use(t, db, auditplugin.WithEmitter(emitters...), auditplugin.WithBufferLimit(2))
				if err := db.Transaction(func(tx *gorm.DB) error { return c.do(t, tx) }); err != nil && !errors.Is(err, boom) {
					t.Fatal(err)
				}
				if c.writes != nil && !slices.Equal(spy.writes, c.writes) {
					t.Errorf("the table was written %v, want %v", spy.writes, c.writes)
				}
				if !announcing {
					_ = memory.Emit(t.Context(), trail(t, db)) // nobody was told
				} else if n := len(memory.Transactions()); n != min(1, len(c.want)) {
					t.Errorf("announced %d times", n)
				}
				wantTrail(t, db, memory, c.want...)
			})
		}
	}
}

// A transaction that its context ended announces nothing.
func TestCancelledTransaction(t *testing.T) {
	db, _, memory := audited(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		must(t, tx.Create(&user{Name: "Ada"}))
		cancel()
		return nil
	})
	// The latter when database/sql was quick to roll back; so it is without the plugin.
	if !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("the transaction returned %v", err)
	}
	wantTrail(t, db, memory)
}

// idle waits until no connection of the pool is in use.
func idle(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool := poolOf(t, db)
	for range 500 {
		if pool.Stats().InUse == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d connections are still in use", pool.Stats().InUse)
}

// Whether a driver's connection can be used again after a rollback that nobody asked
// for is told by two optional methods; without them database/sql closes it by itself.
func TestContextEndReturnsTheConnection(t *testing.T) {
	for name, wrap := range map[string]func(driver.Conn) driver.Conn{
		"closed": func(c driver.Conn) driver.Conn { return c },
		"kept":   func(c driver.Conn) driver.Conn { return keptConn{fullConn{Conn: c}} },
	} {
		t.Run(name, func(t *testing.T) {
			db, memory := openStrange(t, wrap)
			must(t, db.Create(&user{Name: "Ada"}))
			poolOf(t, db).SetMaxOpenConns(1)
			for range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				tx := db.WithContext(ctx).Begin()
				must(t, tx)
				must(t, tx.Model(&user{ID: 1}).Update("name", "Grace"))
				cancel() // and no Rollback
				idle(t, db)
			}
			must(t, db.Model(&user{ID: 1}).Update("name", "Joan"))
			wantTrail(t, db, memory, "create user 1", "update user 1")
		})
	}
}

// A context may end at any moment. Nothing of ours may then run outside the
// transaction that database/sql has rolled back.
func TestNothingRunsAfterTheContextEnds(t *testing.T) {
	db, _ := openStrange(t, func(c driver.Conn) driver.Conn { return keptConn{fullConn{Conn: c}} })
	must(t, db.Create(&user{Name: "Ada"}))
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(rand.IntN(1500))*time.Microsecond, cancel)
		tx := db.WithContext(ctx).Begin()
		for range 3 {
			// The statements' own context goes on.
			tx.WithContext(t.Context()).Model(&user{ID: 1}).Update("age", gorm.Expr("age + 1"))
		}
		if rand.IntN(2) == 0 {
			tx.Rollback()
		} else {
			tx.Commit()
		}
		timer.Stop()
		cancel()
	}
	idle(t, db)
	var ada user
	must(t, db.First(&ada, 1))
	changes := 0
	for _, r := range trail(t, db) {
		if r.Action == "update" {
			changes++
		}
	}
	if changes != ada.Age {
		t.Errorf("%d changes are recorded of %d", changes, ada.Age)
	}
	if ada.Age == 0 {
		t.Error("no transaction was quick enough: nothing was tested")
	}
}

func TestSQLTxThatIsEndedElsewhere(t *testing.T) {
	db, _, memory := audited(t)
	must(t, db.Create(&user{Name: "Ada"}))
	poolOf(t, db).SetMaxOpenConns(1)
	tx := db.Begin()
	must(t, tx)
	must(t, tx.Model(&user{ID: 1}).Update("name", "Grace"))
	sqlTx, err := auditplugin.SQLTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlTx.Rollback(); err != nil {
		t.Fatal(err)
	}
	idle(t, db)
	must(t, db.Model(&user{ID: 1}).Update("name", "Joan"))
	wantTrail(t, db, memory, "create user 1", "update user 1")
}
