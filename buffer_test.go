package auditplugin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// spyTable is emitter.Table, and notes how many records each write had.
type spyTable struct {
	audit.TxEmitter
	writes []int
}

func (s *spyTable) Bind(db *gorm.DB) (audit.Emitter, error) {
	bound, err := emitter.Table().Bind(db)
	if err == nil {
		s.TxEmitter = bound.(audit.TxEmitter)
	}
	return s, err
}

func (s *spyTable) AuditTable() string { return "audit_logs" }

func (s *spyTable) EmitTx(ctx context.Context, conn audit.Conn, records []audit.Record) error {
	s.writes = append(s.writes, len(records))
	return s.TxEmitter.EmitTx(ctx, conn, records)
}

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
