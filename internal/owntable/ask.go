package owntable

import (
	"context"
	"database/sql"

	"github.com/gorm-audit/auditplugin/audit"
)

// Each calls f for every row of a query, which then is closed.
func Each(ctx context.Context, conn audit.Conn, f func(row *sql.Rows) error, query string, args ...any) (err error) {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Texts returns the one column of a query.
func Texts(ctx context.Context, conn audit.Conn, query string, args ...any) ([]string, error) {
	var texts []string
	err := Each(ctx, conn, func(row *sql.Rows) error {
		var text string
		err := row.Scan(&text)
		texts = append(texts, text)
		return err
	}, query, args...)
	return texts, err
}

// Try runs a query that has no rows, to see whether it can be run.
func Try(ctx context.Context, conn audit.Conn, query string) error {
	return Each(ctx, conn, func(*sql.Rows) error { return nil }, query)
}

// Affected is how many rows a statement changed.
func Affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
