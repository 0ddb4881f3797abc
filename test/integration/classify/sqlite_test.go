package classify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	sqlite "github.com/mattn/go-sqlite3"
	"pgregory.net/rapid"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// authority asks SQLite which tables statements write. It lets nothing but reads
// happen, so its tables stay as they are.
type authority struct {
	conn *sqlite.SQLiteConn
	// wrote are the tables that the last statements were about to write.
	wrote []string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	c, err := (&sqlite.SQLiteDriver{}).Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{conn: c.(*sqlite.SQLiteConn)}
	t.Cleanup(func() { _ = a.conn.Close() })
	schema := `CREATE TABLE t (a, b, c); CREATE TABLE u (a, b, c); CREATE TABLE "select" (a, b, c); CREATE TABLE "a b" (a, b, c); CREATE UNIQUE INDEX ta ON t(a)`
	if _, err := a.conn.Exec(schema, nil); err != nil {
		t.Fatal(err)
	}
	a.conn.RegisterAuthorizer(func(op int, name, _, _ string) int {
		switch op {
		case sqlite.SQLITE_SELECT, sqlite.SQLITE_READ, sqlite.SQLITE_FUNCTION, 33: // 33: recursive CTEs
			return sqlite.SQLITE_OK
		case sqlite.SQLITE_INSERT, sqlite.SQLITE_UPDATE, sqlite.SQLITE_DELETE:
			if !strings.HasPrefix(strings.ToLower(name), "sqlite_") {
				a.wrote = append(a.wrote, name)
			}
		}
		return sqlite.SQLITE_DENY
	})
	return a
}

// writes returns the tables that the first statement of query to write would write.
func (a *authority) writes(query string) []string {
	a.wrote = nil
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, _ = a.conn.ExecContext(ctx, query, nil) // most texts are no SQL, and writes are denied
	return a.wrote
}

// judge demands that every table SQLite says is written is among those that the
// classifier reports. EXPLAIN is left out: SQLite compiles what it explains.
func judge(t interface {
	Errorf(format string, args ...any)
}, a *authority, query string,
) (writes bool) {
	wrote := a.writes(query)
	if len(wrote) == 0 || strings.Contains(strings.ToLower(query), "explain") {
		return false
	}
	var reported []string
	for _, st := range sqltext.Parse("sqlite", query) {
		for _, w := range st.Writes {
			reported = append(reported, strings.ToLower(w.Name))
		}
	}
	for _, name := range wrote {
		if !slices.Contains(reported, strings.ToLower(name)) {
			t.Errorf("%q writes %s, reported are %q", query, name, reported)
		}
	}
	if sqltext.Single(query) {
		switch sqltext.First("sqlite", query) {
		case sqltext.Insert, sqltext.Update, sqltext.Delete:
		default:
			t.Errorf("%q writes, its kind is %d", query, sqltext.First("sqlite", query))
		}
	}
	return true
}

// seeds are statements to mutate.
var seeds = []string{
	"INSERT INTO t VALUES (1, 2, 3)", "insert or replace into [t](a) values('x')", "REPLACE INTO main.t SELECT * FROM u",
	"UPDATE t SET a = 1", "UPDATE OR IGNORE \"t\" AS x SET a = u.b FROM u WHERE x.a = u.a RETURNING *", "DELETE FROM 't' WHERE a = ';'",
	"WITH x AS (SELECT 1) DELETE FROM t", "WITH RECURSIVE x(n) AS (VALUES(1)), y AS NOT MATERIALIZED (SELECT 2) INSERT INTO u SELECT n, 1, 2 FROM x",
	"/* c */ -- d\n update`t`set a=1", "SELECT 1; DELETE FROM t", "INSERT INTO t VALUES (1,2,3) ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE 1",
	"INSERT INTO \"select\" DEFAULT VALUES", "DELETE FROM \"a b\" INDEXED BY x", "DELETE FROM t NOT INDEXED", "select 'it''s'; update u set a = x'00'",
	"UPDATE temp.t SET a = 1", "INSERT INTO t(a) SELECT a FROM (SELECT a FROM u WHERE a IN (WITH z AS (SELECT 1) SELECT * FROM z))",
	"; ;UPDATE t SET (a, b) = (1, 2)", "\ufeffDELETE FROM t", "DELETE\fFROM\vt", "UPDATE t SET a = $1.b", "UPDATE t SET a=:x::y(z)", "SELECT \"a;b\"; REPLACE INTO t VALUES(1,2,3)",
}

// FuzzWritesOfText mutates texts.
func FuzzWritesOfText(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	a := newAuthority(f)
	f.Fuzz(func(t *testing.T, query string) {
		if strings.Contains(query, "\x00") {
			t.Skip() // it ends the text for SQLite, not for us
		}
		judge(t, a, query)
	})
}

// FuzzWritesOfStatements draws statements from a grammar.
func FuzzWritesOfStatements(f *testing.F) {
	a := newAuthority(f)
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { judge(t, a, script(t)) }))
}

// TestWrites: the grammar, for a while, and the seeds as they are.
func TestWrites(t *testing.T) {
	a := newAuthority(t)
	for _, s := range seeds {
		judge(t, a, s)
	}
	if t.Failed() {
		return // rapid does not start then
	}
	drawn, wrote := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			drawn++
			if judge(t, a, script(t)) {
				wrote++
			}
		}
	})
	if wrote < drawn/4 {
		t.Errorf("only %d of %d statements are writes that SQLite understands", wrote, drawn)
	}
	t.Logf("%d of %d statements write", wrote, drawn)
}
