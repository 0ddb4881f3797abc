// Package testdb opens fresh, isolated databases for tests: a file for SQLite, a
// database of its own on the servers that the environment names.
package testdb

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The dialect names, as GORM's drivers give them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
	MySQL    = "mysql"
)

// The environment variables that name the servers, and what else is to be known of them.
const (
	PostgresEnv = "AUDIT_POSTGRES_DSN"
	MySQLEnv    = "AUDIT_MYSQL_DSN"
	// DialectsEnv names the dialects to test, with commas between them; otherwise all.
	DialectsEnv = "AUDIT_TEST_DIALECTS"
	// PoolerEnv is set where PostgreSQL is reached through a pooler, which gives each
	// transaction another session.
	PoolerEnv = "AUDIT_TEST_POOLER"
	// SilentEnv is set where GORM is not to ask MariaDB for the rows of an INSERT.
	SilentEnv = "AUDIT_TEST_WITHOUT_RETURNING"
	// PureGoEnv is set where SQLite is to be the one in Go, by github.com/glebarez/sqlite.
	PureGoEnv = "AUDIT_TEST_PURE_GO_SQLITE"
)

// PureGo tells whether SQLite is the one in Go.
func PureGo() bool { return os.Getenv(PureGoEnv) != "" }

// Pooled tells whether PostgreSQL is reached through a pooler.
func Pooled() bool { return os.Getenv(PoolerEnv) != "" }

// SkipPooled skips a test that needs what a pooler does not have.
func SkipPooled(t *testing.T, what string) {
	t.Helper()
	if Pooled() {
		t.Skipf("%s is set: %s", PoolerEnv, what)
	}
}

// Target is a kind of database and the way in which the plugin reads images there.
type Target struct {
	// Dialect is SQLite, Postgres or MySQL.
	Dialect string
	// Portable forces the capture path that uses no dialect shortcut.
	Portable bool
}

// String names the subtest of the target.
func (g Target) String() string {
	if g.Portable {
		return g.Dialect + "/portable"
	}
	return g.Dialect
}

// Each runs f once per database, and once more per database with the portable
// path forced. Subtests without a server are skipped.
func Each(t *testing.T, f func(t *testing.T, g Target)) {
	t.Helper()
	for _, dialect := range []string{SQLite, Postgres, MySQL} {
		On(t, dialect, f)
	}
}

// On runs f on one kind of database, natively and with the portable path forced.
func On(t *testing.T, dialect string, f func(t *testing.T, g Target)) {
	t.Helper()
	t.Run(dialect, func(t *testing.T) {
		skipWithoutServer(t, dialect)
		t.Parallel()
		t.Run("portable", func(t *testing.T) {
			t.Parallel()
			f(t, Target{Dialect: dialect, Portable: true})
		})
		f(t, Target{Dialect: dialect})
	})
}

// EachDialect runs f once per database, for tests in which the way of reading
// images does not matter.
func EachDialect(t *testing.T, f func(t *testing.T, g Target)) {
	t.Helper()
	for _, dialect := range []string{SQLite, Postgres, MySQL} {
		t.Run(dialect, func(t *testing.T) {
			skipWithoutServer(t, dialect)
			t.Parallel()
			f(t, Target{Dialect: dialect})
		})
	}
}

// Only runs f natively on one kind of database, or skips.
func Only(t *testing.T, dialect string, f func(t *testing.T, g Target)) {
	t.Helper()
	t.Run(dialect, func(t *testing.T) {
		skipWithoutServer(t, dialect)
		f(t, Target{Dialect: dialect})
	})
}

func skipWithoutServer(t *testing.T, dialect string) {
	t.Helper()
	if only := os.Getenv(DialectsEnv); only != "" && !slices.Contains(strings.Split(only, ","), dialect) {
		t.Skipf("%s is %s", DialectsEnv, only)
	}
	if env := serverEnv(dialect); env != "" && os.Getenv(env) == "" {
		t.Skipf("%s is not set", env)
	}
}

func serverEnv(dialect string) string {
	switch dialect {
	case Postgres:
		return PostgresEnv
	case MySQL:
		return MySQLEnv
	}
	return ""
}
