package catalog_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// TestSQLiteSnapshot shows the order that Load's documentation asks for: with the
// write lock taken first, the transaction's own write is not refused. It also shows
// that asking for the server's version takes no snapshot.
func TestSQLiteSnapshot(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "test.db") + "?_journal_mode=WAL&_busy_timeout=1"
	open := func() *sql.DB {
		db, err := sql.Open("sqlite3", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db, other := open(), open()
	if _, err := db.Exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0)`); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name       string
		lock, load bool
		fails      bool
	}{
		{"load alone", false, true, true},
		{"lock, then load", true, true, false},
		{"server only", false, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if test.lock {
				if _, err := tx.Exec(`DELETE FROM t WHERE 0`); err != nil {
					t.Fatal(err)
				}
			}
			if test.load {
				_, err = catalog.Load(context.Background(), tx, "sqlite", "", "t")
			} else {
				_, err = catalog.LoadServer(context.Background(), tx, "sqlite")
			}
			if err != nil {
				t.Fatal(err)
			}
			// The other writer is refused while the lock is held; that is the point.
			if _, err := other.Exec(`UPDATE t SET n = n + 1`); (err != nil) != test.lock {
				t.Fatalf("the other writer: %v", err)
			}
			if _, err := tx.Exec(`UPDATE t SET n = n + 1`); (err != nil) != test.fails {
				t.Errorf("own write: %v", err)
			}
		})
	}
}
