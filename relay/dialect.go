package relay

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/emitter"
)

// The dialects, as GORM names them.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
	mysql    = "mysql"
)

// tableName is a table and its schema, which MySQL calls a database.
type tableName struct{ schema, name string }

func parseTable(name string) (tableName, error) {
	schema, table, qualified := strings.Cut(name, ".")
	if !qualified {
		schema, table = "", name
	}
	if table == "" || qualified && schema == "" || strings.Contains(name, "\x00") {
		return tableName{}, invalid("table name %q", name)
	}
	return tableName{schema, table}, nil
}

func quote(dialect, name string) string {
	if dialect == mysql {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func (t tableName) quoted(dialect string) string {
	if t.schema == "" {
		return quote(dialect, t.name)
	}
	return quote(dialect, t.schema) + "." + quote(dialect, t.name)
}

func columnList(dialect, prefix string) string {
	names := emitter.Columns()
	for i, name := range names {
		names[i] = prefix + quote(dialect, name)
	}
	return strings.Join(names, ", ")
}

// resolve adds the current schema: the application may change its search path.
func resolve(ctx context.Context, db *sql.DB, dialect string, table tableName) (tableName, error) {
	if table.schema != "" {
		return table, nil
	}
	var query string
	switch dialect {
	case postgres:
		query = "SELECT current_schema()"
	case mysql:
		query = "SELECT DATABASE()"
	default:
		table.schema = "main"
		return table, nil
	}
	var schema sql.NullString
	if err := db.QueryRowContext(ctx, query).Scan(&schema); err != nil {
		return table, fmt.Errorf("auditplugin: relay: current schema: %w", err)
	}
	if schema.String == "" {
		return table, fmt.Errorf("%w: the connection has no current schema", ErrTableMissing)
	}
	table.schema = schema.String
	return table, nil
}

// exists asks the table itself: no catalog is needed, and the right to read it is
// tested too.
func exists(ctx context.Context, db *sql.DB, dialect string, table tableName) error {
	rows, err := db.QueryContext(ctx, "SELECT 1 FROM "+table.quoted(dialect)+" WHERE 1 = 0")
	if err != nil {
		return fmt.Errorf("%w, or cannot be read: %s: %w", ErrTableMissing, table.quoted(dialect), err)
	}
	defer rows.Close()
	rows.Next()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%w, or cannot be read: %s: %w", ErrTableMissing, table.quoted(dialect), err)
	}
	return nil
}

// pool returns the connections behind db, past the plugin and GORM: what goes
// through them is not audited and does not touch the application's transactions.
func pool(db *gorm.DB) (*sql.DB, string, error) {
	if db == nil || db.Config == nil || db.Dialector == nil {
		return nil, "", invalid("no database")
	}
	dialect := db.Name()
	switch dialect {
	case sqlite, postgres, mysql:
	default:
		return nil, "", fmt.Errorf("%w: %q", ErrUnknownDialect, dialect)
	}
	if db.Statement != nil {
		if _, ok := db.Statement.ConnPool.(gorm.TxCommitter); ok {
			return nil, "", invalid("the database handle is inside a transaction")
		}
	}
	sqlDB, err := db.DB()
	if err != nil {
		return nil, "", fmt.Errorf("auditplugin: relay: no connection: %w", err)
	}
	return sqlDB, dialect, nil
}
