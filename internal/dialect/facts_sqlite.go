package dialect

var sqliteFacts = Facts{
	// In double quotes, the name of a column that is gone would be a text.
	IdentQuote:  '`',
	TablesFold:  true,
	OneWriter:   true,
	ClockIsOurs: true,
	Now:         "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
	Tables: Tables{
		Identity:       "INTEGER PRIMARY KEY AUTOINCREMENT",
		Short:          "INTEGER",
		Long:           "INTEGER",
		Moment:         "DATETIME",
		Document:       "TEXT",
		Unlimited:      "TEXT",
		AddsOneColumn:  true,
		IndexHasSchema: true,
		IndexAnswers:   true,
		ColumnsQuery:   `SELECT name FROM pragma_table_info(?2, ?1) ORDER BY cid`,
		Schema:         "main",
		BeginWriting:   "BEGIN IMMEDIATE", // and waits as busy_timeout says
	},
	Inserts: Inserts{
		// It takes as long to parse a row as to store one, and gains nothing by long
		// statements.
		MostRows: 16,
		// It copies every page that a statement of several rows touches, to undo the
		// statement alone if a row is refused. Nobody wants that: those before it are
		// undone with the transaction, or to the savepoint that was set for them.
		InsertInto:  "INSERT OR FAIL INTO ",
		MarksRepeat: true,
		// As its driver writes times, but of a fixed length, for ordering.
		MomentLayout: "2006-01-02 15:04:05.000000+00:00",
		UnlessThere:  " ON CONFLICT DO NOTHING",
	},
	Deliveries: Deliveries{
		AddNumber:      addAsText,
		ObjectFunction: "json_object",
		ObjectColumn:   "json(%s)",
	},
	Rows: Rows{
		GuessesWindows:    true,
		MomentText:        "CAST(%s AS TEXT)",
		DocumentText:      "%s",
		DayText:           "SUBSTR(%s, 1, 10)",
		TypesAreLoose:     true,
		ReplacesInSilence: true,
		// Its drivers go by the declared type, which the first part of a union lends.
		TimeProbe:       func(string) string { return "? UNION ALL SELECT '2000-01-02 03:04:05'" },
		DeferKeys:       "PRAGMA defer_foreign_keys = ON",
		AllDefer:        true,
		BrokenKeysQuery: "PRAGMA foreign_key_check(?)",
	},
}
