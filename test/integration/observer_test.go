package integration

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// However a transaction ends, what was counted is what the table has: written early,
// rolled back to a savepoint, committed by a definition (MySQL), rolled back.
func TestObserverCountsTheTable(t *testing.T) {
	type counted struct {
		ID   uint
		Name string
	}
	for _, limit := range []int{1, 3, 100} {
		t.Run(fmt.Sprint("limit ", limit), func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				var records atomic.Int64
				var system atomic.Value
				db := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&counted{}) }), testdb.WithPlugin(
					auditplugin.WithBufferLimit(limit),
					auditplugin.WithObserver(audit.Observer{Committed: func(_ context.Context, c audit.Committed) {
						for _, n := range c.Counts {
							records.Add(int64(n.Records))
						}
						system.Store(c.System)
					}})))
				compare := func(after string) {
					t.Helper()
					var n int64
					if err := db.Raw.QueryRow("SELECT COUNT(*) FROM audit_logs").Scan(&n); err != nil {
						t.Fatal(err)
					}
					if n != records.Load() || db.Plugin.Stats().Buffered != 0 {
						t.Errorf("%s: counted %d, the table has %d; %d are buffered", after, records.Load(), n, db.Plugin.Stats().Buffered)
					}
				}
				put := func(tx *gorm.DB, n int) {
					t.Helper()
					if err := tx.Create(make([]counted, n)).Error; err != nil {
						t.Fatal(err)
					}
				}
				for _, end := range []func(*gorm.DB) *gorm.DB{(*gorm.DB).Commit, (*gorm.DB).Rollback} {
					tx := db.Begin()
					put(tx, 2)
					tx.SavePoint("sp")
					put(tx, 5)
					put(tx, 1)
					tx.RollbackTo("sp")
					put(tx, 4)
					end(tx)
					compare("savepoint")

					tx = db.Begin()
					put(tx, 2)
					tx.Exec("CREATE TABLE definitions (id int)")
					put(tx, 2)
					end(tx)
					compare("definition")
					db.Exec("DROP TABLE IF EXISTS definitions")
				}
				want := map[string]string{testdb.SQLite: "sqlite", testdb.Postgres: "postgresql", testdb.MySQL: "mysql"}[g.Dialect]
				if g.Dialect == testdb.MySQL && db.MariaDB(t) {
					want = "mariadb"
				}
				if system.Load() != want {
					t.Errorf("the database is called %v, not %s", system.Load(), want)
				}
			})
		})
	}
}
