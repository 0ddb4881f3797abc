package lease

import "github.com/gorm-audit/auditplugin/internal/dialect"

// DDL returns the statement that creates the table of leases in a known dialect,
// without a semicolon.
func DDL(name string, table dialect.Table) string {
	text := dialect.FactsOf(name).Text("VARCHAR(255)")
	return dialect.CreateTable(name, table, `  name `+text+` NOT NULL PRIMARY KEY,
  holder `+text+` NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL`)[0]
}
