package companion

import (
	"database/sql/driver"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// another is what another program sends on one connection, and the records of it.
type another struct {
	name string
	sent []string
	want []string
}

const (
	oneMore = "UPDATE orders SET n = n + 1 WHERE id = 1"
	changed = "trigger: update orders 1"
)

// settings are those of another program's session, which decide how its own SQL is read.
func settings(dialect string) []string {
	switch dialect {
	case testdb.Postgres:
		return []string{
			"SET standard_conforming_strings = off", "SET datestyle = 'SQL, DMY'", "SET timezone = 'Asia/Tokyo'", "SET bytea_output = 'escape'",
			"SET extra_float_digits = -5", "SET transform_null_equals = on", "SET plan_cache_mode = force_generic_plan", "SET application_name = ''",
			"SET auditplugin.context = 'no JSON'", "SET auditplugin.context = '[1]'", `SET auditplugin.context = '{"actor_id": null, "metadata": 3}'`,
		}
	case testdb.MySQL:
		return []string{
			"SET sql_mode = ''", "SET sql_mode = 'ANSI_QUOTES'", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET sql_mode = 'TRADITIONAL'",
			"SET NAMES latin1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET collation_connection = latin1_swedish_ci", "SET time_zone = '+05:00'",
			"SET group_concat_max_len = 4", "SET max_sort_length = 8", "SET character_set_results = NULL",
			"SET @auditplugin_context = 'no JSON'", "SET @auditplugin_context = '[1]'", "SET @auditplugin_context = 5", `SET @auditplugin_context = _latin1'{"actor_id": "x"}'`,
		}
	}
	return []string{
		"PRAGMA case_sensitive_like = ON", "PRAGMA trusted_schema = OFF", "PRAGMA recursive_triggers = ON", "PRAGMA foreign_keys = OFF",
		"PRAGMA reverse_unordered_selects = ON", "PRAGMA legacy_alter_table = ON", "PRAGMA full_column_names = ON",
	}
}

// forms are ways to write rows that GORM does not have, and names that shadow ours.
func forms(dialect string) []another {
	switch dialect {
	case testdb.Postgres:
		return []another{
			{"upsert", []string{"INSERT INTO orders (id, name, n) VALUES (1, 'a', 3), (7, 'g', 0) ON CONFLICT (id) DO UPDATE SET n = 9"}, []string{changed, "trigger: create orders 7"}},
			{"two tables", []string{"WITH a AS (UPDATE orders SET n = 3), b AS (UPDATE stocks SET n = 3) SELECT 1"}, []string{changed, "trigger: update stocks 1"}},
			{"cascades", []string{"UPDATE orders SET id = 4 WHERE id = 1", "DELETE FROM orders"}, []string{changed, "trigger: update items 1", "trigger: delete orders 4", "trigger: delete items 1"}},
			{"mark inside a block", []string{"DO $$ BEGIN " + oneMore + "; EXECUTE '/*auditplugin:1*/ " + oneMore + "'; END $$"}, []string{changed, changed}},
			{"view", []string{"CREATE VIEW seen AS SELECT * FROM orders", "UPDATE seen SET n = 7"}, []string{changed}},
			{"temporary tables", []string{"CREATE TEMP TABLE audit_logs (id int)", "CREATE TEMP TABLE auditplugin_new (id int)", oneMore, "DROP TABLE pg_temp.audit_logs, pg_temp.auditplugin_new"}, []string{changed}},
			{"renamed table", []string{"ALTER TABLE orders RENAME TO bought", "UPDATE bought SET n = 5"}, []string{changed}},
			{"other type", []string{"ALTER TABLE orders ALTER n TYPE numeric", oneMore}, []string{changed}},
		}
	case testdb.MySQL:
		return []another{
			{"upsert", []string{"INSERT INTO orders (id, name, n) VALUES (1, 'a', 3) ON DUPLICATE KEY UPDATE n = 9"}, []string{changed}},
			{"replace", []string{"REPLACE INTO stocks (id, n) VALUES (1, 7)"}, []string{"trigger: delete stocks 1", "trigger: create stocks 1"}},
			{"ignore", []string{"INSERT IGNORE INTO orders (id, name, n) VALUES (1, 'a', 3), (5, 'e', 1)"}, []string{"trigger: create orders 5"}},
			{"two tables", []string{"UPDATE orders o JOIN stocks s ON s.id = o.id SET o.n = 8, s.n = 8"}, []string{changed, "trigger: update stocks 1"}},
			{"procedure", []string{"CREATE PROCEDURE more() " + oneMore, "CALL more()", "CALL more()"}, []string{changed, changed}},
			{"prepared by text", []string{"PREPARE more FROM '" + oneMore + "'", "EXECUTE more", "EXECUTE more"}, []string{changed, changed}},
			{"renamed table", []string{"RENAME TABLE orders TO bought", "UPDATE bought SET n = 5"}, []string{changed}},
		}
	}
	return []another{
		{"upsert", []string{"INSERT INTO orders (id, name, n) VALUES (1, 'a', 3), (7, 'g', 0) ON CONFLICT (id) DO UPDATE SET n = 9"}, []string{changed, "trigger: create orders 7"}},
		{"replace", []string{"PRAGMA recursive_triggers = ON", "INSERT OR REPLACE INTO stocks (id, n) VALUES (1, 7)"}, []string{"trigger: delete stocks 1", "trigger: create stocks 1"}},
		{"ignore", []string{"INSERT OR IGNORE INTO orders (id, name, n) VALUES (1, 'a', 3), (5, 'e', 1)"}, []string{"trigger: create orders 5"}},
		{"from", []string{"UPDATE orders SET n = s.id + 5 FROM stocks s WHERE s.id = orders.id"}, []string{changed}},
		{"cascades", []string{"PRAGMA foreign_keys = ON", "UPDATE orders SET id = 4 WHERE id = 1", "DELETE FROM orders"}, []string{changed, "trigger: update items 1", "trigger: delete orders 4", "trigger: delete items 1"}},
		{"temporary tables", []string{"CREATE TEMP TABLE audit_logs (id)", "CREATE TEMP TABLE auditplugin_quiet (name)", "INSERT INTO temp.auditplugin_quiet VALUES ('orders')", oneMore}, []string{changed}},
		{"attached", []string{"ATTACH ':memory:' AS other", "CREATE TABLE other.audit_logs (id)", oneMore}, []string{changed}},
		{"renamed column", []string{"ALTER TABLE orders RENAME COLUMN n TO m", "UPDATE orders SET m = 4"}, []string{changed}},
	}
}

// However another program writes, and whatever its session is set to, it succeeds as it did
// without triggers, and each row has one record.
func TestAnotherProgramsSession(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		testdb.SkipPooled(t, "settings of a session stay with it")
		all := forms(g.Dialect)
		for _, set := range settings(g.Dialect) {
			all = append(all, another{set, []string{set, oneMore}, []string{changed}})
		}
		for _, a := range all {
			t.Run(a.name, func(t *testing.T) {
				db := shop(t, g)
				ok(t, db.Create(&Order{ID: 1, Name: "a", Items: []Item{{ID: 1, Name: "x"}}}))
				ok(t, db.Create(&Stock{ID: 1}))
				forget(t, db)
				conn, err := db.Raw.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, query := range a.sent {
					if _, err := conn.ExecContext(t.Context(), query); err != nil {
						t.Errorf("%v in %s", err, query)
					}
				}
				// Nobody gets the connection with these settings after us.
				_ = conn.Raw(func(any) error { return driver.ErrBadConn })
				_ = conn.Close()
				expect(t, db, a.want...)
			})
		}
	})
}
