package dialect

// InsertNew inserts values, "(columns) VALUES (…)", into a quoted table unless it has a
// row with the same key, and then affects no row.
func (f *Facts) InsertNew(table, key, values string) string {
	if f.IgnoresKnown != "" {
		return f.IgnoresKnown + table + " " + values
	}
	return "INSERT INTO " + table + " " + values + " ON CONFLICT (" + key + ") DO NOTHING"
}
