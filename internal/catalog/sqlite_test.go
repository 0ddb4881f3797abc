package catalog_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"reflect"
	"testing"

	_ "gorm.io/driver/sqlite" // registers the "sqlite3" driver

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

func openSQLite(t *testing.T, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "test.db")+"?_foreign_keys=1&_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	// One connection: attached and temp databases belong to it, and a Load that
	// left rows open would hang.
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

func load(t *testing.T, db *sql.DB, schema, table string) *catalog.Table {
	t.Helper()
	got, err := catalog.Load(context.Background(), db, "sqlite", schema, table)
	if err != nil {
		t.Fatalf("Load(%q, %q): %v", schema, table, err)
	}
	return got
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestSQLiteColumns(t *testing.T) {
	db := openSQLite(t, `CREATE TABLE things (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		name varchar(20) NOT NULL DEFAULT '',
		note TEXT DEFAULT NULL,
		at datetime DEFAULT CURRENT_TIMESTAMP,
		price decimal(10,2),
		v INTEGER GENERATED ALWAYS AS (price * 2) VIRTUAL,
		s INTEGER GENERATED ALWAYS AS (price * 3) STORED,
		any)`)
	got := load(t, db, "", "THINGS")
	equal(t, "schema", got.Schema, "main")
	equal(t, "name", got.Name, "things")
	equal(t, "kind", got.Kind, catalog.Plain)
	equal(t, "columns", got.Columns, []catalog.Column{
		{Name: "id", DBType: "INTEGER", NotNull: true, Selectable: true, AutoIncrement: true},
		{Name: "name", DBType: "VARCHAR", NotNull: true, Selectable: true, HasDefault: true},
		{Name: "note", DBType: "TEXT", Selectable: true},
		{Name: "at", DBType: "DATETIME", Selectable: true, HasDefault: true},
		{Name: "price", DBType: "DECIMAL", Selectable: true},
		{Name: "v", DBType: "INTEGER", Selectable: true, Generated: true},
		{Name: "s", DBType: "INTEGER", Selectable: true, Generated: true},
		{Name: "any", Selectable: true},
	})
	equal(t, "primary key", got.PrimaryKey, []string{"id"})
	equal(t, "rowid alias", got.RowIDAlias, "id")
	equal(t, "uniques", got.Uniques, [][]string{{"id"}})
	if c, ok := got.Column("NAME"); !ok || c.Name != "name" {
		t.Errorf("Column(NAME) = %+v, %v", c, ok)
	}
	if _, ok := got.Column("absent"); ok {
		t.Error("an absent column was found")
	}
	if !got.CanSelect || !got.CanUpdate || !got.CanLock || !got.ForeignKeysEnforced {
		t.Errorf("permissions: %+v", got)
	}
}

func TestSQLiteKeys(t *testing.T) {
	for _, test := range []struct {
		name, ddl, alias string
		key              []string
		uniques          [][]string
		partial          bool
		joins            map[string]bool // by column
	}{
		{"rowid alias", `CREATE TABLE x (id integer PRIMARY KEY, n)`, "id", []string{"id"}, [][]string{{"id"}}, false, map[string]bool{"id": true, "n": false}},
		{"no alias for INT", `CREATE TABLE x (id INT PRIMARY KEY)`, "", []string{"id"}, [][]string{{"id"}}, false, map[string]bool{"id": false}},
		{"no alias for DESC", `CREATE TABLE x (id INTEGER PRIMARY KEY DESC)`, "", []string{"id"}, [][]string{{"id"}}, false, map[string]bool{"id": false}},
		{"text key may be null", `CREATE TABLE x (id TEXT PRIMARY KEY)`, "", []string{"id"}, [][]string{{"id"}}, false, map[string]bool{"id": false}},
		{"text key not null", `CREATE TABLE x (id TEXT PRIMARY KEY NOT NULL)`, "", []string{"id"}, [][]string{{"id"}}, false, map[string]bool{"id": true}},
		{"composite in key order", `CREATE TABLE x (a NOT NULL, b NOT NULL, PRIMARY KEY (b, a))`, "", []string{"b", "a"}, [][]string{{"b", "a"}}, false, map[string]bool{"a": false, "b": false}},
		{"without rowid", `CREATE TABLE x (id TEXT PRIMARY KEY) WITHOUT ROWID`, "", []string{"id"}, [][]string{{"id"}}, false, map[string]bool{"id": true}},
		{"no key", `CREATE TABLE x (a)`, "", nil, nil, false, map[string]bool{"a": false}},
		{"unique constraint", `CREATE TABLE x (id INTEGER PRIMARY KEY, e TEXT NOT NULL UNIQUE)`, "id", []string{"id"}, [][]string{{"id"}, {"e"}}, false, map[string]bool{"e": true}},
		{"partial", `CREATE TABLE x (a NOT NULL); CREATE UNIQUE INDEX i ON x (a) WHERE a > 1`, "", nil, nil, true, map[string]bool{"a": false}},
		{"expression", `CREATE TABLE x (a NOT NULL); CREATE UNIQUE INDEX i ON x (lower(a))`, "", nil, nil, true, map[string]bool{"a": false}},
		{"expression beside a column", `CREATE TABLE x (a NOT NULL, b NOT NULL); CREATE UNIQUE INDEX i ON x (a, lower(b))`, "", nil, nil, true, map[string]bool{"a": false}},
		{"not unique", `CREATE TABLE x (a NOT NULL); CREATE INDEX i ON x (a)`, "", nil, nil, false, map[string]bool{"a": false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := load(t, openSQLite(t, test.ddl), "", "x")
			equal(t, "alias", got.RowIDAlias, test.alias)
			equal(t, "primary key", got.PrimaryKey, test.key)
			equal(t, "uniques", got.Uniques, test.uniques)
			equal(t, "partial uniques", got.PartialUniques, test.partial)
			for column, want := range test.joins {
				equal(t, "join on "+column, got.UniqueNotNull([]string{column}), want)
			}
		})
	}
}

func TestUniqueNotNull(t *testing.T) {
	got := load(t, openSQLite(t, `CREATE TABLE x (tenant INT NOT NULL, id INT NOT NULL, code TEXT UNIQUE, n INT, PRIMARY KEY (tenant, id))`), "", "x")
	for _, test := range []struct {
		cols []string
		want bool
	}{
		{[]string{"tenant", "id"}, true},
		{[]string{"id", "TENANT"}, true},
		{[]string{"id"}, false},
		{[]string{"tenant", "id", "n"}, false}, // n may be NULL, which joins nothing
		{[]string{"code"}, false},              // likewise
		{[]string{"tenant", "id", "absent"}, false},
		{nil, false},
	} {
		equal(t, "UniqueNotNull", got.UniqueNotNull(test.cols), test.want)
	}
}

func TestSQLiteIncoming(t *testing.T) {
	db := openSQLite(t,
		`CREATE TABLE parents (tenant INT, id INT, up INT, UNIQUE (tenant, id), PRIMARY KEY (id), FOREIGN KEY (up) REFERENCES Parents ON DELETE SET NULL)`,
		`CREATE TABLE cascading (a INT, b INT, FOREIGN KEY (b, a) REFERENCES PARENTS (ID, tenant) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE defaults (p INT DEFAULT 1 REFERENCES parents (id) ON UPDATE SET DEFAULT)`,
		`CREATE TABLE restricting (p INT REFERENCES parents (id) ON DELETE RESTRICT, q INT REFERENCES parents (id))`,
		`CREATE TABLE mismatched (a INT, b INT, FOREIGN KEY (a, b) REFERENCES parents ON DELETE CASCADE)`,
		`CREATE TABLE strangers (p INT REFERENCES others (id) ON DELETE CASCADE)`,
	)
	got := load(t, db, "", "parents")
	equal(t, "incoming", got.Incoming, []catalog.ForeignKey{
		{Schema: "main", Table: "cascading", Columns: []string{"b", "a"}, RefColumns: []string{"id", "tenant"}, OnDelete: "CASCADE", OnUpdate: "CASCADE"},
		{Schema: "main", Table: "defaults", Columns: []string{"p"}, RefColumns: []string{"id"}, OnDelete: "NO ACTION", OnUpdate: "SET DEFAULT"},
		{Schema: "main", Table: "parents", Columns: []string{"up"}, RefColumns: []string{"id"}, OnDelete: "SET NULL", OnUpdate: "NO ACTION"},
	})
	if _, err := db.Exec(`PRAGMA foreign_keys = OFF`); err != nil {
		t.Fatal(err)
	}
	equal(t, "enforced", load(t, db, "", "parents").ForeignKeysEnforced, false)
}

func TestSQLiteKinds(t *testing.T) {
	db := openSQLite(t,
		`CREATE TABLE base (id INTEGER PRIMARY KEY, n TEXT)`,
		`CREATE VIEW seen AS SELECT id, n AS label FROM base`,
		`CREATE VIEW broken AS SELECT absent FROM nowhere`,
		`CREATE VIRTUAL TABLE tree USING rtree (id, low, high)`,
		`CREATE TRIGGER bump AFTER UPDATE ON Base BEGIN SELECT 1; END`,
	)
	seen := load(t, db, "", "seen")
	equal(t, "view", seen.Kind, catalog.View)
	equal(t, "view columns", seen.Columns, []catalog.Column{
		{Name: "id", DBType: "INTEGER", Selectable: true}, {Name: "label", DBType: "TEXT", Selectable: true},
	})
	broken := load(t, db, "", "broken")
	equal(t, "broken view", broken.Kind, catalog.View)
	equal(t, "broken view columns", len(broken.Columns), 0)
	equal(t, "virtual", load(t, db, "", "tree").Kind, catalog.Virtual)
	equal(t, "shadow", load(t, db, "", "tree_node").Kind, catalog.Virtual)
	equal(t, "missing", load(t, db, "", "absent"), &catalog.Table{Name: "absent"})
	equal(t, "missing schema", load(t, db, "absent", "base").Kind, catalog.Missing)
	equal(t, "invalid name", load(t, db, "", "a\x00b").Kind, catalog.Missing)
	equal(t, "trigger", load(t, db, "", "base").HasUserTriggers, true)
	equal(t, "no trigger", seen.HasUserTriggers, false)
	equal(t, "no trigger names the table", load(t, db, "", "base").Triggered, false)
	for _, trigger := range []string{
		`CREATE TRIGGER again AFTER UPDATE ON base BEGIN UPDATE "BASE" SET id = id; END`,
		`CREATE TEMP TRIGGER again AFTER UPDATE ON base BEGIN DELETE FROM base WHERE id = 7; END`,
	} {
		if _, err := db.Exec(trigger); err != nil {
			t.Fatal(err)
		}
		equal(t, trigger, load(t, db, "", "base").Triggered, true)
		if _, err := db.Exec(`DROP TRIGGER again`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`CREATE TRIGGER logs AFTER UPDATE ON base BEGIN INSERT INTO notes VALUES ('base'); END`); err != nil {
		t.Fatal(err)
	}
	equal(t, "a literal is no name", load(t, db, "", "base").Triggered, false)
}

func TestSQLiteSchemas(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.db")
	db := openSQLite(t,
		`ATTACH '`+other+`' AS "my ""other"`,
		`CREATE TABLE t (in_main)`,
		`CREATE TABLE "my ""other".t (in_other)`,
		`CREATE TABLE "my ""other".only (id INTEGER PRIMARY KEY)`,
		`CREATE TABLE "my ""other".child (p REFERENCES only ON DELETE CASCADE)`,
		`CREATE TABLE child (p REFERENCES only ON DELETE CASCADE)`,
	)
	equal(t, "main first", load(t, db, "", "t").Columns[0].Name, "in_main")
	equal(t, "named", load(t, db, `my "other`, "t").Columns[0].Name, "in_other")
	only := load(t, db, "", "only")
	equal(t, "attached", only.Schema, `my "other`)
	equal(t, "a foreign key stays in its database", len(only.Incoming), 1)
	if _, err := db.Exec(`CREATE TEMP TABLE t (in_temp); CREATE TEMP TRIGGER g AFTER INSERT ON main.t BEGIN SELECT 1; END`); err != nil {
		t.Fatal(err)
	}
	equal(t, "temp hides main", load(t, db, "", "t").Columns[0].Name, "in_temp")
	equal(t, "temp trigger on main", load(t, db, "main", "t").HasUserTriggers, true)
}

func TestSQLiteNames(t *testing.T) {
	for _, name := range []string{`Upper Case`, `a.b`, `quo"te`, `apo'strophe`, "back`tick", `größe`, `日本`, `select`, `a]b`, `per%cent`, `?1`} {
		quoted := `"` + replaceQuotes(name) + `"`
		db := openSQLite(t, `CREATE TABLE `+quoted+` (`+quoted+` INTEGER PRIMARY KEY)`,
			`CREATE TABLE child (p REFERENCES `+quoted+` (`+quoted+`) ON DELETE CASCADE)`)
		got := load(t, db, "", name)
		equal(t, "name", got.Name, name)
		equal(t, "key", got.PrimaryKey, []string{name})
		if len(got.Incoming) != 1 {
			t.Errorf("%s: incoming %+v", name, got.Incoming)
		}
	}
}

func replaceQuotes(s string) string {
	var out []rune
	for _, r := range s {
		if r == '"' {
			out = append(out, r)
		}
		out = append(out, r)
	}
	return string(out)
}
