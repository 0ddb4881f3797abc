package history

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// store is the audit table on a pool of its own database, reached past GORM: what
// is done to the table itself is not a change that anybody audits.
type store struct {
	db      *sql.DB
	dialect string
	name    string // with a schema or without
}

// quote quotes a name without a schema.
func (s store) quote(name string) string { return dialect.Quote(s.dialect, name) }

// partition is one of the table's, with the times it holds. Without an end it is
// the one for all others, or the last.
type partition struct {
	name        string // with a schema on PostgreSQL
	from, until time.Time
	rest        bool
}

// partitions lists the table's, or fails with [ErrNotPartitioned].
func (s store) partitions(ctx context.Context, conn audit.Conn) ([]partition, error) {
	var all []partition
	var err error
	switch s.dialect {
	case dialect.Postgres:
		all, err = s.postgresPartitions(ctx, conn)
	case dialect.MySQL:
		all, err = s.mysqlPartitions(ctx, conn)
	}
	if err != nil {
		return nil, fmt.Errorf("auditplugin: partitions of %s: %w", s.name, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotPartitioned, s.name)
	}
	return all, nil
}

func (s store) postgresPartitions(ctx context.Context, conn audit.Conn) ([]partition, error) {
	var all []partition
	err := owntable.Each(ctx, conn, func(row *sql.Rows) error {
		var p partition
		var from, until sql.NullTime
		err := row.Scan(&p.name, &p.rest, &from, &until)
		p.from, p.until = from.Time.UTC(), until.Time.UTC()
		all = append(all, p)
		return err
	}, `SELECT n.nspname || '.' || c.relname, pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT',
			(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
			(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.inhparent = to_regclass($1) AND c.relpartbound IS NOT NULL
			AND pg_get_partkeydef(i.inhparent) = 'RANGE (occurred_at)'
		ORDER BY 3 NULLS LAST`, qualified(s.dialect, s.name))
	return all, err
}

func (s store) mysqlPartitions(ctx context.Context, conn audit.Conn) ([]partition, error) {
	var all []partition
	var from time.Time
	table := dialect.ParseTable(s.name)
	err := owntable.Each(ctx, conn, func(row *sql.Rows) error {
		p := partition{from: from}
		var until string
		err := row.Scan(&p.name, &until)
		if p.rest = until == "MAXVALUE"; err == nil && !p.rest {
			p.until, err = mysqlTime(strings.Trim(until, "'"))
		}
		from = p.until
		all = append(all, p)
		return err
	}, "SELECT partition_name, partition_description FROM information_schema.partitions "+
		"WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? AND partition_method = 'RANGE COLUMNS' "+
		"AND REPLACE(partition_expression, '`', '') = 'occurred_at' ORDER BY partition_ordinal_position", table.Schema, table.Name)
	return all, err
}

func mysqlTime(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999", dayLayout} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("a partition ends at %q", text)
}
