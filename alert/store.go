package alert

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// store is the database: the outbox, and the audit table for counting. It goes past
// GORM and the plugin, so that what it writes is not audited.
type store struct {
	db       *sql.DB
	dialect  string
	outbox   string // quoted
	auditLog string // quoted
	// clock replaces the database's in tests.
	clock func() time.Time
}

// querier is a pool or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func openStore(ctx context.Context, db *gorm.DB, outbox, auditLog tableName) (*store, error) {
	if db == nil || db.Config == nil || db.Dialector == nil {
		return nil, fmt.Errorf("%w: no database", ErrInvalidOption)
	}
	dialect := db.Name()
	if _, err := ddl(dialect, outbox); err != nil {
		return nil, err
	}
	pool := db.ConnPool
	if db.Statement != nil && db.Statement.ConnPool != nil {
		pool = db.Statement.ConnPool
	}
	if _, ok := pool.(gorm.TxCommitter); ok {
		return nil, ErrInTransaction
	}
	sqlDB, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("%w: no connection: %w", ErrInvalidOption, err)
	}
	s := &store{db: sqlDB, dialect: dialect}
	for _, t := range []struct {
		name tableName
		into *string
	}{{outbox, &s.outbox}, {auditLog, &s.auditLog}} {
		if t.name, err = s.resolve(ctx, t.name); err != nil {
			return nil, err
		}
		*t.into = t.name.quoted(dialect)
	}
	return s, nil
}

// resolve adds the current schema to a name without one: the application may change
// its search path later.
func (s *store) resolve(ctx context.Context, t tableName) (tableName, error) {
	query := map[string]string{postgres: "SELECT current_schema()", mysql: "SELECT DATABASE()"}[s.dialect]
	if t.schema != "" || query == "" {
		return t, nil
	}
	var schema sql.NullString
	if err := s.db.QueryRowContext(ctx, query).Scan(&schema); err != nil {
		return t, failed("finding the current schema", err)
	}
	if schema.String == "" {
		return t, fmt.Errorf("%w: the connection has no current schema", ErrTableMissing)
	}
	t.schema = schema.String
	return t, nil
}

// bind writes placeholders as the database wants them. Our statements have no other
// question marks.
func (s *store) bind(query string) string { return sqltext.Placeholders(s.dialect, query) }

// placeholders is n of them in a list.
func placeholders(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// now is the database's time, so that processes with different clocks agree.
func (s *store) now(ctx context.Context, q querier) (time.Time, error) {
	if s.clock != nil {
		return s.clock(), nil
	}
	var query string
	switch s.dialect {
	case postgres:
		query = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	case mysql:
		query = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
	default:
		return time.Now().UTC(), nil // the same machine
	}
	var micros int64
	if err := q.QueryRowContext(ctx, query).Scan(&micros); err != nil {
		return time.Time{}, failed("reading the database's time", err)
	}
	return time.UnixMicro(micros).UTC(), nil
}

// timeArg is a time as the audit table's column occurred_at is compared with.
func (s *store) timeArg(t time.Time) any {
	layout := "2006-01-02 15:04:05.000000"
	if s.dialect != mysql {
		layout += "+00:00"
	}
	return t.UTC().Format(layout)
}

// timeMark is the placeholder for timeArg.
func (s *store) timeMark() string {
	if s.dialect == postgres {
		return "CAST(? AS timestamptz)"
	}
	return "?"
}

func (s *store) auditColumns() string { return quoteAll(s.dialect, emitter.Columns()) }

// ensure creates the outbox unless it exists.
func (s *store) ensure(ctx context.Context, table tableName, create bool) error {
	found := s.selects(ctx, "1")
	if found != nil && create {
		if err := s.create(ctx, table); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrTableMissing, s.outbox, failed("creating it", err))
		}
		found = s.selects(ctx, "1")
	}
	if found != nil {
		return fmt.Errorf("%w: %s: %w", ErrTableMissing, s.outbox, failed("reading it", found))
	}
	// Qualified, since SQLite takes "name" for a text where there is no such column.
	columns := "o." + strings.ReplaceAll(quoteAll(s.dialect, columnNames()), ", ", ", o.")
	if err := s.selects(ctx, columns); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrTableMismatch, s.outbox, failed("reading its columns", err))
	}
	return nil
}

func (s *store) selects(ctx context.Context, what string) error {
	rows, err := s.db.QueryContext(ctx, "SELECT "+what+" FROM "+s.outbox+" o WHERE 1 = 0")
	if err != nil {
		return err
	}
	defer rows.Close()
	rows.Next()
	return rows.Err()
}

func (s *store) create(ctx context.Context, table tableName) error {
	table, err := s.resolve(ctx, table)
	if err != nil {
		return err
	}
	statements, err := ddl(s.dialect, table)
	if err != nil {
		return err
	}
	return s.transaction(ctx, func(tx *sql.Tx) error {
		if s.dialect == postgres {
			// IF NOT EXISTS fails when two processes start at once.
			h := fnv.New64a()
			h.Write([]byte("auditplugin/alert:" + s.outbox))
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64())); err != nil {
				return err
			}
		}
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *store) transaction(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
