package relay

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/lease"
)

// tables are the relay's own tables, beside the audit table.
type tables struct{ audit, positions, leases, dead tableName }

func newTables(audit tableName, prefix string) tables {
	return tables{
		audit:     audit,
		positions: tableName{audit.schema, prefix + "positions"},
		leases:    tableName{audit.schema, prefix + "leases"},
		dead:      tableName{audit.schema, prefix + "dead"},
	}
}

const defaultPrefix = "audit_relay_"

// Schema returns the statements that create the relay's tables in the given dialect,
// "sqlite", "postgres" or "mysql" (MariaDB too), for teams whose migration tool
// creates tables; then use [NoCreate]. Of the options, those about tables
// ([AuditTable], [TablePrefix]) count. Each statement ends with a semicolon and a
// newline. Other dialects are [ErrUnknownDialect].
func Schema(dialect string, opts ...Option) (string, error) {
	c, err := newConfig(opts)
	if err != nil {
		return "", err
	}
	statements, err := ddl(dialect, newTables(c.table, c.prefix))
	if err != nil {
		return "", err
	}
	return strings.Join(statements, ";\n") + ";\n", nil
}

func ddl(dialect string, t tables) ([]string, error) {
	text, long := "TEXT", "TEXT"
	var id, options string
	var index string // MySQL has no CREATE INDEX IF NOT EXISTS
	switch dialect {
	case sqlite:
		id = "INTEGER PRIMARY KEY AUTOINCREMENT"
	case postgres:
		text, long = "text", "text"
		id = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
	case mysql:
		text, long = "VARCHAR(255)", "LONGTEXT"
		id = "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"
		options = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
		index = ",\n  KEY " + quote(dialect, "idx_"+t.dead.name) + " (subscriber, state, id)"
	default:
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, dialect)
	}
	leases, err := lease.DDL(dialect, t.leases.quoted(dialect))
	if err != nil {
		return nil, err
	}
	statements := []string{
		"CREATE TABLE IF NOT EXISTS " + t.positions.quoted(dialect) + ` (
  name ` + text + ` NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps ` + long + ` NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error ` + long + ` NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
)` + options,
		leases,
		"CREATE TABLE IF NOT EXISTS " + t.dead.quoted(dialect) + ` (
  id ` + id + `,
  subscriber ` + text + ` NOT NULL,
  state ` + text + ` NOT NULL,
  seq BIGINT NOT NULL,
  record_id ` + text + ` NOT NULL,
  record ` + long + ` NOT NULL,
  error ` + long + ` NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL` + index + `
)` + options,
	}
	if dialect != mysql {
		ix, on := tableName{name: "idx_" + t.dead.name}, t.dead
		if dialect == sqlite {
			ix.schema, on.schema = on.schema, ""
		}
		statements = append(statements, "CREATE INDEX IF NOT EXISTS "+ix.quoted(dialect)+" ON "+on.quoted(dialect)+" (subscriber, state, id)")
	}
	return statements, nil
}

// create creates the tables, if one is missing. Processes that start at the same
// time would trip over each other on PostgreSQL: IF NOT EXISTS is no lock.
func create(ctx context.Context, db *sql.DB, dialect string, t tables) error {
	if missing(ctx, db, dialect, t) == nil {
		return nil
	}
	statements, err := ddl(dialect, t)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("auditplugin: relay: creating tables: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if dialect == postgres {
		h := fnv.New64a()
		_, _ = h.Write([]byte("auditplugin relay\x00" + t.positions.schema + "\x00" + t.positions.name))
		statements = append([]string{fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(h.Sum64()))}, statements...)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("auditplugin: relay: creating tables: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("auditplugin: relay: creating tables: %w", err)
	}
	return nil
}

// missing returns an error if one of the relay's tables cannot be read.
func missing(ctx context.Context, db *sql.DB, dialect string, t tables) error {
	for _, table := range []tableName{t.positions, t.leases, t.dead} {
		if err := exists(ctx, db, dialect, table); err != nil {
			return err
		}
	}
	return nil
}
