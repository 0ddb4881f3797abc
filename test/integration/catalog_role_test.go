package integration

import (
	"database/sql"
	"fmt"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestCatalogPostgresRole loads as a role with few rights: it must learn of them,
// and no lookup, however forbidden, may fail the transaction.
func TestCatalogPostgresRole(t *testing.T) {
	role := fmt.Sprintf("audit_catalog_%d", os.Getpid())
	c := openCatalog(t, testdb.Postgres,
		`CREATE SCHEMA closed`,
		`CREATE TABLE closed.t (id int PRIMARY KEY)`,
		`CREATE TABLE none (id int PRIMARY KEY)`,
		`CREATE TABLE reader (id int PRIMARY KEY, secret text)`,
		`CREATE TABLE some_columns (id int PRIMARY KEY, secret text)`,
		`CREATE TABLE all_columns (id int PRIMARY KEY, n text)`,
		`CREATE TABLE secured (id int PRIMARY KEY)`,
		`ALTER TABLE secured ENABLE ROW LEVEL SECURITY`,
		`CREATE ROLE `+role,
		`GRANT SELECT, DELETE ON reader TO `+role,
		`GRANT SELECT (id), UPDATE (secret) ON some_columns TO `+role,
		`GRANT SELECT (id, n), UPDATE (id, n) ON all_columns TO `+role,
		`GRANT ALL ON secured TO `+role)
	t.Cleanup(func() { c.exec(`RESET ROLE`, `DROP OWNED BY `+role, `DROP ROLE `+role) })
	sameCatalog(t, "owner's row security", c.load("", "secured").RowSecurity, false)
	c.exec(`SET ROLE `+role, `SET search_path = closed, public`)

	tx, err := c.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	type rights struct{ canSelect, canUpdate, canLock, first, second bool }
	for name, want := range map[string]rights{
		"none":         {},
		"reader":       {canSelect: true, first: true, second: true},
		"some_columns": {canLock: true, first: true},
		"all_columns":  {true, true, true, true, true},
	} {
		got := loadCatalog(t, tx, "postgres", "", name)
		is := rights{canSelect: got.CanSelect, canUpdate: got.CanUpdate, canLock: got.CanLock, first: got.Columns[0].Selectable}
		if len(got.Columns) > 1 {
			is.second = got.Columns[1].Selectable
		}
		sameCatalog(t, name, is, want)
		sameCatalog(t, name+" key", got.PrimaryKey, []string{"id"})
	}
	sameCatalog(t, "row security", loadCatalog(t, tx, "postgres", "", "secured").RowSecurity, true)
	sameCatalog(t, "schema without usage", loadCatalog(t, tx, "postgres", "closed", "t").Kind, catalog.Plain)
	sameCatalog(t, "hidden by usage", loadCatalog(t, tx, "postgres", "", "t").Kind, catalog.Missing)
	var one int
	if err := tx.QueryRow(`SELECT 1`).Scan(&one); err != nil {
		t.Errorf("the transaction is not usable: %v", err)
	}
}

func TestCatalogMySQLRole(t *testing.T) {
	c := openCatalog(t, testdb.MySQL,
		`CREATE TABLE reader (id int PRIMARY KEY, secret text)`,
		`CREATE TABLE some_columns (id int PRIMARY KEY, secret text)`,
		`CREATE TABLE none (id int PRIMARY KEY)`,
		`CREATE TABLE watched (id int PRIMARY KEY)`,
		`CREATE TABLE by_role (id int PRIMARY KEY)`)
	name := fmt.Sprintf("audit_catalog_%d", os.Getpid())
	user, role := "'"+name+"'@'%'", name+"_role"
	schema := c.load("", "reader").Schema
	c.exec(
		`CREATE USER `+user+` IDENTIFIED BY 'catalog'`, `CREATE ROLE `+role,
		`GRANT SELECT, DELETE ON `+schema+`.reader TO `+user,
		`GRANT SELECT (id), UPDATE (secret) ON `+schema+`.some_columns TO `+user,
		`GRANT SELECT, TRIGGER ON `+schema+`.watched TO `+user,
		`GRANT SELECT, UPDATE ON `+schema+`.by_role TO `+role, `GRANT `+role+` TO `+user)
	t.Cleanup(func() { c.exec(`DROP USER `+user, `DROP ROLE `+role) })
	config, err := mysql.ParseDSN(c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.User, config.Passwd = name, "catalog"
	db, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)

	reader := loadCatalog(t, db, "mysql", "", "reader")
	if !reader.CanSelect || reader.CanUpdate || !reader.Triggered {
		t.Errorf("reader, who can not see triggers: %+v", reader)
	}
	sameCatalog(t, "no trigger to be seen", loadCatalog(t, db, "mysql", "", "watched").Triggered, false)
	some := loadCatalog(t, db, "mysql", "", "some_columns")
	if some.CanSelect || some.CanUpdate || !some.Columns[0].Selectable || some.Columns[1].Selectable {
		t.Errorf("some columns: %+v", some)
	}
	sameCatalog(t, "no right at all", loadCatalog(t, db, "mysql", "", "none").Kind, catalog.Missing)
	sameCatalog(t, "role not set", loadCatalog(t, db, "mysql", "", "by_role").Kind, catalog.Missing)
	if _, err := db.Exec(`SET ROLE ` + role); err != nil {
		t.Fatal(err)
	}
	if got := loadCatalog(t, db, "mysql", "", "by_role"); !got.CanSelect || !got.CanUpdate {
		t.Errorf("role set: %+v", got)
	}
}
