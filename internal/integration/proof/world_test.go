package proof

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/internal/integration/oracle"
	"github.com/gorm-audit/auditplugin/internal/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// clock gives both runs of a history the same times.
type clock struct{ ticks int }

func (c *clock) now() time.Time {
	c.ticks++
	return time.Date(2026, 1, 1, 0, 0, c.ticks, 0, time.UTC)
}

// handle is one way to open the audited database, and the same for the plain one.
type handle struct {
	audited *testdb.DB
	plain   *gorm.DB
	clock   *clock
}

// world is a pair of databases that all histories of a dialect share.
type world struct {
	dialect   string
	handles   []handle
	oracle    *oracle.Oracle
	tables    []string
	raw, bare *sql.DB // of the audited and of the plain database
	ops, rows int
}

func newWorld(t *testing.T, dialect string) *world {
	t.Helper()
	w := &world{dialect: dialect}
	migrate := func(db *gorm.DB) error { return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(models()...) }
	var first *testdb.DB
	var second *testdb.DB
	for _, portable := range []bool{false, true} {
		for _, prepared := range []bool{false, true} {
			c := &clock{}
			configure := testdb.WithGORM(func(g *gorm.Config) { g.PrepareStmt, g.NowFunc = prepared, c.now })
			target := testdb.Target{Dialect: dialect, Portable: portable}
			if first == nil {
				first = target.Open(t, configure, testdb.Before(migrate))
				second = target.Open(t, testdb.WithoutPlugin())
				if err := migrate(second.DB); err != nil {
					t.Fatal(err)
				}
				w.handles = append(w.handles, handle{first, second.Plain(t, configure), c})
				continue
			}
			w.handles = append(w.handles, handle{target.Open(t, configure, testdb.In(first.DSN)), second.Plain(t, configure), c})
		}
	}
	w.raw, w.bare = first.Raw, second.Raw
	for _, db := range []*sql.DB{w.raw, w.bare} {
		db.SetMaxOpenConns(1)
	}
	w.tables = tablesOf(first.DB)
	var blind []oracle.Option
	if dialect != testdb.Postgres {
		blind = append(blind, oracle.Merge()) // one statement may write a row twice
	}
	if dialect == testdb.MySQL {
		blind = append(blind, oracle.Snapshot("staffs", "nodes", "cities"))
	}
	// The same triggers on the plain database: MariaDB reserves keys otherwise where
	// a table has some.
	oracle.Watch(t, w.bare, dialect, w.tables)
	w.oracle = oracle.Watch(t, w.raw, dialect, w.tables, blind...)
	return w
}

func tablesOf(db *gorm.DB) []string {
	var tables []string
	for _, m := range models() {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(m); err != nil {
			continue
		}
		tables = append(tables, stmt.Schema.Table)
		for _, r := range stmt.Schema.Relationships.Relations {
			if r.Type == schema.Many2Many {
				tables = append(tables, r.JoinTable.Table)
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// clear empties both databases and restarts their sequences.
func (w *world) clear(portable bool) error {
	start := 1
	if portable {
		start = 10 // what a sequence gives is not seen ahead, and must not collide there
	}

	for _, db := range []*sql.DB{w.bare, w.raw} {
		tables := slices.Concat(w.tables, []string{"oracle_changes"})
		if db == w.raw {
			tables = append(tables, "audit_logs")
		}
		if err := w.empty(db, tables, start); err != nil {
			return fmt.Errorf("clear: %w", err)
		}
	}
	return nil
}

func (w *world) empty(db *sql.DB, tables []string, start int) error {
	var all []string
	switch w.dialect {
	case testdb.SQLite:
		all = append(all, "PRAGMA foreign_keys=0", "BEGIN IMMEDIATE")
		for _, name := range tables {
			all = append(all, "DELETE FROM "+name)
		}
		all = append(all, "DELETE FROM sqlite_sequence", "COMMIT", "PRAGMA foreign_keys=1")
	case testdb.MySQL:
		all = append(all, "SET FOREIGN_KEY_CHECKS=0")
		for _, name := range tables {
			var n int
			if err := db.QueryRow("SELECT COALESCE((SELECT AUTO_INCREMENT FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?), 0)", name).Scan(&n); err != nil {
				return err
			}
			all = append(all, "DELETE FROM "+name)
			if n > 1 && name != "audit_logs" && name != "oracle_changes" {
				all = append(all, "ALTER TABLE "+name+" AUTO_INCREMENT=1")
			}
		}
		all = append(all, "SET FOREIGN_KEY_CHECKS=1")
	case testdb.Postgres:
		all = append(all, "SET session_replication_role=replica")
		for _, name := range tables {
			all = append(all, "DELETE FROM "+name)
		}
		all = append(all, "SET session_replication_role=DEFAULT",
			fmt.Sprintf("SELECT setval(pg_get_serial_sequence(table_name, column_name), %d, false) FROM information_schema.columns "+
				"WHERE table_schema = 'public' AND column_default LIKE 'nextval%%' AND table_name = ANY('{%s}')", start, strings.Join(w.tables, ",")))
		_, err := db.Exec(strings.Join(all, ";"))
		return err
	}
	for _, s := range all {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// dump is the content of every table, rows sorted.
func (w *world) dump(db *sql.DB) (map[string][]string, error) {
	all := map[string][]string{}
	for _, name := range w.tables {
		rows, err := db.Query("SELECT * FROM " + name)
		if err != nil {
			return nil, err
		}
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			text := ""
			for i, v := range values {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				text += fmt.Sprintf("%s=%#v ", columns[i], v)
				if at, ok := v.(time.Time); ok {
					text += at.UTC().String()
				}
			}
			all[name] = append(all[name], text)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		_ = rows.Close()
		slices.Sort(all[name])
	}
	return all, nil
}
