package history

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// store is the audit table on a pool of its own database, reached past GORM: what
// is done to the table itself is not a change that anybody audits.
type store struct {
	db      *sql.DB
	dialect string
	name    string // with a schema or without
}

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
	case "postgres":
		all, err = s.postgresPartitions(ctx, conn)
	case "mysql":
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
	rows, err := conn.QueryContext(ctx, `SELECT n.nspname || '.' || c.relname, pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT',
			(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
			(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.inhparent = to_regclass($1) AND c.relpartbound IS NOT NULL
			AND pg_get_partkeydef(i.inhparent) = 'RANGE (occurred_at)'
		ORDER BY 3 NULLS LAST`, qualified(s.dialect, s.name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // read to the end
	var all []partition
	for rows.Next() {
		var p partition
		var from, until sql.NullTime
		if err := rows.Scan(&p.name, &p.rest, &from, &until); err != nil {
			return nil, err
		}
		p.from, p.until = from.Time.UTC(), until.Time.UTC()
		all = append(all, p)
	}
	return all, rows.Err()
}

func (s store) mysqlPartitions(ctx context.Context, conn audit.Conn) ([]partition, error) {
	schemaName, table := s.split()
	rows, err := conn.QueryContext(ctx, "SELECT partition_name, partition_description FROM information_schema.partitions "+
		"WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? AND partition_method = 'RANGE COLUMNS' "+
		"AND REPLACE(partition_expression, '`', '') = 'occurred_at' ORDER BY partition_ordinal_position", schemaName, table)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // read to the end
	var all []partition
	var from time.Time
	for rows.Next() {
		var p partition
		var until string
		if err := rows.Scan(&p.name, &until); err != nil {
			return nil, err
		}
		p.from, p.rest = from, until == "MAXVALUE"
		if !p.rest {
			if p.until, err = mysqlTime(strings.Trim(until, "'")); err != nil {
				return nil, err
			}
		}
		from = p.until
		all = append(all, p)
	}
	return all, rows.Err()
}

func mysqlTime(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999", dayLayout} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("a partition ends at %q", text)
}

func (s store) split() (schemaName, table string) {
	if cut := strings.LastIndexByte(s.name, '.'); cut >= 0 {
		return s.name[:cut], s.name[cut+1:]
	}
	return "", s.name
}
