package host

import (
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestSQLiteWriters: a transaction that reads before it writes fails at once when
// another writer came between, whatever the busy timeout. Auditing reads images,
// and no writer may fail for it.
func TestSQLiteWriters(t *testing.T) {
	const workers, rounds = 8, 12
	kinds := map[string]struct {
		write  func(tx *gorm.DB, worker, round int) error
		record string
		table  string
	}{
		"update": {func(tx *gorm.DB, w, _ int) error {
			return tx.Model(&Account{}).Where("id = ?", w%4+1).Update("entries", gorm.Expr("entries + 1")).Error
		}, "update", "accounts"},
		"upsert": {func(tx *gorm.DB, w, r int) error {
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Counter{Name: fmt.Sprint(w, r), Hits: 1}).Error
		}, "create", "counters"},
		"save": {func(tx *gorm.DB, w, r int) error {
			return tx.Save(&Account{ID: uint(100 + w*rounds + r), Name: "saved"}).Error
		}, "create", "accounts"},
		"delete": {func(tx *gorm.DB, w, r int) error {
			return tx.Delete(&Line{ID: uint(1 + w*rounds + r)}).Error
		}, "delete", "lines"},
		"cascade": {func(tx *gorm.DB, w, r int) error {
			return tx.Delete(&Account{ID: uint(10 + w*rounds + r)}).Error
		}, "delete", "accounts"},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			testdb.On(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
				work := func(t *testing.T, d *testdb.DB) int {
					must(t, d.AutoMigrate(&Account{}, &Line{}, &Counter{}))
					for i := range 9 {
						run(t, d, fmt.Sprintf("INSERT INTO accounts (id, name, entries) VALUES (%d, 'a', 0)", i+1))
					}
					for i := range workers * rounds {
						if name == "cascade" {
							run(t, d, fmt.Sprintf("INSERT INTO accounts (id, name, entries) VALUES (%d, 'a', 0)", i+10))
						}
						if name == "delete" {
							run(t, d, fmt.Sprintf("INSERT INTO lines (id, account_id, text) VALUES (%d, 1, 'a')", i+1))
						}
					}
					failed := storm(workers, rounds, func(w, r int) error {
						return d.Transaction(func(tx *gorm.DB) error {
							if err := kind.write(tx, w, r); err != nil {
								return err
							}
							return tx.Create(&Pet{Name: "after"}).Error
						})
					})
					if d.Plugin != nil {
						if n := records(t, d, kind.table, kind.record); n != workers*rounds-len(failed) {
							t.Errorf("%d records of %d changes", n, workers*rounds-len(failed))
						}
					}
					for _, err := range failed {
						t.Log(err)
					}
					return len(failed)
				}
				pets := testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true })
				plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) int {
					must(t, d.AutoMigrate(&Pet{}))
					return work(t, d)
				}, pets)
				if audited > plain {
					t.Errorf("%d of %d writes failed, %d without the plugin", audited, workers*rounds, plain)
				}
			})
		})
	}
}

// TestPostgresCounterBump: inserting a child locks its parent FOR KEY SHARE, and a
// read of the parent FOR UPDATE would then deadlock with everybody doing the same.
func TestPostgresCounterBump(t *testing.T) {
	const workers, rounds = 8, 10
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) int {
			must(t, d.AutoMigrate(&Account{}, &Line{}))
			must(t, d.Create(accounts(1)).Error)
			failed := storm(workers, rounds, func(w, _ int) error {
				return d.Transaction(func(tx *gorm.DB) error {
					if err := tx.Create(&Line{AccountID: 1, Text: fmt.Sprint(w)}).Error; err != nil {
						return err
					}
					return tx.Model(&Account{ID: 1}).Update("entries", gorm.Expr("entries + 1")).Error
				})
			})
			for _, err := range failed {
				t.Log(err)
			}
			if n := count(t, d, "SELECT entries FROM accounts WHERE id = 1"); n != workers*rounds-len(failed) {
				t.Errorf("counter is %d after %d bumps", n, workers*rounds-len(failed))
			}
			if d.Plugin != nil {
				if n := records(t, d, "accounts", "update"); n != workers*rounds-len(failed) {
					t.Errorf("%d records of %d bumps", n, workers*rounds-len(failed))
				}
			}
			return len(failed)
		})
		if audited != 0 || plain != 0 {
			t.Errorf("%d of %d transactions failed, %d without the plugin", audited, workers*rounds, plain)
		}
	})
}

// TestMariaDBUpsertStorm: a lock taken ahead on a key that does not exist yet is a
// gap lock, and two of those deadlock.
func TestMariaDBUpsertStorm(t *testing.T) {
	const workers, rounds, slack = 8, 25, 10
	bump := clause.OnConflict{
		Columns:   []clause.Column{{Name: "name"}},
		DoUpdates: clause.Assignments(map[string]any{"hits": gorm.Expr("hits + 1")}),
	}
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) int {
			must(t, d.AutoMigrate(&Counter{}))
			failed := storm(workers, rounds, func(w, r int) error {
				// Neighbours meet on the same fresh key at about the same time.
				return d.Clauses(bump).Create(&Counter{Name: fmt.Sprintf("k%03d", (r*workers+w)/4), Hits: 1}).Error
			})
			for _, err := range failed {
				t.Log(err)
			}
			if n := count(t, d, "SELECT sum(hits) FROM counters"); n != workers*rounds-len(failed) {
				t.Errorf("%d hits of %d upserts", n, workers*rounds-len(failed))
			}
			if d.Plugin != nil {
				n := records(t, d, "counters", "create") + records(t, d, "counters", "update")
				if n != workers*rounds-len(failed) {
					t.Errorf("%d records of %d upserts", n, workers*rounds-len(failed))
				}
			}
			return len(failed)
		})
		if audited > plain+slack {
			t.Errorf("%d of %d upserts failed, %d without the plugin", audited, workers*rounds, plain)
		}
	})
}
