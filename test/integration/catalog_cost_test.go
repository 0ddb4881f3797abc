package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A look at a table's definition does not make the server open its own tables, of which
// MariaDB makes a temporary table each.
func TestMySQLCatalogMakesFewTemporaryTables(t *testing.T) {
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		if err := d.AutoMigrate(&StepRow{}); err != nil {
			t.Fatal(err)
		}
		conn, err := d.Raw.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		made := func() (n int) {
			var name string
			if err := conn.QueryRowContext(t.Context(), "SHOW SESSION STATUS LIKE 'Created_tmp_tables'").Scan(&name, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := made()
		table, err := catalog.Load(t.Context(), conn, "mysql", "", "step_rows")
		if err != nil || len(table.Columns) != 2 {
			t.Fatalf("%d columns, %v", len(table.Columns), err)
		}
		if n := made() - before; n > 20 {
			t.Errorf("%d temporary tables", n)
		}
	})
}
