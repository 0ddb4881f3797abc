package driverconn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// errIndirect says that a statement has to go through the transaction.
var errIndirect = errors.New("auditplugin: not a statement for the driver alone")

// Exec runs a statement without rows, of ours or not. ok is false when nothing has been
// done.
func (c *Conn) Exec(ctx context.Context, query string, args []any, ours bool) (res sql.Result, ok bool, err error) {
	if c == nil || ctx.Err() != nil {
		return nil, false, nil
	}
	ok, err = c.use(func(dc driver.Conn) error {
		stmt, err := c.stmt(ctx, dc, query, len(args), ours)
		if err != nil {
			return err
		}
		if stmt == nil && len(args) > 0 && c.shared.sessions != nil {
			return errIndirect // the driver would only say that it has to be prepared
		}
		named, err := c.named(dc, stmt, args)
		if err != nil {
			return err
		}
		if stmt != nil {
			res, err = stmt.(driver.StmtExecContext).ExecContext(ctx, named)
			return err
		}
		e, can := dc.(driver.ExecerContext)
		if !can {
			return errIndirect
		}
		if res, err = e.ExecContext(ctx, query, named); errors.Is(err, driver.ErrSkip) {
			return errIndirect
		}
		return err
	})
	if !ok || errors.Is(err, errIndirect) {
		return nil, false, nil
	}
	return res, true, err
}

// Each runs a query of ours and calls f with each row, which f must not keep. ok is
// false when nothing has been done.
func (c *Conn) Each(ctx context.Context, query string, args []any, width int, f func(raw []any) error) (ok bool, err error) {
	return c.Query(ctx, query, args, true, func(rows driver.Rows) error { return c.Read(ctx, rows, width, f) })
}

// Query runs a query, of ours or not, and calls f with its rows.
func (c *Conn) Query(ctx context.Context, query string, args []any, ours bool, f func(driver.Rows) error) (ok bool, err error) {
	if c == nil || ctx.Err() != nil {
		return false, nil
	}
	ok, err = c.use(func(dc driver.Conn) error {
		stmt, err := c.stmt(ctx, dc, query, len(args), ours)
		if err != nil {
			return err
		}
		if stmt == nil && len(args) > 0 && c.shared.sessions != nil {
			// Prepared it has to be; so would database/sql.
			if stmt, _ = c.prepareOn(ctx, dc, query); stmt == nil {
				return errIndirect // it will fail there
			}
			defer func() { _ = stmt.Close() }() // its rows are read by then
		}
		named, err := c.named(dc, stmt, args)
		if err != nil {
			return err
		}
		var rows driver.Rows
		if stmt != nil {
			rows, err = stmt.(driver.StmtQueryContext).QueryContext(ctx, named)
		} else if q, can := dc.(driver.QueryerContext); can {
			rows, err = q.QueryContext(ctx, query, named)
		} else {
			return errIndirect
		}
		if errors.Is(err, driver.ErrSkip) {
			return errIndirect
		}
		if err != nil {
			return err
		}
		return f(rows)
	})
	if !ok || errors.Is(err, errIndirect) {
		return false, nil
	}
	return true, err
}
