package replay

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// ReadDriver is [Read] for rows as a driver gives them, without database/sql. Of the
// last columns, as many as unknown says, nothing but the number is learned; otherwise
// the result is the same.
func ReadDriver(rows driver.Rows, unknown int) (*Set, error) {
	defer func() { _ = rows.Close() }() // as database/sql does after the last row
	s := &Set{Columns: driverColumns(rows, unknown)}
	dest := make([]driver.Value, len(s.Columns))
	var slab []any
	for {
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			s.Err = err
			return s, err
		}
		if len(slab) < len(dest) {
			// From one row on, so that the usual result of one holds no spare memory.
			slab = make([]any, len(dest)*min(max(len(s.Rows), 1), maxSlabRows))
		}
		row := slab[:len(dest):len(dest)]
		slab = slab[len(dest):]
		for i, v := range dest {
			row[i] = cloned(v)
		}
		s.Rows = append(s.Rows, row)
	}
}

// maxSlabRows bounds how many rows are made at once.
const maxSlabRows = 64

// Clone copies a row that is used again by the driver.
func Clone(row []any) []any {
	out := make([]any, len(row))
	for i, v := range row {
		out[i] = cloned(v)
	}
	return out
}

// cloned is what scanning v into an any gives.
func cloned(v any) any {
	if b, ok := v.([]byte); ok {
		return bytes.Clone(b)
	}
	return v
}

func driverColumns(rows driver.Rows, unknown int) []Column {
	names := rows.Columns()
	types, _ := rows.(driver.RowsColumnTypeDatabaseTypeName)
	scans, _ := rows.(driver.RowsColumnTypeScanType)
	nulls, _ := rows.(driver.RowsColumnTypeNullable)
	lengths, _ := rows.(driver.RowsColumnTypeLength)
	decimals, _ := rows.(driver.RowsColumnTypePrecisionScale)
	columns := make([]Column, len(names))
	for i := range max(len(columns)-unknown, 0) {
		c := &columns[i]
		c.Name, c.ScanType = names[i], reflect.TypeFor[any]()
		if types != nil {
			c.DatabaseType = types.ColumnTypeDatabaseTypeName(i)
		}
		if scans != nil {
			c.ScanType = scans.ColumnTypeScanType(i)
		}
		if nulls != nil {
			c.Nullable, c.HasNullable = nulls.ColumnTypeNullable(i)
		}
		if lengths != nil {
			c.Length, c.HasLength = lengths.ColumnTypeLength(i)
		}
		if decimals != nil {
			c.Precision, c.Scale, c.HasDecimal = decimals.ColumnTypePrecisionScale(i)
		}
	}
	return columns
}
