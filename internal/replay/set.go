// Package replay turns rows that were already read into a live [*sql.Rows], so
// that a caller who expects to iterate a query's result gets the values exactly
// as the driver gave them, after somebody else has looked at them first.
package replay

import (
	"database/sql"
	"fmt"
	"reflect"
)

// Column describes one column of a [Set] as the driver described it. Each Has…
// field tells whether the driver answered that question at all, so that
// [sql.ColumnType] answers the same for replayed rows.
type Column struct {
	// Name is the column's name in the result.
	Name string
	// DatabaseType is the database's name for the type, "" when the driver has none.
	DatabaseType string
	// ScanType is a Go type that values can be scanned into.
	ScanType reflect.Type
	// Length is the length of a variable-length type, when HasLength is set.
	Length int64
	// Precision and Scale belong to a decimal type, when HasDecimal is set.
	Precision, Scale int64
	// Nullable is meaningful when HasNullable is set.
	Nullable, HasNullable, HasLength, HasDecimal bool
}

// Set is a result held in memory. It is safe for concurrent use as long as nobody
// changes it; one Set can be replayed any number of times.
type Set struct {
	// Columns describes the columns, in order.
	Columns []Column
	// Rows holds driver values, one per column: what scanning into *any gives.
	Rows [][]any
	// Err ended the result early; iteration reports it after the last row.
	Err error
}

// Read reads what is left of rows, closes it, and returns it as a [Set]. Only the
// current result set is read.
//
// When reading fails after some rows, the set with those rows is returned together
// with the error, which is also its Err. The set is nil when not even the columns
// could be read.
func Read(rows *sql.Rows) (*Set, error) {
	defer func() { _ = rows.Close() }()
	columns, err := readColumns(rows)
	if err != nil {
		return nil, err
	}
	s := &Set{Columns: columns}
	s.Rows, s.Err = readRows(rows, len(columns))
	return s, s.Err
}

// readColumns has to run before the first row is read: some drivers answer from the
// current row, and none after the rows are closed.
func readColumns(rows *sql.Rows) ([]Column, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading result columns: %w", err)
	}
	columns := make([]Column, len(types))
	for i, t := range types {
		c := &columns[i]
		c.Name = t.Name()
		c.DatabaseType = t.DatabaseTypeName()
		c.ScanType = t.ScanType()
		c.Nullable, c.HasNullable = t.Nullable()
		c.Length, c.HasLength = t.Length()
		c.Precision, c.Scale, c.HasDecimal = t.DecimalSize()
	}
	return columns, nil
}

// maxSlab bounds how many values are allocated at once.
const maxSlab = 4096

func readRows(rows *sql.Rows, width int) (read [][]any, err error) {
	var (
		slab = make([]any, width)
		grow = width
		dest = make([]any, width)
	)
	for rows.Next() {
		if len(slab) < width {
			// Grow from one row, so that the usual result of a single row
			// holds no spare memory.
			if grow < maxSlab {
				grow *= 2
			}
			slab = make([]any, grow)
		}
		row := slab[:width:width]
		slab = slab[width:]
		for i := range dest {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return read, err
		}
		read = append(read, row)
	}
	return read, rows.Err()
}

// Values reads what is left of rows, as driver values, and closes it. Unlike
// [Read] it does not ask for the columns' types, which costs as much as a small
// result does.
func Values(rows *sql.Rows) ([][]any, error) {
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading result columns: %w", err)
	}
	read, err := readRows(rows, len(names))
	for _, row := range read {
		StoredRow(row)
	}
	return read, err
}

// Each calls f with each row that is left of rows, as driver values, until f fails,
// and closes rows. The slice is the same one each time; the values are not.
func Each(rows *sql.Rows, f func(values []any) error) error {
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("auditplugin: reading result columns: %w", err)
	}
	values, dest := make([]any, len(names)), make([]any, len(names))
	for i := range dest {
		dest[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		StoredRow(values)
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}
