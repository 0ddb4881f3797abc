package integration

import (
	"context"
	"database/sql"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

func catalogServer(t *testing.T, c catalogDB) catalog.Server {
	t.Helper()
	server, err := catalog.LoadServer(context.Background(), c.db, c.dialect)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestCatalogMySQLColumns(t *testing.T) {
	c := openCatalog(t, testdb.MySQL, `CREATE TABLE things (
		id bigint unsigned AUTO_INCREMENT PRIMARY KEY,
		name varchar(20) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
		word varchar(20) CHARACTER SET latin1 DEFAULT 'NULL',
		note longtext COLLATE utf8mb4_bin,
		at datetime(3) DEFAULT CURRENT_TIMESTAMP(3),
		price decimal(10,2) UNSIGNED,
		flag tinyint(1), tiny tinyint(4) unsigned,
		doc json,
		v int GENERATED ALWAYS AS (price * 2) VIRTUAL,
		s int GENERATED ALWAYS AS (price * 3) STORED,
		data blob, kind enum('a','b(c)') CHARACTER SET latin1,
		ratio double(10,2), touched datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))`)
	got := c.load("", "things")
	want := []catalog.Column{
		{Name: "id", DBType: "BIGINT UNSIGNED", NotNull: true, AutoIncrement: true},
		{Name: "name", DBType: "VARCHAR", Size: 20, UTF8: true, NotNull: true, HasDefault: true},
		{Name: "word", DBType: "VARCHAR", Size: 20, HasDefault: true},
		{Name: "note", DBType: "LONGTEXT", UTF8: true},
		{Name: "at", DBType: "DATETIME", Size: 3, HasDefault: true},
		{Name: "price", DBType: "DECIMAL UNSIGNED", Size: 10, Scale: 2},
		{Name: "flag", DBType: "TINYINT(1)"},
		{Name: "tiny", DBType: "TINYINT UNSIGNED"},
		{Name: "doc", DBType: "JSON", UTF8: catalogServer(t, c).MariaDB}, // in MySQL it has no collation
		{Name: "v", DBType: "INT", Generated: true},
		{Name: "s", DBType: "INT", Generated: true},
		{Name: "data", DBType: "BLOB"},
		{Name: "kind", DBType: "ENUM"},
		{Name: "ratio", DBType: "DOUBLE", Size: 10},
		{Name: "touched", DBType: "DATETIME", Size: 6, HasDefault: true, OnUpdate: true},
	}
	for i := range want {
		want[i].Selectable = true
	}
	sameCatalog(t, "columns", got.Columns, want)
	sameCatalog(t, "kind", got.Kind, catalog.Plain)
	if !got.CanSelect || !got.CanUpdate || !got.CanLock || !got.ForeignKeysEnforced || got.HasUserTriggers {
		t.Errorf("table: %+v", got)
	}
	if column, ok := got.Column("NAME"); !ok || column.Name != "name" {
		t.Errorf("Column(NAME): %+v, %v", column, ok)
	}
	c.exec(`SET foreign_key_checks = 0`)
	sameCatalog(t, "enforced", c.load("", "things").ForeignKeysEnforced, false)
}

func TestCatalogMySQLKeys(t *testing.T) {
	c := openCatalog(t, testdb.MySQL)
	for _, test := range []struct {
		name, ddl    string
		key          []string
		uniques      [][]string
		partial      bool
		joins, never []string
	}{
		{"composite in key order", `CREATE TABLE x (a int, b int, PRIMARY KEY (b, a))`, []string{"b", "a"}, [][]string{{"b", "a"}}, false, []string{"a", "b"}, []string{"a"}},
		{"primary key first", `CREATE TABLE x (a int NOT NULL, b int PRIMARY KEY, UNIQUE AAA (a))`, []string{"b"}, [][]string{{"b"}, {"a"}}, false, []string{"a"}, nil},
		{"no key", `CREATE TABLE x (a int)`, nil, nil, false, nil, []string{"a"}},
		{"nullable unique", `CREATE TABLE x (a int UNIQUE)`, nil, [][]string{{"a"}}, false, nil, []string{"a"}},
		{"prefix", `CREATE TABLE x (a varchar(20) NOT NULL, UNIQUE (a(5)))`, nil, nil, true, nil, []string{"a"}},
		{"not unique", `CREATE TABLE x (a int NOT NULL, KEY (a))`, nil, nil, false, nil, []string{"a"}},
		{"expression", `CREATE TABLE x (a int NOT NULL, UNIQUE ((a + 1)))`, nil, nil, true, nil, []string{"a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "expression" && catalogServer(t, c).MariaDB {
				t.Skip("MariaDB has no indexes on expressions")
			}
			c.exec(`DROP TABLE IF EXISTS x`, test.ddl)
			got := c.load("", "x")
			sameCatalog(t, "primary key", got.PrimaryKey, test.key)
			sameCatalog(t, "uniques", got.Uniques, test.uniques)
			sameCatalog(t, "partial uniques", got.PartialUniques, test.partial)
			if test.joins != nil {
				sameCatalog(t, "joins", got.UniqueNotNull(test.joins), true)
			}
			if test.never != nil {
				sameCatalog(t, "never joins", got.UniqueNotNull(test.never), false)
			}
		})
	}
}

func TestCatalogMySQLIncoming(t *testing.T) {
	c, far := openCatalog(t, testdb.MySQL), openCatalog(t, testdb.MySQL)
	c.exec(`CREATE TABLE parents (id int PRIMARY KEY, tenant int, up int, UNIQUE (tenant, id), CONSTRAINT up FOREIGN KEY (up) REFERENCES parents (id) ON DELETE SET NULL)`,
		"CREATE TABLE `Cas.cading` (a int, b int, CONSTRAINT both_fk FOREIGN KEY (a, b) REFERENCES parents (tenant, id) ON DELETE CASCADE ON UPDATE CASCADE)",
		`CREATE TABLE restricting (p int UNIQUE, q int, FOREIGN KEY (p) REFERENCES parents (id) ON DELETE RESTRICT, FOREIGN KEY (q) REFERENCES parents (id))`,
		`CREATE TABLE bystanders (p int, FOREIGN KEY (p) REFERENCES restricting (p) ON DELETE CASCADE)`)
	parents := c.load("", "parents")
	sameCatalog(t, "incoming", parents.Incoming, []catalog.ForeignKey{
		{Name: "both_fk", Schema: parents.Schema, Table: "Cas.cading", Columns: []string{"a", "b"}, RefColumns: []string{"tenant", "id"}, OnDelete: "CASCADE", OnUpdate: "CASCADE"},
		{Name: "up", Schema: parents.Schema, Table: "parents", Columns: []string{"up"}, RefColumns: []string{"id"}, OnDelete: "SET NULL", OnUpdate: parents.Incoming[1].OnUpdate},
	})
	far.exec("CREATE TABLE far (p int, CONSTRAINT far FOREIGN KEY (p) REFERENCES " + parents.Schema + ".parents (id) ON UPDATE CASCADE)")
	found := false
	for _, f := range c.load("", "parents").Incoming {
		found = found || f.Table == "far" && f.Schema != parents.Schema && f.OnUpdate == "CASCADE"
	}
	sameCatalog(t, "found in another database", found, true)
	far.exec("DROP TABLE far")
}

func TestCatalogMySQLKinds(t *testing.T) {
	c := openCatalog(t, testdb.MySQL,
		`CREATE TABLE base (id int PRIMARY KEY, n varchar(9))`,
		`CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2`,
		`CREATE VIEW seen AS SELECT id, n AS label FROM base`,
		`CREATE TRIGGER bump BEFORE UPDATE ON base FOR EACH ROW SET NEW.n = 'x'`)
	sameCatalog(t, "base", c.load("", "base").Kind, catalog.Plain)
	sameCatalog(t, "trigger", c.load("", "base").HasUserTriggers, true)
	sameCatalog(t, "before", c.load("", "base").Triggered, true)
	sameCatalog(t, "not before", c.load("", "parts").Triggered, false)
	sameCatalog(t, "partitioned", c.load("", "parts").Kind, catalog.Partitioned)
	seen := c.load("", "seen")
	sameCatalog(t, "view", seen.Kind, catalog.View)
	sameCatalog(t, "view column", seen.Columns[1].Name, "label")
	sameCatalog(t, "other database", c.load("information_schema", "base").Kind, catalog.Missing)
	if _, err := c.db.Exec("CREATE TABLE Base (other int)"); err != nil {
		t.Skip("this server's table names have no case")
	}
	sameCatalog(t, "case", c.load("", "Base").Columns[0].Name, "other")
	sameCatalog(t, "no such case", c.load("", "BASE").Kind, catalog.Missing)
	sameCatalog(t, "another's trigger", c.load("", "Base").HasUserTriggers, false)
}

// TestCatalogMySQLSnapshot shows that a load does not fix what a REPEATABLE READ
// transaction sees afterwards.
func TestCatalogMySQLSnapshot(t *testing.T) {
	c := openCatalog(t, testdb.MySQL,
		`CREATE TABLE parents (id int PRIMARY KEY, doc json)`,
		`CREATE TABLE children (p int, FOREIGN KEY (p) REFERENCES parents (id) ON DELETE CASCADE)`)
	if !catalogServer(t, c).MariaDB {
		t.Skip("MySQL keeps its catalog in InnoDB; Load's documentation says so")
	}
	other, err := sql.Open("mysql", c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	count := func(load bool) (rows int) {
		tx, err := c.db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if load {
			if got := loadCatalog(t, tx, "mysql", "", "parents"); len(got.Incoming) != 1 || got.Columns[1].DBType != "JSON" {
				t.Errorf("not every statement was used: %+v", got)
			}
		} else if err := tx.QueryRow(`SELECT COUNT(*) FROM children`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Exec(`INSERT INTO parents (id) SELECT COALESCE(MAX(id), 0) + 1 FROM parents`); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow(`SELECT COUNT(*) FROM parents`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	sameCatalog(t, "rows seen after a read, which fixes the snapshot", count(false), 0)
	sameCatalog(t, "rows seen after a load", count(true), 2)
}
