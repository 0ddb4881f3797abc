package replay

// Stored is what the database holds where a driver gave v. Drivers give NULL as nil, and
// SQLite in Go an empty BLOB as bytes that are nil: what is read for a record tells the
// two apart, what the application reads is left as it is.
func Stored(v any) any {
	if b, ok := v.([]byte); ok && b == nil {
		return []byte{}
	}
	return v
}

// StoredRow makes each value of a row what [Stored] makes of it.
func StoredRow(row []any) {
	for i, v := range row {
		row[i] = Stored(v)
	}
}
