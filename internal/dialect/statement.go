package dialect

// Now is an expression for the database's time, in microseconds since 1970. It moves on
// inside a transaction, and no time zone enters into it.
func Now(dialect string) string {
	return Pick(dialect, "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
		"(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint", "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))")
}

// InsertNew inserts values, "(columns) VALUES (…)", into a quoted table unless it has a
// row with the same key, and then affects no row.
func InsertNew(dialect, table, key, values string) string {
	if dialect == MySQL {
		return "INSERT IGNORE INTO " + table + " " + values
	}
	return "INSERT INTO " + table + " " + values + " ON CONFLICT (" + key + ") DO NOTHING"
}
