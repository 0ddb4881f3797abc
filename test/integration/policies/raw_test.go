package policies

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// number is a secret of digits, longer than any that the records hold by chance.
const number = "987654321012345678"

// rawCase is one statement that writes, or does not.
type rawCase struct {
	name   string
	on     string // the dialects, "" for all
	sql    string
	args   []any
	tables string // written tables, sorted, joined by a space
	// scan tells that the statement returns rows.
	scan bool
	// implicit tells that MySQL commits first, so that nothing can be rolled back.
	implicit bool
}

func rawCases() []rawCase {
	const lit = "'" + secret + "'"
	return []rawCase{
		{name: "insert", sql: "INSERT INTO accounts (id, name, age) VALUES (7, " + lit + ", 1), (8, 'it''s " + secret + "', 2)", tables: "accounts"},
		{name: "insert with arguments", sql: "INSERT INTO accounts (id, name, age) VALUES (?, ?, 1)", args: []any{9, secret}, tables: "accounts"},
		{name: "insert from a query", sql: "INSERT INTO notes (id, account_id, text) SELECT id + 50, id, " + lit + " FROM accounts", tables: "notes"},
		{name: "update", sql: "UPDATE accounts SET name = " + lit + " WHERE id < 3", tables: "accounts"},
		{name: "update of a number", sql: "UPDATE accounts SET name = " + number + " WHERE age > 36 AND age <> " + number, tables: "accounts"},
		{name: "update of nothing", sql: "UPDATE accounts SET name = " + lit + " WHERE id = 99", tables: "accounts"},
		{name: "delete", sql: "DELETE FROM notes WHERE text <> " + lit, tables: "notes"},
		{name: "delete without WHERE", sql: "DELETE FROM notes", tables: "notes"},
		{name: "comments and case", sql: "/* SELECT " + secret + " */ uPdAtE -- " + secret + "\n accounts SET age = age + 1", tables: "accounts"},
		{name: "quoted names", on: "sqlite postgres", sql: `UPDATE "accounts" SET "name" = ` + lit + ` WHERE "id" = 1`, tables: "accounts"},
		{name: "backquoted names", on: "mysql", sql: "UPDATE `accounts` SET `name` = \"" + secret + "\" WHERE `id` = 1", tables: "accounts"},
		{name: "update from", on: "sqlite postgres", sql: "UPDATE accounts SET name = notes.text || " + lit + " FROM notes WHERE notes.account_id = accounts.id", tables: "accounts"},
		{name: "delete using", on: "postgres", sql: "DELETE FROM notes USING accounts WHERE accounts.id = notes.account_id AND accounts.name <> " + lit, tables: "notes"},
		{name: "update of two tables", on: "mysql", sql: "UPDATE accounts a JOIN notes n ON n.account_id = a.id SET a.name = " + lit + ", n.text = " + lit, tables: "accounts notes"},
		{name: "delete from two tables", on: "mysql", sql: "DELETE a, n FROM accounts a JOIN notes n ON n.account_id = a.id WHERE n.text <> " + lit, tables: "accounts notes"},
		{name: "CTE before update", on: "sqlite postgres", sql: "WITH old AS (SELECT id FROM accounts WHERE age > 36) UPDATE accounts SET name = " + lit + " WHERE id IN (SELECT id FROM old)", tables: "accounts"},
		{name: "writing CTE", on: "postgres", sql: "WITH gone AS (DELETE FROM notes RETURNING account_id) UPDATE accounts SET name = " + lit + " WHERE id IN (SELECT account_id FROM gone)", tables: "accounts notes"},
		{name: "upsert", on: "sqlite postgres", sql: "INSERT INTO accounts (id, name, age) VALUES (1, " + lit + ", 5), (6, 'new', 5) ON CONFLICT (id) DO UPDATE SET name = excluded.name", tables: "accounts"},
		{name: "on duplicate key", on: "mysql", sql: "INSERT INTO accounts (id, name, age) VALUES (1, " + lit + ", 5), (6, 'new', 5) ON DUPLICATE KEY UPDATE name = VALUES(name)", tables: "accounts"},
		{name: "replace", on: "sqlite mysql", sql: "REPLACE INTO accounts (id, name, age) VALUES (1, " + lit + ", 5)", tables: "accounts"},
		{name: "merge", on: "postgres", sql: "MERGE INTO accounts a USING notes n ON n.account_id = a.id AND n.id = 1 WHEN MATCHED THEN UPDATE SET name = " + lit + " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (n.id + 60, " + lit + ")", tables: "accounts"},
		{name: "truncate", on: "postgres", sql: "TRUNCATE accounts, notes", tables: "accounts notes"},
		{name: "truncate a table", on: "mysql", sql: "TRUNCATE TABLE notes", tables: "notes", implicit: true},
		{name: "dollar quotes", on: "postgres", sql: "UPDATE accounts SET name = $tag$" + secret + "$tag$ || E'\\'" + secret + "'", tables: "accounts"},
		{name: "hexadecimal", on: "sqlite mysql", sql: "UPDATE accounts SET name = x'7a7a736563726574' WHERE id = 2", tables: "accounts"},
		{name: "select", sql: "SELECT name FROM accounts WHERE name <> " + lit + " ORDER BY id", scan: true},
		{name: "select for update", on: "postgres mysql", sql: "SELECT name FROM accounts ORDER BY id FOR UPDATE", scan: true},
		{name: "insert returning", on: "sqlite postgres mysql", sql: "INSERT INTO accounts (id, name, age) VALUES (7, " + lit + ", 1), (8, 'x', 1) RETURNING name", tables: "accounts", scan: true},
		{name: "update returning", on: "sqlite postgres", sql: "UPDATE accounts SET name = " + lit + " WHERE id = 2 RETURNING name", tables: "accounts", scan: true},
		{name: "delete returning", on: "sqlite postgres mysql", sql: "DELETE FROM accounts WHERE id = 2 RETURNING name", tables: "accounts", scan: true},
		{name: "writing CTE under SELECT", on: "postgres", sql: "WITH up AS (UPDATE accounts SET name = " + lit + " WHERE id = 1 RETURNING name), gone AS (DELETE FROM notes) SELECT name FROM up", tables: "accounts notes", scan: true},
		{name: "a mistake", sql: "UPDATE accounts SET nothing = " + lit},
		{name: "a broken constraint", sql: "INSERT INTO accounts (id, name) VALUES (1, " + lit + ")"},
	}
}

func (c rawCase) runsOn(t *testing.T, d *testdb.DB) bool {
	if c.scan && d.Target.Dialect == testdb.MySQL && !d.MariaDB(t) {
		return false // MySQL returns no rows of writes
	}
	return c.on == "" || slices.Contains(strings.Fields(c.on), d.Target.Dialect)
}

// result is what the application sees of a statement, and what is left after it.
type result struct {
	affected   int64
	err, names string
	rows       string
}

// rawWays are the ways to run a statement.
var rawWays = map[string]func(db *gorm.DB, c rawCase) (result, error){
	"Exec": func(db *gorm.DB, c rawCase) (result, error) {
		res := db.Exec(c.sql, c.args...)
		return result{affected: res.RowsAffected}, res.Error
	},
	"Scan": func(db *gorm.DB, c rawCase) (result, error) {
		var names []string
		res := db.Raw(c.sql, c.args...).Scan(&names)
		return result{affected: res.RowsAffected, names: fmt.Sprint(names)}, res.Error
	},
	"Rows": func(db *gorm.DB, c rawCase) (result, error) {
		rows, err := db.Raw(c.sql, c.args...).Rows()
		if err != nil {
			return result{}, err
		}
		defer rows.Close()
		var names []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return result{}, err
			}
			names = append(names, name)
		}
		return result{names: fmt.Sprint(names)}, rows.Err()
	},
	"Row": func(db *gorm.DB, c rawCase) (result, error) {
		var name string
		err := db.Raw(c.sql, c.args...).Row().Scan(&name)
		return result{names: name}, err
	},
}

// ways returns the ways that fit a statement. SQLite's driver does not finish what
// returns rows to a prepared Exec, with or without the plugin.
func (c rawCase) ways(g testdb.Target) []string {
	switch {
	case c.scan && g.Dialect == testdb.SQLite:
		return []string{"Scan", "Rows", "Row"}
	case c.scan:
		return []string{"Exec", "Scan", "Rows", "Row"}
	}
	return []string{"Exec"}
}

// rawModes are where a statement can run. Those named "rolled back" leave nothing.
var rawModes = map[string]func(db *gorm.DB, do func(*gorm.DB) error) error{
	"alone": func(db *gorm.DB, do func(*gorm.DB) error) error { return do(db) },
	"prepared": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return do(db.Session(&gorm.Session{PrepareStmt: true}))
	},
	"transaction": func(db *gorm.DB, do func(*gorm.DB) error) error { return db.Transaction(do) },
	"prepared transaction": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return db.Session(&gorm.Session{PrepareStmt: true}).Transaction(do)
	},
	"rolled back": func(db *gorm.DB, do func(*gorm.DB) error) error {
		tx := db.Begin()
		return errors.Join(do(tx), tx.Rollback().Error)
	},
	"prepared, rolled back": func(db *gorm.DB, do func(*gorm.DB) error) error {
		tx := db.Session(&gorm.Session{PrepareStmt: true}).Begin()
		return errors.Join(do(tx), tx.Rollback().Error)
	},
}

// runRaw runs c on fresh rows and looks at what is left.
func runRaw(t *testing.T, d *testdb.DB, db *gorm.DB, c rawCase, way, mode string) (result, error) {
	t.Helper()
	reset(t, d)
	var res result
	var err error
	_ = rawModes[mode](db, func(tx *gorm.DB) error {
		res, err = rawWays[way](tx, c)
		return err
	})
	if err != nil {
		res.err = err.Error()
	}
	res.rows = content(t, d, "SELECT id, name, age FROM accounts ORDER BY id") + content(t, d, "SELECT id, account_id, text FROM notes ORDER BY id")
	return res, err
}

// TestRawRecorded: raw SQL does what it did before, and leaves records that tell
// everything but its values.
func TestRawRecorded(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g)
		plain := d.Plain(t)
		prepared := g.Open(t, testdb.In(d.DSN), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true }))
		for _, c := range rawCases() {
			if !c.runsOn(t, d) {
				continue
			}
			for _, way := range c.ways(g) {
				for mode := range rawModes {
					want, _ := runRaw(t, d, plain, c, way, mode)
					handles := map[string]*testdb.DB{way + ", " + mode: d}
					if mode == "alone" || mode == "transaction" {
						handles[way+", "+mode+" (PrepareStmt configured)"] = prepared
					}
					for name, h := range handles {
						t.Run(c.name+"/"+name, func(t *testing.T) {
							got, err := runRaw(t, h, h.DB, c, way, mode)
							if got != want {
								t.Errorf("with the plugin:\n%+v\nwithout:\n%+v", got, want)
							}
							kept := err == nil && (!strings.Contains(mode, "rolled back") || c.implicit)
							wantRaw(t, h, c, kept)
						})
					}
				}
			}
		}
	})
}

// wantRaw checks the records of one raw statement.
func wantRaw(t *testing.T, d *testdb.DB, c rawCase, kept bool) {
	t.Helper()
	want := ""
	if kept {
		want = c.tables
	}
	for place, records := range map[string][]audit.Record{"the table": trail(t, d), "announced": d.Announced.Records()} {
		var tables []string
		for _, r := range records {
			tables = append(tables, r.Table)
			if r.Action != audit.Raw || r.Outcome != audit.Success || r.Message == "" || r.Source.Line == 0 || r.TransactionID == "" || r.Metadata["rows"] == nil {
				t.Errorf("%s: %+v", place, r)
			}
		}
		slices.Sort(tables)
		if got := strings.Join(tables, " "); got != want {
			t.Errorf("%s: records of %q, want %q", place, got, want)
		}
	}
	text := said(t, d)
	for _, s := range []string{secret, number, "7a7a736563726574"} {
		if strings.Contains(text, s) {
			t.Errorf("%s is in what was said:\n%s", s, text)
		}
	}
}

func TestRawAllowed(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g, auditplugin.WithRawSQL(auditplugin.RawAllow))
		plain := d.Plain(t)
		for _, c := range rawCases() {
			if !c.runsOn(t, d) {
				continue
			}
			want, _ := runRaw(t, d, plain, c, "Exec", "transaction")
			got, _ := runRaw(t, d, d.DB, c, "Exec", "transaction")
			if got != want {
				t.Errorf("%s: with the plugin:\n%+v\nwithout:\n%+v", c.name, got, want)
			}
			wantRecords(t, d)
		}
	})
}

func TestRawRefused(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g, auditplugin.WithRawSQL(auditplugin.RawRefuse))
		reset(t, d)
		before := content(t, d, "SELECT name FROM accounts") + content(t, d, "SELECT text FROM notes")
		for _, c := range rawCases() {
			if !c.runsOn(t, d) || c.tables == "" {
				continue
			}
			for _, way := range c.ways(g) {
				for mode := range rawModes {
					t.Run(c.name+"/"+way+", "+mode, func(t *testing.T) {
						_, err := runRaw(t, d, d.DB, c, way, mode)
						if !errors.Is(err, auditplugin.ErrRawRefused) || strings.Contains(err.Error(), secret) {
							t.Errorf("it returned %v", err)
						}
						after := content(t, d, "SELECT name FROM accounts") + content(t, d, "SELECT text FROM notes")
						if after != before {
							t.Errorf("the rows are now\n%s", after)
						}
						// The event survives, whatever became of the transaction.
						for place, records := range map[string][]audit.Record{"the table": trail(t, d), "announced": d.Announced.Records()} {
							if len(records) != 1 || records[0].Action != audit.Event || records[0].Outcome != audit.Failure {
								t.Errorf("%s: %+v, want one event", place, records)
							}
						}
						if text := said(t, d); strings.Contains(text, secret) || strings.Contains(text, number) {
							t.Errorf("the secret is in\n%s", text)
						}
					})
				}
			}
		}
		// Reading goes on, and so do tables nobody audits.
		for _, c := range rawCases() {
			if c.runsOn(t, d) && c.name == "select" {
				if got, err := runRaw(t, d, d.DB, c, "Scan", "alone"); err != nil || got.names != "[Ada Bob Cyd]" {
					t.Errorf("a SELECT returned %s, %v", got.names, err)
				}
			}
		}
	})
}
