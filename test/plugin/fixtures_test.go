// Package plugin_test holds what the plugin promises as an application sees it, on
// SQLite, so that `go test ./...` at the top needs no server. What depends on the
// database is in test/integration.
package plugin_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// user is the model of most tests.
type user struct {
	ID        uint
	Name      string
	Phone     string
	Age       int
	Pets      []pet `gorm:"foreignKey:UserID"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// pet belongs to a user.
type pet struct {
	ID     uint
	UserID uint
	Name   string
}

// hashKey is long enough to be one.
const hashKey = "0123456789abcdef"

// openDB opens an empty database without the plugin, with tables for the models, or
// for user and pet.
func openDB(t testing.TB, models ...any) *gorm.DB {
	t.Helper()
	return openOn(t, sqlite.Open(dsn(t)), models...)
}

func dsn(t testing.TB) string { return t.TempDir() + "/test.db?_journal_mode=WAL&_busy_timeout=5000" }

func openOn(t testing.TB, dialector gorm.Dialector, models ...any) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool := poolOf(t, db)
	t.Cleanup(func() { _ = pool.Close() })
	if len(models) == 0 {
		models = []any{&user{}, &pet{}}
	}
	if err := db.AutoMigrate(models...); err != nil {
		t.Fatal(err)
	}
	return db
}

// poolOf is the pool below the plugin.
func poolOf(t testing.TB, db *gorm.DB) *sql.DB {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// use installs a plugin whose warnings go nowhere, unless opts say otherwise.
func use(t testing.TB, db *gorm.DB, opts ...auditplugin.Option) *auditplugin.Plugin {
	t.Helper()
	p := auditplugin.New(append([]auditplugin.Option{auditplugin.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err := db.Use(p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// audited opens a database with the plugin, the audit table and a memory emitter.
func audited(t testing.TB, opts ...auditplugin.Option) (*gorm.DB, *auditplugin.Plugin, *emitter.MemoryEmitter) {
	t.Helper()
	db := openDB(t)
	memory := emitter.Memory()
	p := use(t, db, append([]auditplugin.Option{auditplugin.WithEmitter(emitter.Table(), memory)}, opts...)...)
	return db, p, memory
}

// must fails the test if the statement failed.
func must(t testing.TB, db *gorm.DB) {
	t.Helper()
	if db.Error != nil {
		t.Fatal(db.Error)
	}
}

// exec runs SQL out of the plugin's sight.
func exec(t testing.TB, db *gorm.DB, query string) {
	t.Helper()
	if _, err := poolOf(t, db).Exec(query); err != nil {
		t.Fatal(err)
	}
}

// count is how many rows a model's table has.
func count(t testing.TB, db *gorm.DB, model any) int64 {
	t.Helper()
	var n int64
	must(t, db.Model(model).Count(&n))
	return n
}

// firstName is what the first user is called.
func firstName(t testing.TB, db *gorm.DB) string {
	t.Helper()
	var u user
	must(t, db.First(&u))
	return u.Name
}

// trail reads the audit table.
func trail(t testing.TB, db *gorm.DB) []audit.Record {
	t.Helper()
	var records []audit.Record
	eachStored(t, db, `"`+strings.Join(emitter.Columns(), `","`)+`"`, func(rows *sql.Rows) error {
		r, err := emitter.ReadRecord(rows)
		records = append(records, r)
		return err
	})
	return records
}

// storedValue is one value of the audit table, byte by byte.
type storedValue struct {
	column string
	sql.NullString
}

// stored reads the audit table without understanding it.
func stored(t testing.TB, db *gorm.DB) [][]storedValue {
	t.Helper()
	var all [][]storedValue
	eachStored(t, db, "*", func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		row, into := make([]storedValue, len(columns)), make([]any, len(columns))
		for i, name := range columns {
			row[i].column, into[i] = name, &row[i].NullString
		}
		all = append(all, row)
		return rows.Scan(into...)
	})
	return all
}

func eachStored(t testing.TB, db *gorm.DB, columns string, read func(*sql.Rows) error) {
	t.Helper()
	rows, err := poolOf(t, db).Query("SELECT " + columns + " FROM audit_logs ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// brief describes records as "action type id", one per line.
func brief(records []audit.Record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintln(&b, r.Action, r.RecordType, r.RecordID)
	}
	return b.String()
}

// wantTrail compares what the table and the memory emitter hold with want, the
// lines of brief.
func wantTrail(t testing.TB, db *gorm.DB, memory *emitter.MemoryEmitter, want ...string) {
	t.Helper()
	text := strings.Join(want, "\n")
	if got := strings.TrimSpace(brief(trail(t, db))); got != text {
		t.Errorf("the table holds\n%s\nwant\n%s", got, text)
	}
	if got := strings.TrimSpace(brief(memory.Records())); got != text {
		t.Errorf("announced were\n%s\nwant\n%s", got, text)
	}
}
