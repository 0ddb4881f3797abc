package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/lease"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// tables are the relay's own tables, beside the audit table.
type tables struct{ audit, positions, leases, dead dialect.Table }

func newTables(audit dialect.Table, prefix string) tables {
	own := func(name string) dialect.Table { return dialect.Table{Schema: audit.Schema, Name: prefix + name} }
	return tables{audit: audit, positions: own("positions"), leases: own("leases"), dead: own("dead")}
}

const defaultPrefix = "audit_relay_"

// Schema returns the statements that create the relay's tables in the given dialect,
// "sqlite", "postgres" or "mysql" (MariaDB too), for teams whose migration tool
// creates tables; then use [NoCreate]. Of the options, those about tables
// ([AuditTable], [TablePrefix]) count. Each statement ends with a semicolon and a
// newline. Other dialects are [ErrUnknownDialect].
func Schema(dialect string, opts ...Option) (string, error) {
	c, err := newConfig(nil, opts)
	if err != nil {
		return "", err
	}
	statements, err := ddl(dialect, newTables(c.table, c.prefix))
	if err != nil {
		return "", err
	}
	return strings.Join(statements, ";\n") + ";\n", nil
}

func ddl(name string, t tables) ([]string, error) {
	if !dialect.Known(name) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, name)
	}
	facts := dialect.FactsOf(name)
	text, long := facts.Text("VARCHAR(255)"), facts.Text("LONGTEXT")
	positions := dialect.CreateTable(name, t.positions, `  name `+text+` NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps `+long+` NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error `+long+` NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL`)
	dead := dialect.CreateTable(name, t.dead, `  id `+facts.Identity+`,
  subscriber `+text+` NOT NULL,
  state `+text+` NOT NULL,
  seq BIGINT NOT NULL,
  record_id `+text+` NOT NULL,
  record `+long+` NOT NULL,
  error `+long+` NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL`, dialect.Index{Name: "idx_" + t.dead.Name, Columns: "subscriber, state, id"})
	return slices.Concat(positions, []string{lease.DDL(name, t.leases)}, dead), nil
}

// create creates the tables, if one is missing.
func (s *store) create(ctx context.Context) error {
	if s.missing(ctx) == nil {
		return nil
	}
	statements, err := ddl(s.dialect, s.tables)
	if err != nil {
		return err
	}
	lock := "auditplugin relay\x00" + s.tables.positions.Schema + "\x00" + s.tables.positions.Name
	return failed("creating tables", owntable.Create(ctx, s.db, s.dialect, lock, statements))
}

// missing returns an error if one of the relay's tables cannot be read.
func (s *store) missing(ctx context.Context) error {
	for _, table := range []dialect.Table{s.tables.positions, s.tables.leases, s.tables.dead} {
		if err := s.exists(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// exists asks the table itself: no catalog is needed, and the right to read it is
// tested too.
func (s *store) exists(ctx context.Context, table dialect.Table) error {
	name := table.Quoted(s.dialect)
	if err := owntable.Try(ctx, s.db, "SELECT 1 FROM "+name+" WHERE 1 = 0"); err != nil {
		return fmt.Errorf("%w, or cannot be read: %s: %w", ErrTableMissing, name, err)
	}
	return nil
}
