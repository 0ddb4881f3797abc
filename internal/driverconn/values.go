package driverconn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/replay"
)

// named converts arguments as database/sql does. What it would have to say about one
// of them, or do otherwise, is left to it.
func (c *Conn) named(dc driver.Conn, stmt driver.Stmt, args []any) ([]driver.NamedValue, error) {
	checker, ok := stmt.(driver.NamedValueChecker)
	if !ok {
		checker, _ = dc.(driver.NamedValueChecker)
	}
	if stmt != nil && checker == nil && c.shared.sessions != nil {
		return nil, errIndirect // such a driver may convert arguments by column
	}
	named := slices.Grow(c.args[:0], len(args))
	for i, arg := range args {
		switch arg.(type) {
		case sql.NamedArg, sql.Out:
			return nil, errIndirect
		}
		nv := driver.NamedValue{Ordinal: i + 1, Value: arg}
		err := driver.ErrSkip
		if checker != nil {
			// A pointer to nv would put each argument on the heap.
			c.check = nv
			err = checker.CheckNamedValue(&c.check)
			nv = c.check
		}
		if errors.Is(err, driver.ErrSkip) {
			nv.Value, err = convertDefault(nv.Value)
		}
		if err != nil {
			return nil, errIndirect
		}
		named = append(named, nv)
	}
	c.args = named
	return named, nil
}

func convertDefault(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil, string, int64, float64, bool, []byte:
		return v, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

// Read calls f with each row of the first result, which has width columns, or as many
// as the driver says where that is 0.
func (c *Conn) Read(ctx context.Context, rows driver.Rows, width int, f func(raw []any) error) error {
	defer func() { _ = rows.Close() }() // as database/sql does after the last row
	n := width
	if n == 0 {
		n = len(rows.Columns())
	}
	if cap(c.dest) < n {
		c.dest, c.row = make([]driver.Value, n), make([]any, n)
	}
	dest, row := c.dest[:n], c.row[:n]
	for {
		if err := rows.Next(dest); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i, v := range dest {
			row[i] = replay.Stored(v)
		}
		if err := f(row); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
