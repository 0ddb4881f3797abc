package txn

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	_ "gorm.io/driver/sqlite" // registers the "sqlite3" driver

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// asked is a database of which a table says what names mean on its connection.
func asked(t *testing.T, name string) (*Follower, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec("CREATE TABLE names (n INT, asked INT); INSERT INTO names VALUES (1, 0)"); err != nil {
		t.Fatal(err)
	}
	d := dialect.Of(catalog.Server{Dialect: name, Major: 15})
	d.NamesQuery = "UPDATE names SET asked = asked + 1 RETURNING n"
	d.ForeignKeysQuery = "UPDATE names SET asked = asked + 1 RETURNING n"
	return &Follower{Dialect: d, Delivery: &delivery.Delivery{}, Catalog: catalog.NewCache(0), BufferLimit: 10}, db
}

func newLedger(t *testing.T, f *Follower, db *sql.DB) (l *Ledger, times func() int) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	l = &Ledger{}
	l.open(t.Context(), f, tx)
	if l.pool == 0 {
		t.Error("the pool is not known")
	}
	return l, func() (n int) {
		if err := tx.QueryRow("SELECT asked FROM names").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// Settings of the application's own leave the catalog alone, also where each transaction
// has some; what changes the meaning of names is asked for once.
func TestSettingsLeaveTheCatalogAlone(t *testing.T) {
	for _, c := range []struct {
		dialect string
		queries []string
		asked   int
		certain bool
		next    bool // the next transaction is uncertain, too
	}{
		{"postgres", []string{"SET LOCAL app.tenant = '1'", "SELECT set_config('app.user', $1, true)", "SET TIME ZONE 'UTC'"}, 0, true, false},
		{"mysql", []string{"SET @user = 'x'", "SET FOREIGN_KEY_CHECKS = 0", "SET time_zone = '+00:00'"}, 0, true, false},
		{"sqlite", []string{"PRAGMA foreign_keys = ON", "PRAGMA cache_size"}, 0, true, false},
		{"postgres", []string{"SET LOCAL ROLE reader", "SELECT SET_CONFIG('search_path', $1, true)"}, 1, true, false},
		{"postgres", []string{"SET search_path = tenant"}, 1, true, true},
		{"mysql", []string{"USE other"}, 1, true, true},
		{"postgres", []string{"CALL anything()"}, 0, false, false},
		{"postgres", []string{"CREATE TABLE x (id int)"}, 0, false, false},
	} {
		t.Run(fmt.Sprint(c.dialect, " ", c.queries[0]), func(t *testing.T) {
			f, db := asked(t, c.dialect)
			l, times := newLedger(t, f, db)
			for _, q := range c.queries {
				acts, err := l.before(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				l.after(t.Context(), acts, nil)
			}
			for range 3 {
				if _, certain, err := l.Place(t.Context()); err != nil || certain != c.certain {
					t.Fatalf("certain: %v, %v", certain, err)
				}
			}
			if n := times(); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			next := &Ledger{}
			next.open(t.Context(), f, l.conn)
			if next.Uncertain() != c.next {
				t.Errorf("the next transaction is uncertain: %v", next.Uncertain())
			}
		})
	}
}

// A statement that runs outside of a transaction changes a connection of the pool.
func TestNotice(t *testing.T) {
	for query, want := range map[string]bool{
		"SET search_path = x": true, "RESET ROLE": true, "SELECT set_config('role', 'x', false)": true,
		"SET LOCAL search_path = x": false, "SET app.tenant = 'x'": false, "SELECT 1": false,
	} {
		f, db := asked(t, "postgres")
		f.Notice(t.Context(), db, query)
		if f.moved.Load() != want {
			t.Errorf("%s: moved is %v", query, !want)
		}
	}
}

func TestForeignKeysAreAskedForOnce(t *testing.T) {
	f, db := asked(t, "mysql")
	l, times := newLedger(t, f, db)
	for range 3 {
		if !l.ForeignKeys(t.Context()) {
			t.Error("they are off")
		}
	}
	if n := times(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if _, err := l.conn.ExecContext(context.Background(), "UPDATE names SET n = 0"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.before(t.Context(), "SET FOREIGN_KEY_CHECKS = 0"); err != nil {
		t.Fatal(err)
	}
	if l.ForeignKeys(t.Context()) {
		t.Error("they are on, after they were switched off")
	}
}
