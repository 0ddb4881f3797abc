package wire

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// counted runs f on one connection and returns what it took.
func counted(t *testing.T, dialect, source string, f func(c *sql.Conn) error) Counts {
	t.Helper()
	db, traffic, err := Open(dialect, source)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := traffic.Counts()
	if err := f(c); err != nil {
		t.Fatal(err)
	}
	after := traffic.Counts().Minus(before)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return after
}

// transaction has a statement with an argument, one without, and one that is
// prepared and executed twice.
func transaction(ctx context.Context, placeholder string) func(c *sql.Conn) error {
	return func(c *sql.Conn) error {
		tx, err := c.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "SELECT 1"); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT 1 WHERE 1 = "+placeholder, 1).Scan(&n); err != nil {
			return err
		}
		stmt, err := tx.PrepareContext(ctx, "SELECT 2 WHERE 1 = "+placeholder)
		if err != nil {
			return err
		}
		for range 2 {
			if err := stmt.QueryRowContext(ctx, 1).Scan(&n); err != nil {
				return err
			}
		}
		if err := stmt.Close(); err != nil {
			return err
		}
		return tx.Commit()
	}
}

func TestOpenSQLite(t *testing.T) {
	got := counted(t, "sqlite", filepath.Join(t.TempDir(), "test.db"), transaction(t.Context(), "?"))
	// BEGIN, four statements, COMMIT; one prepared.
	if want := (Counts{Statements: 6, Prepares: 1, RoundTrips: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOpenSQLiteRollback(t *testing.T) {
	got := counted(t, "sqlite", filepath.Join(t.TempDir(), "test.db"), func(c *sql.Conn) error {
		tx, err := c.BeginTx(t.Context(), nil)
		if err != nil {
			return err
		}
		return tx.Rollback()
	})
	if want := (Counts{Statements: 2, RoundTrips: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOpenPostgres(t *testing.T) {
	dsn := os.Getenv("AUDIT_POSTGRES_DSN")
	if dsn == "" {
		t.Skip("AUDIT_POSTGRES_DSN is not set")
	}
	got := counted(t, "postgres", dsn, transaction(t.Context(), "$1"))
	sent, received := got.Sent, got.Received
	got.Sent, got.Received = 0, 0
	// A statement with an argument is parsed before it is executed; that it is closed
	// is told to the server, which answers.
	if want := (Counts{Statements: 6, Prepares: 2, RoundTrips: 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if sent < 100 || received < 100 {
		t.Errorf("%d bytes sent and %d received: too few", sent, received)
	}
}

func TestOpenMySQL(t *testing.T) {
	dsn := os.Getenv("AUDIT_MYSQL_DSN")
	if dsn == "" {
		t.Skip("AUDIT_MYSQL_DSN is not set")
	}
	got := counted(t, "mysql", dsn, transaction(t.Context(), "?"))
	sent, received := got.Sent, got.Received
	got.Sent, got.Received = 0, 0
	// The driver prepares a statement with an argument for one execution.
	if want := (Counts{Statements: 6, Prepares: 2, RoundTrips: 8}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if sent < 100 || received < 100 {
		t.Errorf("%d bytes sent and %d received: too few", sent, received)
	}
}

func TestOpenRefuses(t *testing.T) {
	for dialect, source := range map[string]string{
		"postgres": "postgres://127.0.0.1/test?sslmode=require",
		"mysql":    "root:@tcp(127.0.0.1:3306)/test?tls=true",
		"oracle":   "",
	} {
		if db, _, err := Open(dialect, source); err == nil {
			_ = db.Close()
			t.Errorf("%s: %q was opened", dialect, source)
		}
	}
}
