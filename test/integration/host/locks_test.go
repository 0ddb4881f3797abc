package host

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestPostgresLockStrength: while the update of a parent's ordinary column is open,
// children may be inserted.
func TestPostgresLockStrength(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
			must(t, d.AutoMigrate(&Account{}, &Line{}))
			must(t, d.Create(accounts(2)).Error)
			child := func(parent int, patience string) string {
				c, err := d.Raw.Conn(t.Context())
				must(t, err)
				defer func() { _ = c.Close() }()
				_, err = c.ExecContext(t.Context(), "SET lock_timeout = '"+patience+"'")
				must(t, err)
				_, err = c.ExecContext(t.Context(), "INSERT INTO lines (account_id, text) VALUES ($1, 'x')", parent)
				return told(err)
			}
			must(t, d.Transaction(func(tx *gorm.DB) error {
				if err := tx.Model(&Account{ID: 1}).Update("name", "renamed").Error; err != nil {
					return err
				}
				notes = append(notes, "beside an update: "+child(1, "10s"))
				if err := tx.Model(&Account{}).Where("id IN ?", []uint{1, 2}).Updates(map[string]any{"entries": 3}).Error; err != nil {
					return err
				}
				notes = append(notes, "beside another: "+child(2, "10s"))
				// What the lock must not be, so that the above can fail.
				if err := tx.Exec("SELECT 1 FROM accounts WHERE id = 1 FOR UPDATE").Error; err != nil {
					return err
				}
				notes = append(notes, "beside FOR UPDATE: "+child(1, "50ms"))
				return nil
			}))
			return notes
		})
		same(t, plain, audited)
		if !strings.HasSuffix(audited[0], "ok") || !strings.Contains(audited[2], "55P03") {
			t.Errorf("the locks are not those this test is about: %q", audited)
		}
	})
}

// schedule is an interleaving of two transactions: each step names its own.
type schedule struct {
	name  string
	steps []step
}

type step struct {
	tx int
	do func(tx *gorm.DB) error
}

func readEntries(id uint) func(*gorm.DB) error {
	return func(tx *gorm.DB) error { return tx.First(&Account{}, id).Error }
}

func bumpEntries(id uint) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Model(&Account{}).Where("id = ?", id).Update("entries", gorm.Expr("entries + 1")).Error
	}
}

func addLine(id, account uint) func(*gorm.DB) error {
	return func(tx *gorm.DB) error { return tx.Create(&Line{ID: id, AccountID: account}).Error }
}

func removeLine(id uint) func(*gorm.DB) error {
	return func(tx *gorm.DB) error { return tx.Delete(&Line{ID: id}).Error }
}

func commit(tx *gorm.DB) error { return tx.Commit().Error }

// TestPostgresRepeatableReadAndSerializable: the same interleavings are refused,
// at the same step and with the same error, and no others.
func TestPostgresRepeatableReadAndSerializable(t *testing.T) {
	schedules := []schedule{
		{"lost update", []step{{0, readEntries(1)}, {1, bumpEntries(1)}, {1, commit}, {0, bumpEntries(1)}, {0, commit}}},
		{"write skew", []step{{0, readEntries(1)}, {1, readEntries(2)}, {0, bumpEntries(2)}, {1, bumpEntries(1)}, {0, commit}, {1, commit}}},
		{"disjoint updates", []step{{0, bumpEntries(1)}, {1, bumpEntries(2)}, {0, bumpEntries(3)}, {1, bumpEntries(4)}, {0, commit}, {1, commit}}},
		{"inserts", []step{{0, addLine(101, 1)}, {1, addLine(102, 1)}, {0, addLine(103, 2)}, {1, addLine(104, 2)}, {0, commit}, {1, commit}}},
		{"deletes", []step{{0, removeLine(1)}, {1, removeLine(2)}, {0, removeLine(3)}, {1, removeLine(4)}, {0, commit}, {1, commit}}},
		{"deleted meanwhile", []step{{0, readEntries(1)}, {1, removeLine(1)}, {1, commit}, {0, removeLine(1)}, {0, commit}}},
		{"read then insert", []step{{0, readEntries(1)}, {1, addLine(101, 2)}, {1, bumpEntries(2)}, {0, addLine(102, 3)}, {0, bumpEntries(3)}, {1, commit}, {0, commit}}},
	}
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
			for _, s := range schedules {
				t.Run(level.String()+"/"+s.name, func(t *testing.T) {
					plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
						must(t, d.AutoMigrate(&Account{}, &Line{}))
						run(t, d, "ALTER TABLE lines DROP CONSTRAINT fk_accounts_lines",
							"INSERT INTO accounts (id, name, entries) SELECT n, 'a', 0 FROM generate_series(1, 500) n",
							"INSERT INTO lines (id, account_id, text) SELECT n, n, 'a' FROM generate_series(1, 90) n", "ANALYZE accounts, lines")
						open := [2]*gorm.DB{}
						for i := range open {
							open[i] = d.Begin(&sql.TxOptions{Isolation: level})
							must(t, open[i].Error)
						}
						for i, st := range s.steps {
							notes = append(notes, fmt.Sprintf("%d: %d %s", i, st.tx, told(st.do(open[st.tx]))))
						}
						for _, tx := range open {
							tx.Rollback() // nothing to do where it is committed
						}
						return notes
					})
					same(t, plain, audited)
				})
			}
		}
	})
}

// TestMariaDBRepeatableRead: under REPEATABLE READ the first plain SELECT of a
// transaction fixes what it sees. Auditing a write before it must not.
func TestMariaDBRepeatableRead(t *testing.T) {
	writes := map[string]func(tx *gorm.DB) error{
		"create":     func(tx *gorm.DB) error { return tx.Create(&Pet{Name: "new"}).Error },
		"create map": func(tx *gorm.DB) error { return tx.Model(&Pet{}).Create(map[string]any{"name": "new"}).Error },
		"update":     func(tx *gorm.DB) error { return tx.Model(&Pet{ID: 1}).Update("name", "u").Error },
		"expression": func(tx *gorm.DB) error {
			return tx.Model(&Pet{ID: 1}).Update("name", gorm.Expr("concat(name, 'x')")).Error
		},
		"delete":  func(tx *gorm.DB) error { return tx.Delete(&Pet{ID: 1}).Error },
		"save":    func(tx *gorm.DB) error { return tx.Save(&Pet{ID: 77, Name: "saved"}).Error },
		"upsert":  func(tx *gorm.DB) error { return tx.Save(&[]Pet{{ID: 1, Name: "a"}, {ID: 78, Name: "b"}}).Error },
		"nested":  func(tx *gorm.DB) error { return tx.Create(&Account{ID: 9, Lines: []Line{{Text: "x"}}}).Error },
		"cascade": func(tx *gorm.DB) error { return tx.Delete(&Account{ID: 2}).Error },
		"table": func(tx *gorm.DB) error {
			return tx.Table("pets").Where("id = ?", 1).Updates(map[string]any{"name": "t"}).Error
		},
		"raw":         func(tx *gorm.DB) error { return tx.Exec("UPDATE pets SET name = 'raw' WHERE id = 1").Error },
		"soft delete": func(tx *gorm.DB) error { return tx.Delete(&Person{ID: 1}).Error },
		"savepoint": func(tx *gorm.DB) error {
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Pet{Name: "new"}).Error })
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
				plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
					must(t, d.AutoMigrate(&Account{}, &Line{}, &Person{}, &Pet{}, &Counter{}))
					run(t, d, "INSERT INTO pets (id, name) VALUES (1, 'one')", "INSERT INTO counters VALUES ('seen', 1)",
						"INSERT INTO people (id, name) VALUES (1, 'p')",
						"INSERT INTO accounts (id, name) VALUES (2, 'two')", "INSERT INTO `lines` (account_id, text) VALUES (2, 'l')")
					// A fresh plugin: the catalog is read inside the transaction.
					must(t, d.Transaction(func(tx *gorm.DB) error {
						if err := write(tx); err != nil {
							return err
						}
						run(t, d, "UPDATE counters SET hits = 2")
						notes = append(notes, "after the first write: "+rows(t, tx, "SELECT * FROM counters"))
						run(t, d, "UPDATE counters SET hits = 3")
						notes = append(notes, "after the read: "+rows(t, tx, "SELECT * FROM counters"),
							rows(t, tx, "SELECT id, name FROM pets ORDER BY id"))
						return nil
					}))
					return notes
				})
				same(t, plain, audited)
			})
		})
	}
}

// TestSerializableStorm: with many at once the share of transactions that must be
// repeated is that of the rows they contend for, not of the audit table.
func TestSerializableStorm(t *testing.T) {
	const workers, rounds = 6, 20
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) int {
			must(t, d.AutoMigrate(&Account{}))
			run(t, d, "INSERT INTO accounts (id, name, entries) SELECT n, 'a', 0 FROM generate_series(1, 5000) n", "ANALYZE accounts")
			var codes []string
			var mu sync.Mutex
			failed := storm(workers, rounds, func(w, r int) error {
				err := d.WithContext(context.Background()).Transaction(func(tx *gorm.DB) error {
					id := uint(1 + w*800 + r) // rows that nobody else touches, on pages of their own
					if err := readEntries(id)(tx); err != nil {
						return err
					}
					return bumpEntries(id)(tx)
				}, &sql.TxOptions{Isolation: sql.LevelSerializable})
				if err != nil {
					mu.Lock()
					codes = append(codes, told(err))
					mu.Unlock()
				}
				return err
			})
			slices.Sort(codes)
			for _, c := range slices.Compact(codes) {
				t.Log(c)
			}
			return len(failed)
		})
		if audited > plain {
			t.Errorf("%d of %d transactions failed, %d without the plugin", audited, workers*rounds, plain)
		}
	})
}
