package integration

import (
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A look at one table opens the tables that reference it, and not every table that the
// server has, which is what MariaDB does to find them.
func TestMySQLCatalogOpensNoOtherTables(t *testing.T) {
	const others = 60
	c := openCatalog(t, testdb.MySQL,
		"CREATE TABLE `par ent$é` (id INT PRIMARY KEY)",
		"CREATE TABLE `ch ild$é` (p INT, FOREIGN KEY (p) REFERENCES `par ent$é` (id) ON DELETE CASCADE)")
	for i := range others {
		c.exec(fmt.Sprintf("CREATE TABLE beside_%d (id INT PRIMARY KEY)", i))
	}
	opened := func() (n int) {
		var name string
		if err := c.db.QueryRow("SHOW SESSION STATUS LIKE 'Opened_table_definitions'").Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range others {
		c.exec(fmt.Sprintf("FLUSH TABLES beside_%d", i))
	}
	before := opened()
	got, err := catalog.Load(t.Context(), c.db, "mysql", "", "par ent$é")
	if err != nil || len(got.Incoming) != 1 || got.Incoming[0].Table != "ch ild$é" {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := opened() - before; n > others/2 {
		t.Errorf("%d tables were opened", n)
	}
}
