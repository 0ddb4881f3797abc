package dialect

var mysqlFacts = Facts{
	IdentQuote: '`',
	ReadAs: func(expr, dbType string) string {
		if dbType == "FLOAT" {
			// As text MySQL gives 6 digits of a FLOAT, in its binary protocol all.
			return expr + "+0e0"
		}
		return expr
	},
	Now: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))",
	Tables: Tables{
		Identity: "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
		Short:    "INT",
		Long:     "BIGINT",
		Moment:   "DATETIME(6)",
		Document: "JSON",
		// MySQL has no CREATE INDEX IF NOT EXISTS, and commits before each statement:
		// one statement makes all or nothing.
		IndexesInTable: true,
		// Binary collation: ids that differ in case are different ids.
		TableOptions: " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
		ColumnsQuery: `SELECT column_name FROM information_schema.columns
			WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
		SchemaQuery:   "SELECT DATABASE()",
		SessionLock:   "SELECT GET_LOCK(?, ?)",
		SessionUnlock: "DO RELEASE_LOCK(?)",
	},
	Inserts: Inserts{
		MostRows:     256,
		PacketQuery:  "SELECT @@max_allowed_packet",
		InsertInto:   "INSERT INTO ",
		UnionPays:    true,
		MomentLayout: "2006-01-02 15:04:05.000000",
		IgnoresKnown: "INSERT IGNORE INTO ",
		// IGNORE would hide other errors as well.
		UnlessThere: " ON DUPLICATE KEY UPDATE id = id",
	},
	Deliveries: Deliveries{
		AutocommitQuery: "SELECT @@autocommit",
		TransactionsQuery: "SELECT /* %s */ trx_id, trx_started, trx_mysql_thread_id, COALESCE(trx_query, '') " +
			"FROM information_schema.INNODB_TRX",
		NumbersBeforeListing: true, // InnoDB hands it out shortly before
		AddNumber:            func(number string) string { return "CONCAT(?, " + number + " - ?, '}')" },
		// In MariaDB JSON is a text, and JSON_OBJECT would quote it; a path query makes
		// it JSON again, in MySQL too.
		ObjectFunction: "JSON_OBJECT",
		ObjectColumn:   "JSON_EXTRACT(%s, '$')",
	},
	Rows: Rows{
		MomentRead:      "CAST(? AS CHAR)",
		MomentText:      "CAST(%s AS CHAR)",
		DocumentText:    "CAST(%s AS CHAR)",
		CatalogMayFix:   true,
		CopiesRows:      true,
		ScattersWindows: true,
		DayText:         "DATE_FORMAT(%s, '%Y-%m-%d')",
		KeepStrength:    "UPDATE",
		KeysFireNothing: true,
		// It makes texts of bits, and refuses geometries.
		CaseTypes: []string{
			"INT", "INTEGER", "TINYINT", "TINYINT(1)", "SMALLINT", "MEDIUMINT", "BIGINT", "DOUBLE", "DECIMAL", "CHAR", "VARCHAR", "TEXT", "TINYTEXT",
			"MEDIUMTEXT", "LONGTEXT", "DATETIME", "DATE", "BLOB", "LONGBLOB", "VARBINARY", "BINARY", "JSON",
		},
		TextsComeAsBytes:        true,
		TimeProbe:               func(string) string { return "SELECT CURRENT_TIMESTAMP" },
		DeletesAreCheckedAtOnce: true,
		ExactColumn:             "CAST(? AS BINARY)",
		ExactText:               "CAST(CONVERT(? USING utf8mb4) AS BINARY)",
	},
}
