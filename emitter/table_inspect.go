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
	query := dialect.FactsOf(in.dialect).ColumnsQuery
	if query == "" {
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
	facts := dialect.FactsOf(in.dialect)
	if replica, err := in.says(ctx, in.conn, facts.ReplicaQuery); err != nil {
		return err
	} else if replica {
		return fmt.Errorf("%w: %s, and this server is a replica", ErrTableMissing, table.Quoted(in.dialect))
	}
	return owntable.Alone(ctx, in.conn, in.dialect, lockKey(table), func(conn owntable.Conn) error {
		// Another process may have made it meanwhile, with another's indexes.
		if exists, err := in.says(ctx, conn, facts.ExistsQuery, table.Quoted(in.dialect)); err != nil || exists {
			return err
		}
		return owntable.Run(ctx, conn, statements)
	})
}

// says asks a question whose answer is yes or no; no where there is none to ask.
func (in inspector) says(ctx context.Context, conn owntable.Conn, query string, args ...any) (yes bool, err error) {
	if query != "" {
		err = conn.QueryRowContext(ctx, query, args...).Scan(&yes)
	}
	return yes, err
}

// lockKey is the advisory lock of one table.
func lockKey(table dialect.Table) int64 {
	return owntable.LockKey("auditplugin\x00" + table.Schema + "\x00" + table.Name)
}

// limits returns how large the INSERT statements may get.
func (in inspector) limits(ctx context.Context) (limits, error) {
	facts := dialect.FactsOf(in.dialect)
	l := limits{rows: facts.MostRows, bytes: 4 << 20, column: entry.MaxImage}
	if facts.PacketQuery != "" {
		var packet int
		if err := in.conn.QueryRowContext(ctx, facts.PacketQuery).Scan(&packet); err != nil {
			return l, failed("max_allowed_packet", err)
		}
		l.bytes = min(l.bytes, packet/4)
		l.column = min(l.column, packet/8)
	}
	return l, nil
}
