package emitter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// inspector asks one connection about the audit table and creates it.
type inspector struct {
	conn    *sql.Conn
	dialect string
	// quoteName quotes as GORM's dialector does, for dialects not known here.
	quoteName func(string) string
}

// columns returns the names of the table's columns, none if it does not exist.
// The catalogs are asked, not the table: a role that may only INSERT cannot
// select from it.
func (in inspector) columns(ctx context.Context, table dialect.Table) ([]string, error) {
	var query string
	switch in.dialect {
	case dialect.Postgres:
		query = `SELECT a.attname FROM pg_catalog.pg_attribute a
			JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r','p','v','f') AND a.attnum > 0 AND NOT a.attisdropped
			ORDER BY a.attnum`
	case dialect.MySQL:
		query = `SELECT column_name FROM information_schema.columns
			WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`
	case dialect.SQLite:
		query = `SELECT name FROM pragma_table_info(?2, ?1) ORDER BY cid`
	default:
		return in.selectColumns(ctx, table)
	}
	names, err := owntable.Texts(ctx, in.conn, query, table.Schema, table.Name)
	return names, failed("reading its columns", err)
}

// selectColumns asks the table itself, in dialects whose catalog is not known.
func (in inspector) selectColumns(ctx context.Context, table dialect.Table) ([]string, error) {
	rows, err := in.conn.QueryContext(ctx, "SELECT * FROM "+in.quoteName(table.Dotted())+" WHERE 1=0")
	if err != nil {
		return nil, fmt.Errorf("%w, or cannot be read: %w", ErrTableMissing, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, failed("reading its columns", err)
	}
	return names, rows.Err()
}

// create creates the table and its indexes, under a lock: IF NOT EXISTS alone
// fails when several processes start at once.
func (in inspector) create(ctx context.Context, table dialect.Table) (err error) {
	statements, err := ddl(in.dialect, table)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !errors.Is(err, ErrTableMissing) {
			err = failed("creating "+table.Quoted(in.dialect), err)
		}
	}()
	switch in.dialect {
	case dialect.Postgres:
		return in.createPostgres(ctx, table, statements)
	case dialect.MySQL:
		return owntable.LockedMySQL(ctx, in.conn, lockKey(table), func() error { return owntable.Run(ctx, in.conn, statements) })
	default:
		return in.createSQLite(ctx, statements)
	}
}

func (in inspector) createPostgres(ctx context.Context, table dialect.Table, statements []string) error {
	var replica bool
	if err := in.conn.QueryRowContext(ctx, "SELECT pg_is_in_recovery()").Scan(&replica); err != nil {
		return err
	}
	if replica {
		return fmt.Errorf("%w: %s, and this server is a replica", ErrTableMissing, table.Quoted(in.dialect))
	}
	return owntable.InTx(ctx, in.conn, func(tx *sql.Tx) error {
		if err := owntable.LockPostgres(ctx, tx, lockKey(table)); err != nil {
			return err
		}
		// Another process may have made it meanwhile, with another's indexes.
		var exists bool
		err := tx.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", table.Quoted(in.dialect)).Scan(&exists)
		if err != nil || exists {
			return err
		}
		return owntable.Run(ctx, tx, statements)
	})
}

func (in inspector) createSQLite(ctx context.Context, statements []string) error {
	return in.alone(ctx, func() error { return owntable.Run(ctx, in.conn, statements) })
}

// alone runs f in a transaction of SQLite that no other writes beside.
func (in inspector) alone(ctx context.Context, f func() error) (err error) {
	// IMMEDIATE takes the write lock first, and waits for it as busy_timeout says.
	if _, err := in.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = in.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if err := f(); err != nil {
		return err
	}
	_, err = in.conn.ExecContext(ctx, "COMMIT")
	return err
}

// lockKey is the advisory lock of one table.
func lockKey(table dialect.Table) int64 {
	return owntable.LockKey("auditplugin\x00" + table.Schema + "\x00" + table.Name)
}

// limits returns how large the INSERT statements may get.
func (in inspector) limits(ctx context.Context) (limits, error) {
	l := limits{rows: 1000, bytes: 4 << 20, column: entry.MaxImage}
	switch in.dialect {
	case dialect.MySQL:
		l.rows = 1 << maxPower
		var packet int
		if err := in.conn.QueryRowContext(ctx, "SELECT @@max_allowed_packet").Scan(&packet); err != nil {
			return l, failed("max_allowed_packet", err)
		}
		l.bytes = min(l.bytes, packet/4)
		l.column = min(l.column, packet/8)
	case dialect.SQLite:
		l.rows = 1 << maxPowerSQLite
	case dialect.Postgres:
	default:
		l.rows = 50 // SQL Server, for one, takes 2100 arguments
	}
	return l, nil
}
