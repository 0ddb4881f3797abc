package replay

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
)

var errOnlyRows = errors.New("auditplugin: replayed rows can only be read")

// connector makes connections that hold no state: the set arrives as the argument
// of the query.
type connector struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return conn{}, nil }
func (connector) Driver() driver.Driver                        { return noDriver{} }

type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) { return conn{}, nil }

type conn struct{}

func (conn) Prepare(string) (driver.Stmt, error) { return nil, errOnlyRows }
func (conn) Begin() (driver.Tx, error)           { return nil, errOnlyRows }
func (conn) Close() error                        { return nil }

// CheckNamedValue lets a *Set through, which is no [driver.Value].
func (conn) CheckNamedValue(v *driver.NamedValue) error {
	if _, ok := v.Value.(*Set); !ok {
		return fmt.Errorf("auditplugin: replay of %T", v.Value)
	}
	return nil
}

func (conn) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) != 1 {
		return nil, errOnlyRows
	}
	s, ok := args[0].Value.(*Set)
	if !ok || s == nil {
		return nil, errOnlyRows
	}
	return &rows{set: s}, nil
}

// rows iterates a set. database/sql serialises the calls.
type rows struct {
	set   *Set
	names []string
	next  int
}

func (r *rows) Columns() []string {
	if r.names == nil {
		r.names = make([]string, len(r.set.Columns))
		for i := range r.set.Columns {
			r.names[i] = r.set.Columns[i].Name
		}
	}
	return r.names
}

func (r *rows) Close() error { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if r.next >= len(r.set.Rows) {
		if r.set.Err != nil {
			return r.set.Err
		}
		return io.EOF
	}
	for i, v := range r.set.Rows[r.next] {
		dest[i] = v
	}
	r.next++
	return nil
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.set.Columns[i].DatabaseType }

func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if t := r.set.Columns[i].ScanType; t != nil {
		return t
	}
	return reflect.TypeFor[any]()
}

func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	return r.set.Columns[i].Nullable, r.set.Columns[i].HasNullable
}

func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	return r.set.Columns[i].Length, r.set.Columns[i].HasLength
}

func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return r.set.Columns[i].Precision, r.set.Columns[i].Scale, r.set.Columns[i].HasDecimal
}
