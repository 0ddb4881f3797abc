package companion

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A statement that the server gave up leaves no mark on its connection.
func TestTimeoutsLeaveNoMark(t *testing.T) {
	for dialect, limit := range map[string]string{testdb.Postgres: "SET lock_timeout = 200", testdb.MySQL: "SET SESSION innodb_lock_wait_timeout = 1"} {
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			if g.Dialect == testdb.Postgres {
				testdb.SkipPooled(t, "a session's setting reaches one session of many")
			}
			db := shop(t, g, testdb.WithMaxOpen(1))
			ok(t, db.Create(&Order{ID: 1, Name: "a"}))
			pool, err := db.DB.DB()
			if err != nil {
				t.Fatal(err)
			}
			exec(t, pool, limit)
			holder, err := db.Raw.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := holder.Exec("SELECT * FROM orders WHERE id = 1 FOR UPDATE"); err != nil {
				t.Fatal(err)
			}
			if db.Model(&Order{ID: 1}).Update("n", 5).Error == nil {
				t.Error("a row that somebody holds was updated")
			}
			if db.Model(&Order{}).Where("name = 'a'").Update("n", 5).Error == nil {
				t.Error("a row that somebody holds was updated")
			}
			if err := holder.Rollback(); err != nil {
				t.Fatal(err)
			}
			forget(t, db)
			exec(t, pool, "UPDATE orders SET n = n + 1 WHERE id = 1") // on the same connection
			expect(t, db, "trigger: update orders 1")
			forget(t, db)
			ok(t, db.Model(&Order{ID: 1}).Update("n", 9))
			expect(t, db, "plugin: update orders 1")
		})
	}
}
