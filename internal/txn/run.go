package txn

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/replay"
)

// Statements of ours go around the application's prepared statements, and where possible
// to the driver's connection itself.

// Exec runs a statement of ours.
func (l *Ledger) Exec(ctx context.Context, query string, args ...any) error {
	l.used.Store(true)
	_, err := l.conn.ExecContext(ctx, query, args...)
	return err
}

// Each runs a query of ours and calls f with each row, which f must not keep. width is how
// many columns there are, 0 if unknown.
func (l *Ledger) Each(ctx context.Context, query string, args []any, width int, f func(raw []any) error) error {
	l.used.Store(true)
	ok, err := l.driver.Each(ctx, query, args, width, f)
	if !ok {
		rows, qerr := l.conn.QueryContext(ctx, query, args...) //nolint:rowserrcheck // replay.Each checks it
		if err = qerr; err == nil {
			err = replay.Each(rows, f)
		}
	}
	if err != nil {
		l.Failed(err)
	}
	return err
}

// Int runs a query of ours that returns a number.
func (l *Ledger) Int(ctx context.Context, query string) (int64, error) {
	rows, err := l.conn.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells of what went wrong
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

// Statements of the application, perhaps with more to return, run on the connection that
// it chose: user. Whoever asked GORM for prepared statements gets them.

// ExecFor runs a statement of the application.
func (l *Ledger) ExecFor(ctx context.Context, user gorm.ConnPool, query string, args []any) (sql.Result, error) {
	l.used.Store(true)
	var res sql.Result
	var err error
	ok := false
	// Only where preparing is a round trip is there something to gain.
	if l.f.Dialect.PrepareLasts && l.direct(user, query) {
		res, ok, err = l.driver.Exec(ctx, query, args, false)
	}
	if !ok {
		res, err = user.ExecContext(ctx, query, args...)
	}
	if err != nil {
		l.Failed(err)
		return nil, err
	}
	return res, nil
}

// RowsFor runs a query of the application. With an error come the rows before it. The last
// columns, as many as ours says, are not the application's. ran is set once there were rows
// to read.
func (l *Ledger) RowsFor(ctx context.Context, user gorm.ConnPool, query string, args []any, ours int) (set *replay.Set, ran bool, err error) {
	l.used.Store(true)
	ok := false
	if l.direct(user, query) {
		ok, err = l.driver.Query(ctx, query, args, false, func(rows driver.Rows) (err error) {
			ran = true
			set, err = replay.ReadDriver(rows, ours)
			return err
		})
	}
	if !ok {
		rows, qerr := user.QueryContext(ctx, query, args...) //nolint:rowserrcheck // replay.Read checks it
		if err = qerr; err == nil {
			ran = true
			set, err = replay.Read(rows)
		}
	}
	if err != nil {
		l.Failed(err)
	}
	return set, ran, err
}

// EachFor runs a query of which the application wants no rows: f is called with each,
// whose width columns are in a slice that is used again. ran is as in RowsFor.
func (l *Ledger) EachFor(ctx context.Context, user gorm.ConnPool, query string, args []any, width int, f func(raw []any) error) (ran bool, err error) {
	l.used.Store(true)
	ok := false
	if l.direct(user, query) {
		ok, err = l.driver.Query(ctx, query, args, false, func(rows driver.Rows) error {
			ran = true
			return l.driver.Read(ctx, rows, width, f)
		})
	}
	if !ok {
		rows, qerr := user.QueryContext(ctx, query, args...) //nolint:rowserrcheck // replay.Each checks it
		if err = qerr; err == nil {
			ran = true
			err = replay.Each(rows, f)
		}
	}
	if err != nil {
		l.Failed(err)
	}
	return ran, err
}

// direct reports whether nobody but the transaction is between the application's
// statement and the driver, and it need not notice the statement.
func (l *Ledger) direct(user gorm.ConnPool, query string) bool {
	_, plain := user.(*Transaction)
	return plain && l.driver != nil && !l.f.noteworthy(query)
}
