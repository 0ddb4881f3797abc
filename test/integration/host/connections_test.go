package host

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

var errUndone = errors.New("undone")

// nest writes in transactions within transactions and looks at the pool on the way.
func nest(d *testdb.DB, look func(where string)) error {
	return d.Transaction(func(tx *gorm.DB) error {
		account := Account{Name: "a", Lines: []Line{{Text: "l"}}}
		if err := tx.Create(&account).Error; err != nil {
			return err
		}
		look("in a transaction")
		err := tx.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&account).Update("entries", 1).Error; err != nil {
				return err
			}
			if err := tx.Save(&[]Counter{{Name: "a", Hits: 1}, {Name: "b", Hits: 1}}).Error; err != nil {
				return err
			}
			look("nested")
			return errUndone
		})
		if !errors.Is(err, errUndone) {
			return fmt.Errorf("the nested transaction: %w", err)
		}
		skipped := audit.Skip(tx.Statement.Context, "not of interest")
		if err := tx.WithContext(skipped).Create(&Counter{Name: "skipped"}).Error; err != nil {
			return err
		}
		if err := tx.Exec("UPDATE counters SET hits = hits + 1").Error; err != nil {
			return err
		}
		look("after raw SQL")
		return tx.Delete(&account).Error
	})
}

// TestConnections: auditing needs no connection that the application does not
// have in use anyway. With a pool of one it would wait for itself for ever. MySQL's
// catalog alone is read on another, where there may be one and nothing else leaves the
// transaction's snapshot as it is.
func TestConnections(t *testing.T) {
	for _, limit := range []int{0, 1} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, g testdb.Target) {
				plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
					must(t, d.AutoMigrate(&Account{}, &Line{}, &Counter{}))
					pool, err := d.DB.DB()
					must(t, err)
					apart := limit != 1 && readsApart(t, d)
					look := func(where string) {
						s := pool.Stats()
						if apart {
							s.OpenConnections = 0
						}
						notes = append(notes, fmt.Sprintf("%s: %d open, %d in use, %d waited", where, s.OpenConnections, s.InUse, s.WaitCount))
					}
					for range 3 {
						must(t, nest(d, look))
						look("after commit")
						must(t, d.Where("name = ?", "skipped").Delete(&Counter{}).Error)
					}
					must(t, d.Create(&Counter{Name: "alone"}).Error)
					must(t, d.Model(&Counter{}).Where("name = ?", "alone").Update("hits", 2).Error)
					must(t, d.Delete(&Counter{Name: "alone"}).Error)
					look("after single writes")
					return notes
				}, testdb.WithMaxOpen(limit))
				same(t, plain, audited)
			})
		})
	}
}

// readsApart tells MySQL from all others.
func readsApart(t *testing.T, d *testdb.DB) bool {
	t.Helper()
	server, err := catalog.LoadServer(t.Context(), d.Raw, d.Target.Dialect)
	must(t, err)
	return server.Dialect == testdb.MySQL && !server.MariaDB
}

// TestPreparedStatementsCache: what the plugin runs for itself does not enter the
// application's cache of prepared statements, and does not pile up on the server.
func TestPreparedStatementsCache(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		cached := func(d *testdb.DB) int {
			ps, ok := d.ConnPool.(*gorm.PreparedStmtDB)
			if !ok {
				t.Fatalf("%T is no cache of prepared statements", d.ConnPool)
			}
			return len(ps.Stmts.Keys())
		}
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) int {
			must(t, d.AutoMigrate(&Account{}, &Line{}, &Counter{}))
			var onServer []int
			for i := range 12 {
				must(t, nest(d, func(string) {}))
				must(t, d.Model(&Counter{}).Where("name = ?", "skipped").Update("hits", i).Error)
				must(t, d.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Counter{Name: "up", Hits: i}).Error)
				must(t, d.Where("name = ?", "skipped").Delete(&Counter{}).Error)
				if i >= 9 {
					onServer = append(onServer, prepared(t, d))
				}
			}
			if slices.Max(onServer) != onServer[0] {
				t.Errorf("the server's prepared statements grow: %d", onServer)
			}
			return cached(d)
		}, testdb.WithMaxOpen(1), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true }))
		// Statements of the application are kept in the form that returns images, in
		// place of their own.
		if audited != plain || plain == 0 {
			t.Errorf("%d statements in the cache, %d without the plugin", audited, plain)
		}
	})
}

// prepared counts the statements that the one connection of the pool holds.
func prepared(t *testing.T, d *testdb.DB) int {
	t.Helper()
	pool, err := d.DB.DB()
	must(t, err)
	var n int
	switch d.Target.Dialect {
	case testdb.Postgres:
		must(t, pool.QueryRow("SELECT count(*) FROM pg_prepared_statements").Scan(&n))
	case testdb.MySQL:
		if readsApart(t, d) {
			// What it prepares anew by itself counts as prepared, and never as closed.
			must(t, pool.QueryRow("SELECT count(*) FROM performance_schema.prepared_statements_instances WHERE owner_thread_id = PS_CURRENT_THREAD_ID()").Scan(&n))
			return n
		}
		for name, sign := range map[string]int{"Com_stmt_prepare": 1, "Com_stmt_close": -1} {
			var label string
			var value int
			must(t, pool.QueryRow("SHOW SESSION STATUS LIKE '"+name+"'").Scan(&label, &value))
			n += sign * value
		}
	}
	return n // SQLite has no way to ask
}
