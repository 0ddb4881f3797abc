package alert

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// store is the database: the outbox, and the audit table for counting. It goes past
// GORM and the plugin, so that what it writes is not audited.
type store struct {
	db       *sql.DB
	dialect  string
	table    dialect.Table // the outbox
	outbox   string        // quoted
	auditLog string        // quoted
	// clock replaces the database's in tests.
	clock func() time.Time
}

func openStore(ctx context.Context, db *gorm.DB, outbox, auditLog dialect.Table) (*store, error) {
	own := owntable.Errors{Failed: failed, Invalid: ErrInvalidOption, InTransaction: ErrInTransaction, Missing: ErrTableMissing}
	pool, err := own.Pool(db)
	if err != nil {
		return nil, err
	}
	name := db.Name()
	if !dialect.Known(name) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, name)
	}
	if dialect.FactsOf(name).SchemaQuery != "" { // else names mean the same for as long as it is open
		if outbox, err = own.Qualify(ctx, pool, name, outbox); err != nil {
			return nil, err
		}
		if auditLog, err = own.Qualify(ctx, pool, name, auditLog); err != nil {
			return nil, err
		}
	}
	return &store{db: pool, dialect: name, table: outbox, outbox: outbox.Quoted(name), auditLog: auditLog.Quoted(name)}, nil
}

// bind writes placeholders as the database wants them. Our statements have no other
// question marks.
func (s *store) bind(query string) string { return dialect.Placeholders(s.dialect, query) }

// placeholders is n of them in a list.
func placeholders(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// records calls f for those of the audit table that a condition finds, and for what
// cannot be read of them.
func (s *store) records(ctx context.Context, f func(r audit.Record, unreadable error) error, where string, args ...any) error {
	var stopped error
	err := owntable.Each(ctx, s.db, func(row *sql.Rows) error {
		stopped = f(emitter.ReadRecord(row))
		return stopped
	}, s.bind("SELECT "+dialect.List(s.dialect, "", emitter.Columns())+" FROM "+s.auditLog+" WHERE "+where), args...)
	if stopped != nil {
		return stopped
	}
	return failed("reading the audit table", err)
}

// ensure creates the outbox unless it exists.
func (s *store) ensure(ctx context.Context, create bool) error {
	found := s.selects(ctx, "1")
	if found != nil && s.exists(ctx) {
		// Another process may have made it since it was not there.
		if found = s.selects(ctx, "1"); found != nil {
			return s.unreadable(ctx, found)
		}
	}
	if found != nil && create {
		statements, err := ddl(s.dialect, s.table)
		if err != nil {
			return err
		}
		if err := owntable.Create(ctx, s.db, s.dialect, "auditplugin/alert:"+s.outbox, statements); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrTableMissing, s.outbox, failed("creating it", err))
		}
		found = s.selects(ctx, "1")
	}
	if found != nil {
		return s.unreadable(ctx, found)
	}
	// Qualified, since SQLite takes "name" for a text where there is no such column.
	if err := s.selects(ctx, dialect.List(s.dialect, "o.", columnNames())); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrTableMismatch, s.outbox, failed("reading its columns", err))
	}
	return nil
}

// unreadable tells a table that is not there from one that may not be read.
func (s *store) unreadable(ctx context.Context, err error) error {
	if s.exists(ctx) {
		return fmt.Errorf("%w: %s: %w", ErrTableRights, s.outbox, failed("reading it", err))
	}
	return fmt.Errorf("%w: %s; alert.Schema has the statements that create it: %w", ErrTableMissing, s.outbox, failed("reading it", err))
}

// exists asks the catalog, which tells of the table to whoever may not read it. MySQL tells
// nothing of tables without any right to them: there the refusal itself tells it.
func (s *store) exists(ctx context.Context) bool {
	facts := dialect.FactsOf(s.dialect)
	if facts.ExistsQuery != "" {
		var there bool
		return s.db.QueryRowContext(ctx, facts.ExistsQuery, s.outbox).Scan(&there) == nil && there
	}
	columns, err := owntable.Texts(ctx, s.db, facts.ColumnsQuery, cmp.Or(s.table.Schema, facts.Schema), s.table.Name)
	if err == nil && len(columns) > 0 {
		return true
	}
	err = s.selects(ctx, "1")
	return err == nil || slices.Contains(mysqlRefusals(), neighbour.MySQLErrorNumber(err))
}

// mysqlRefusals are errors of rights: to a table, to a column, to a database.
func mysqlRefusals() []int { return []int{1142, 1143, 1044} }

func (s *store) selects(ctx context.Context, what string) error {
	return owntable.Try(ctx, s.db, "SELECT "+what+" FROM "+s.outbox+" o WHERE 1 = 0")
}
