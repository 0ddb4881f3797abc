package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "gorm.io/driver/sqlite" // registers the "sqlite3" driver

	"github.com/gorm-audit/auditplugin/audit"
)

// hookedConn runs a hook before every query and can refuse them.
type hookedConn struct {
	audit.Conn
	hook func() error
}

func (h hookedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := h.hook(); err != nil {
		return nil, err
	}
	return h.Conn.QueryContext(ctx, query, args...)
}

func openTables(t *testing.T, names ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, n := range names {
		if _, err := db.Exec("CREATE TABLE " + n + " (id INTEGER PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func get(ctx context.Context, c *Cache, conn audit.Conn, dialect, schema, table string) (*Table, error) {
	return c.Get(Key{Dialect: dialect, Schema: schema, Table: table}, func() (*Table, error) {
		return Load(ctx, conn, dialect, schema, table)
	})
}

func TestCacheRemembersUntilItExpires(t *testing.T) {
	db, ctx := openTables(t, "a"), context.Background()
	c := NewCache(0)
	now := time.Now()
	c.now = func() time.Time { return now }
	if _, ok := c.Peek(Key{Dialect: "sqlite", Table: "a"}); ok {
		t.Error("an empty cache knows a table")
	}
	first, err := get(ctx, c, db, "sqlite", "", "a")
	if err != nil {
		t.Fatal(err)
	}
	refused := hookedConn{db, func() error { return errors.New("no query expected") }}
	now = now.Add(defaultTTL - time.Nanosecond)
	again, err := get(ctx, c, refused, "sqlite", "", "a")
	if err != nil || again != first {
		t.Errorf("before it expires: %v, %v", again, err)
	}
	if known, ok := c.Peek(Key{Dialect: "sqlite", Table: "a"}); !ok || known != first {
		t.Error("Peek does not know what Get does")
	}
	if _, err := get(ctx, c, refused, "sqlite", "main", "a"); err == nil {
		t.Error("another schema was answered from the cache")
	}
	now = now.Add(time.Nanosecond)
	if _, err := get(ctx, c, refused, "sqlite", "", "a"); err == nil {
		t.Error("an expired table was answered from the cache")
	}
	if fresh, err := get(ctx, c, db, "sqlite", "", "a"); err != nil || fresh == first {
		t.Errorf("after it expired: %v", err)
	}
}

func TestCacheForgetsFailuresAndMissingTables(t *testing.T) {
	db, ctx := openTables(t), context.Background()
	c := NewCache(time.Hour)
	boom := errors.New("boom")
	if _, err := get(ctx, c, hookedConn{db, func() error { return boom }}, "sqlite", "", "a"); !errors.Is(err, boom) {
		t.Errorf("error: %v", err)
	}
	if got, err := get(ctx, c, db, "sqlite", "", "a"); err != nil || got.Kind != Missing {
		t.Errorf("missing: %v, %v", got, err)
	}
	if _, err := db.Exec("CREATE TABLE a (id INT)"); err != nil {
		t.Fatal(err)
	}
	if got, err := get(ctx, c, db, "sqlite", "", "a"); err != nil || got.Kind != Plain {
		t.Errorf("created since: %v, %v", got, err)
	}
	if got, err := get(ctx, c, nil, "oracle", "", "a"); err != nil || got.Kind != Unknown || !got.CanSelect || !got.CanUpdate || !got.CanLock {
		t.Errorf("an unknown dialect: %+v, %v", got, err)
	}
}

// TestCacheClearDuringLoad clears while a load is under way, from inside it: that
// also shows that no lock is held meanwhile.
func TestCacheClearDuringLoad(t *testing.T) {
	db, ctx := openTables(t, "a"), context.Background()
	c := NewCache(time.Hour)
	clearing := hookedConn{db, func() error { c.Clear(); return nil }}
	if _, err := get(ctx, c, clearing, "sqlite", "", "a"); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Peek(Key{Dialect: "sqlite", Table: "a"}); ok {
		t.Error("what was loaded before Clear is still there")
	}
	if _, err := get(ctx, c, db, "sqlite", "", "a"); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Peek(Key{Dialect: "sqlite", Table: "a"}); !ok {
		t.Error("a load after Clear is not remembered")
	}
	c.Clear()
	if _, ok := c.Peek(Key{Dialect: "sqlite", Table: "a"}); ok {
		t.Error("Clear left a table")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := NewCache(time.Hour)
	for i := range 3 * maxEntries {
		c.put(Key{Table: fmt.Sprint(i)}, &Table{}, 0)
		if len(c.entries) > maxEntries {
			t.Fatalf("%d entries", len(c.entries))
		}
	}
}

func TestCacheConcurrently(t *testing.T) {
	db := openTables(t, "a", "b")
	c := NewCache(time.Hour)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := []string{"a", "b"}[i%2]
			for range 20 {
				got, err := get(context.Background(), c, db, "sqlite", "", name)
				if err != nil || got.Name != name {
					t.Errorf("%v, %v", got, err)
				}
				if i == 0 {
					c.Clear()
				}
			}
		})
	}
	wg.Wait()
}

// The same name is another table elsewhere.
func TestCacheTellsPlacesApart(t *testing.T) {
	c := NewCache(0)
	seen := map[*Table]bool{}
	for _, p := range []Place{{}, {Pool: 1}, {Pool: 2}, {Pool: 1, Names: "tenant"}} {
		for range 2 {
			got, err := c.Get(Key{Dialect: "postgres", Place: p, Table: "a"}, func() (*Table, error) { return &Table{Kind: Plain}, nil })
			if err != nil {
				t.Fatal(err)
			}
			seen[got] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d tables in 4 places", len(seen))
	}
	key := Key{Dialect: "postgres", Place: Place{Pool: 1}, Table: "a"}
	c.Forget(key)
	if _, known := c.Peek(key); known {
		t.Error("a table that was forgotten is known")
	}
	if _, known := c.Peek(Key{Dialect: "postgres", Place: Place{Pool: 2}, Table: "a"}); !known {
		t.Error("another was forgotten, too")
	}
}
