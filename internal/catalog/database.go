package catalog

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
)

// database is how one describes itself.
type database struct {
	// load fills in a table, which has the schema and the name that are asked for.
	load func(ctx context.Context, conn audit.Conn, t *Table) error
	// outgoing asks for the foreign keys that a table has, by schema and name.
	outgoing string
	// version asks what the server is, and numbers reads the answer: the whole, then major,
	// minor and patch; nil where the answer has them as everybody writes them.
	version string
	numbers func(s *Server, version, detail string) []string
}

// databaseOf finds one by GORM's name.
func databaseOf(dialect string) (d database, known bool) {
	switch dialect {
	case "sqlite":
		return sqliteDatabase, true
	case "postgres":
		return postgresDatabase, true
	case "mysql":
		return mysqlDatabase, true
	}
	return database{}, false
}
