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

// Try runs a query that has no rows, to see whether it can be run. It is sent by Exec:
// drivers prepare no statement then when there are no arguments, and one that could not
// be prepared leaves its name behind at PgBouncer, where the next try fails of it.
func Try(ctx context.Context, conn audit.Conn, query string) error {
	_, err := conn.ExecContext(ctx, query)
	return err
}

// Affected is how many rows a statement changed.
func Affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
