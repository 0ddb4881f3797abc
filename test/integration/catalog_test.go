package integration

import (
	"context"
	"database/sql"
	"os"
	"reflect"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// catalogDB is one connection to a fresh database, so that roles, search paths and
// temporary tables last, and a Load that left rows open would hang.
type catalogDB struct {
	t       *testing.T
	dialect string
	db      *sql.DB
	dsn     string
}

func openCatalog(t *testing.T, dialect string, statements ...string) catalogDB {
	t.Helper()
	env := map[string]string{testdb.Postgres: testdb.PostgresEnv, testdb.MySQL: testdb.MySQLEnv}[dialect]
	if os.Getenv(env) == "" {
		t.Skipf("%s is not set", env)
	}
	d := testdb.Target{Dialect: dialect}.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
	d.Raw.SetMaxOpenConns(1)
	c := catalogDB{t: t, dialect: dialect, db: d.Raw, dsn: d.DSN}
	c.exec(statements...)
	return c
}

func (c catalogDB) exec(statements ...string) {
	c.t.Helper()
	for _, s := range statements {
		if _, err := c.db.Exec(s); err != nil {
			c.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (c catalogDB) load(schema, table string) *catalog.Table {
	c.t.Helper()
	return loadCatalog(c.t, c.db, c.dialect, schema, table)
}

func loadCatalog(t *testing.T, conn audit.Conn, dialect, schema, table string) *catalog.Table {
	t.Helper()
	got, err := catalog.Load(context.Background(), conn, dialect, schema, table)
	if err != nil {
		t.Fatalf("Load(%q, %q): %v", schema, table, err)
	}
	return got
}

func sameCatalog(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func TestCatalogServer(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		t.Run(dialect, func(t *testing.T) {
			c := openCatalog(t, dialect)
			got, err := catalog.LoadServer(context.Background(), c.db, dialect)
			if err != nil {
				t.Fatal(err)
			}
			if got.Dialect != dialect || !got.AtLeast(5, 7, 0) || got.AtLeast(1000, 0, 0) || got.Flavor != "" {
				t.Errorf("server: %+v", got)
			}
		})
	}
}

func TestCatalogNames(t *testing.T) {
	names := []string{`Upper Case`, `a.b`, `apo'strophe`, `größe`, `日本`, `select`, `per%cent`, `what?`, `$1`, `back\slash`}
	for _, test := range []struct{ dialect, quote, extra string }{
		{testdb.Postgres, `"`, "back`tick"}, {testdb.MySQL, "`", `quo"te`},
	} {
		t.Run(test.dialect, func(t *testing.T) {
			c := openCatalog(t, test.dialect)
			for _, name := range append(names, test.extra) {
				q := test.quote + name + test.quote
				c.exec(
					"CREATE TABLE "+q+" ("+q+" INT PRIMARY KEY)",
					"CREATE TABLE child (p INT, FOREIGN KEY (p) REFERENCES "+q+" ("+q+") ON DELETE CASCADE)",
				)
				got := c.load("", name)
				sameCatalog(t, "name", got.Name, name)
				sameCatalog(t, "key of "+name, got.PrimaryKey, []string{name})
				if len(got.Incoming) != 1 || got.Incoming[0].RefColumns[0] != name {
					t.Errorf("incoming of %s: %+v", name, got.Incoming)
				}
				sameCatalog(t, "with a schema", c.load(got.Schema, name), got)
				c.exec("DROP TABLE child")
			}
			// Nothing that can not be a name may fail the transaction.
			tx, err := c.db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a\x00b", "a\xffb", "", "absent", `ab"sent`, "ab`sent", "\U0001F600"} {
				sameCatalog(t, "kind", loadCatalog(t, tx, test.dialect, "", name).Kind, catalog.Missing)
				sameCatalog(t, "kind", loadCatalog(t, tx, test.dialect, "absent", name).Kind, catalog.Missing)
			}
			if _, err := tx.Exec("INSERT INTO " + test.quote + "select" + test.quote + " VALUES (1)"); err != nil {
				t.Errorf("the transaction is not usable: %v", err)
			}
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		})
	}
}
