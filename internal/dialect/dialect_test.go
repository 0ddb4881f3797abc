package dialect_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

func TestQuote(t *testing.T) {
	for name, names := range map[string]map[string]string{
		dialect.Postgres: {`users`: `"users"`, `a.b`: `"a.b"`, `say "hi"`: `"say ""hi"""`, "`": "\"`\""},
		dialect.SQLite:   {`users`: "`users`", `"`: "`\"`", "a`b": "`a``b`"},
		dialect.MySQL:    {`users`: "`users`", `a.b`: "`a.b`", "a`b": "`a``b`", `"`: "`\"`"},
		"sqlserver":      {`users`: `"users"`},
	} {
		d := dialect.Of(catalog.Server{Dialect: name})
		for ident, want := range names {
			if got := d.Quote(ident); got != want || dialect.Quote(name, ident) != want {
				t.Errorf("%s: %s is quoted as %s and %s, want %s", name, ident, got, dialect.Quote(name, ident), want)
			}
		}
	}
}

// Savepoints are the same to the database when their keys are.
func TestSavepointKey(t *testing.T) {
	for name, same := range map[string]bool{dialect.Postgres: false, dialect.MySQL: true, dialect.SQLite: true, "other": true} {
		d := dialect.Of(catalog.Server{Dialect: name})
		if got := d.SavepointKey("Point", true) == d.SavepointKey("point", true); got != same {
			t.Errorf("%s: quoted names that differ in case are the same: %v", name, got)
		}
		if d.SavepointKey("Point", false) != d.SavepointKey("point", false) {
			t.Errorf("%s: names that differ in case are not the same", name)
		}
	}
}

type stateError string

func (e stateError) Error() string    { return "SQLSTATE" }
func (e stateError) SQLState() string { return string(e) }

type numberError struct{ Number uint16 }

func (e *numberError) Error() string { return "number" }

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		dialect string
		err     error
		want    dialect.Kind
	}{
		{dialect.Postgres, nil, 0},
		{dialect.Postgres, stateError("40001"), dialect.Transaction},
		{dialect.Postgres, stateError("40P01"), dialect.Transaction},
		{dialect.Postgres, stateError("55P03"), dialect.Transaction},
		{dialect.Postgres, stateError("25P02"), dialect.Transaction | dialect.Aborted},
		{dialect.Postgres, stateError("22012"), dialect.OwnMistake},
		{dialect.Postgres, stateError("42601"), dialect.OwnMistake},
		{dialect.Postgres, stateError("42703"), dialect.OwnMistake | dialect.Stale},
		{dialect.Postgres, stateError("42501"), dialect.Stale},
		{dialect.Postgres, stateError("23505"), 0},
		{dialect.Postgres, fault.Quiet("ours", stateError("42703")), dialect.OwnMistake | dialect.Stale},
		{dialect.MySQL, &numberError{1213}, dialect.Transaction},
		{dialect.MySQL, &numberError{1305}, dialect.NoPoint},
		{dialect.MySQL, fmt.Errorf("saving: %w", &numberError{1205}), dialect.Transaction},
		{dialect.MySQL, &numberError{1054}, dialect.Stale},
		{dialect.MySQL, &numberError{1064}, dialect.Unparsed},
		{dialect.MySQL, &numberError{1062}, 0},
		{dialect.SQLite, errors.New("database is locked"), dialect.Transaction | dialect.Busy},
		{dialect.SQLite, errors.New("no such column: x"), dialect.Stale},
		{dialect.SQLite, errors.New("UNIQUE constraint failed"), 0},
		{"other", errors.New("database is locked"), 0},
		{"other", sql.ErrTxDone, dialect.Transaction},
		{dialect.MySQL, fmt.Errorf("x: %w", context.Canceled), dialect.Transaction},
	} {
		if got := dialect.Of(catalog.Server{Dialect: c.dialect}).Error(c.err); got != c.want {
			t.Errorf("%s: %v is %b, want %b", c.dialect, c.err, got, c.want)
		}
	}
}

// Locks are as weak as the write allows, and none where the table or the role has none.
func TestLocks(t *testing.T) {
	plain, view := &catalog.Table{Kind: catalog.Plain, CanLock: true}, &catalog.Table{Kind: catalog.View}
	for _, c := range []struct {
		dialect  string
		table    *catalog.Table
		keys     bool
		lock     string
		locks    bool
		conflict string
		child    string
	}{
		{dialect.Postgres, plain, false, ` FOR NO KEY UPDATE OF "u"`, true, ` FOR NO KEY UPDATE OF "u"`, " FOR UPDATE"},
		{dialect.Postgres, plain, true, ` FOR UPDATE OF "u"`, true, ` FOR NO KEY UPDATE OF "u"`, " FOR UPDATE"},
		{dialect.Postgres, view, true, "", false, "", ""},
		{dialect.MySQL, plain, false, " FOR UPDATE", true, "", " FOR UPDATE"},
		{dialect.SQLite, plain, true, "", true, "", ""},
		{"other", plain, true, "", true, "", ""},
	} {
		d := dialect.Of(catalog.Server{Dialect: c.dialect})
		if lock, locks := d.RowLock(c.table, "u", c.keys); lock != c.lock || locks != c.locks {
			t.Errorf("%s: the row's lock is %q, %v", c.dialect, lock, locks)
		}
		if lock, _ := d.ConflictLock(c.table, "u"); lock != c.conflict {
			t.Errorf("%s: the conflict's lock is %q", c.dialect, lock)
		}
		if lock := d.ChildLock(c.table); lock != c.child {
			t.Errorf("%s: the child's lock is %q", c.dialect, lock)
		}
	}
}
