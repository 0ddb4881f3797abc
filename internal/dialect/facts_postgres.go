package dialect

import "github.com/gorm-audit/auditplugin/internal/catalog"

var postgresFacts = Facts{
	NumbersMarks:    true,
	NameBytes:       catalog.PostgresNameBytes,
	SettingFunction: "set_config",
	Now:             "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint",
	Tables: Tables{
		// No serial column, whose sequence would need a right of its own beside INSERT.
		Identity:  "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		Short:     "integer",
		Long:      "bigint",
		Moment:    "timestamptz(6)",
		Document:  "jsonb",
		Unlimited: "text",

		DocumentIndex: " USING gin",
		DocumentClass: " jsonb_path_ops",
		ColumnsQuery: `SELECT a.attname FROM pg_catalog.pg_attribute a
			JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r','p','v','f') AND a.attnum > 0 AND NOT a.attisdropped
			ORDER BY a.attnum`,
		Impatience:      "SET LOCAL lock_timeout = '10s'",
		SchemaQuery:     "SELECT current_schema()",
		SeesAllQuery:    "SELECT has_table_privilege($1, 'SELECT') AND NOT row_security_active($1)",
		ReplicaQuery:    "SELECT pg_is_in_recovery()",
		ExistsQuery:     "SELECT to_regclass($1) IS NOT NULL",
		TransactionLock: "SELECT pg_advisory_xact_lock($1)",
	},
	Inserts: Inserts{
		MostRows:     1000,
		InsertInto:   "INSERT INTO ",
		Unnests:      true,
		MomentLayout: "2006-01-02 15:04:05.000000+00:00",
		MomentMark:   "CAST(? AS timestamptz)",
		DocumentMark: "CAST(CAST(? AS text) AS jsonb)",
		UnlessThere:  " ON CONFLICT DO NOTHING",
	},
	Deliveries: Deliveries{
		SequenceCacheQuery: `SELECT COALESCE(MAX(seqcache), 1) FROM pg_catalog.pg_sequence
			WHERE seqrelid = to_regclass(pg_get_serial_sequence($1, 'seq'))
			OR seqrelid IN (SELECT dep.refobjid FROM pg_catalog.pg_depend dep
				JOIN pg_catalog.pg_attrdef def ON dep.classid = 'pg_attrdef'::regclass AND dep.objid = def.oid
				WHERE dep.refclassid = 'pg_class'::regclass AND def.adrelid = to_regclass($1))`,
		// An INSERT takes a lock on its table before it asks for a sequence number, and keeps
		// it until its transaction is over. Prepared transactions are among them.
		WritersQuery: `SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks
		WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
		AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
		AND (relation = to_regclass($1) OR relation IN (SELECT relid FROM pg_partition_tree(to_regclass($1))))`,
		Unhurried:      " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS later",
		AddNumber:      addAsText,
		ObjectFunction: "jsonb_build_object",
		ObjectColumn:   "%s",
	},
	Rows: Rows{
		MissesNearness:  true,
		WalksLists:      true,
		MomentText:      "%s",
		DocumentText:    "CAST(%s AS text)",
		DayText:         "TO_CHAR(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
		KeepStrength:    "NO KEY UPDATE",
		IdentityRefuses: true,
		SendsLocal:      "TIMESTAMP",
		TimeProbe: func(dbType string) string {
			switch dbType {
			case "TIMESTAMPTZ":
				return "SELECT CURRENT_TIMESTAMP"
			case "DATE":
				return "SELECT CURRENT_DATE"
			}
			return "SELECT LOCALTIMESTAMP"
		},
		DeferKeys: "SET CONSTRAINTS ALL DEFERRED",
		CheckKeys: "SET CONSTRAINTS ALL IMMEDIATE",
	},
}

// addAsText is AddNumber where texts are put together by ||.
func addAsText(number string) string {
	return "CAST(? AS text) || CAST(" + number + " - CAST(? AS bigint) AS text) || '}'"
}
