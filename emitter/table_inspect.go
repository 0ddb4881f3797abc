package emitter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/gorm-audit/auditplugin/internal/entry"
)

// inspector asks one connection about the audit table and creates it.
type inspector struct {
	conn    *sql.Conn
	dialect string
	// quoteName quotes as GORM's dialector does, for dialects not known here.
	quoteName func(string) string
}

// resolve adds the current schema to a name without one: the application may
// change its search path or database later.
func (in inspector) resolve(ctx context.Context, table tableName) (tableName, error) {
	if table.schema != "" {
		return table, nil
	}
	var query string
	switch in.dialect {
	case postgres:
		query = "SELECT current_schema()"
	case mysql:
		query = "SELECT DATABASE()"
	case sqlite:
		table.schema = "main"
		return table, nil
	default:
		return table, nil
	}
	var schema sql.NullString
	if err := in.conn.QueryRowContext(ctx, query).Scan(&schema); err != nil {
		return table, fmt.Errorf("auditplugin: audit table: current schema: %w", err)
	}
	if schema.String == "" {
		return table, fmt.Errorf("%w: the connection has no current schema", ErrTableMissing)
	}
	table.schema = schema.String
	return table, nil
}

// columns returns the names of the table's columns, none if it does not exist.
// The catalogs are asked, not the table: a role that may only INSERT cannot
// select from it.
func (in inspector) columns(ctx context.Context, table tableName) ([]string, error) {
	var rows *sql.Rows
	var err error
	switch in.dialect {
	case postgres:
		rows, err = in.conn.QueryContext(ctx, `SELECT a.attname FROM pg_catalog.pg_attribute a
			JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r','p','v','f') AND a.attnum > 0 AND NOT a.attisdropped
			ORDER BY a.attnum`, table.schema, table.name)
	case mysql:
		rows, err = in.conn.QueryContext(ctx, `SELECT column_name FROM information_schema.columns
			WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`, table.schema, table.name)
	case sqlite:
		rows, err = in.conn.QueryContext(ctx, `SELECT name FROM pragma_table_info(?, ?) ORDER BY cid`, table.name, table.schema)
	default:
		return in.selectColumns(ctx, table)
	}
	if err != nil {
		return nil, fmt.Errorf("auditplugin: audit table: reading its columns: %w", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("auditplugin: audit table: reading its columns: %w", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auditplugin: audit table: reading its columns: %w", err)
	}
	return names, nil
}

// selectColumns asks the table itself, in dialects whose catalog is not known.
func (in inspector) selectColumns(ctx context.Context, table tableName) ([]string, error) {
	rows, err := in.conn.QueryContext(ctx, "SELECT * FROM "+in.quoteName(table.dotted())+" WHERE 1=0")
	if err != nil {
		return nil, fmt.Errorf("%w, or cannot be read: %w", ErrTableMissing, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("auditplugin: audit table: reading its columns: %w", err)
	}
	return names, rows.Err()
}

// create creates the table and its indexes, under a lock: IF NOT EXISTS alone
// fails when several processes start at once.
func (in inspector) create(ctx context.Context, table tableName) (err error) {
	statements, err := ddl(in.dialect, table)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !errors.Is(err, ErrTableMissing) {
			err = fmt.Errorf("auditplugin: audit table: creating %s: %w", table.quoted(in.dialect), err)
		}
	}()
	switch in.dialect {
	case postgres:
		return in.createPostgres(ctx, table, statements)
	case mysql:
		return in.createMySQL(ctx, table, statements)
	default:
		return in.createSQLite(ctx, statements)
	}
}

func (in inspector) createPostgres(ctx context.Context, table tableName, statements []string) error {
	var replica bool
	if err := in.conn.QueryRowContext(ctx, "SELECT pg_is_in_recovery()").Scan(&replica); err != nil {
		return err
	}
	if replica {
		return fmt.Errorf("%w: %s, and this server is a replica", ErrTableMissing, table.quoted(in.dialect))
	}
	tx, err := in.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	// The lock of the transaction, not of the session, works behind a pooler.
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey(table)); err != nil {
		return err
	}
	// Another process may have made it meanwhile, with another's indexes.
	var exists bool
	if err := tx.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", table.quoted(in.dialect)).Scan(&exists); err != nil {
		return err
	}
	if exists {
		return nil
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// lockWait is how long to wait for another process that creates the table, in
// seconds.
const lockWait = 30

func (in inspector) createMySQL(ctx context.Context, table tableName, statements []string) error {
	name := "auditplugin:" + strconv.FormatInt(lockKey(table), 36)
	var locked sql.NullInt64
	if err := in.conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, lockWait).Scan(&locked); err != nil {
		return err
	}
	if locked.Int64 != 1 {
		return errors.New("another process holds the lock")
	}
	defer func() {
		// The connection goes back to the pool, also when ctx has ended.
		_, _ = in.conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", name)
	}()
	for _, statement := range statements {
		if _, err := in.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (in inspector) createSQLite(ctx context.Context, statements []string) (err error) {
	// IMMEDIATE takes the write lock first, and waits for it as busy_timeout says.
	if _, err := in.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = in.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	for _, statement := range statements {
		if _, err := in.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err = in.conn.ExecContext(ctx, "COMMIT")
	return err
}

// lockKey is the advisory lock of one table, the same in every process.
func lockKey(table tableName) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("auditplugin\x00" + table.schema + "\x00" + table.name))
	return int64(h.Sum64()) // any 64 bits will do
}

// limits returns how large the INSERT statements may get.
func (in inspector) limits(ctx context.Context) (limits, error) {
	l := limits{rows: 1000, bytes: 4 << 20, column: entry.MaxImage}
	switch in.dialect {
	case mysql:
		l.rows = 1 << maxPower
		var packet int
		if err := in.conn.QueryRowContext(ctx, "SELECT @@max_allowed_packet").Scan(&packet); err != nil {
			return l, fmt.Errorf("auditplugin: audit table: max_allowed_packet: %w", err)
		}
		l.bytes = min(l.bytes, packet/4)
		l.column = min(l.column, packet/8)
	case sqlite:
		l.rows = 1 << maxPowerSQLite
	case postgres:
	default:
		l.rows = 50 // SQL Server, for one, takes 2100 arguments
	}
	return l, nil
}
