package oracle

import (
	"database/sql"
	"fmt"
	"testing"
)

// column is what the catalog says about a column.
type column struct {
	name   string
	binary bool
	key    bool
}

// catalogColumns lists a table's columns in order, from the database's catalog.
func catalogColumns(t testing.TB, db *sql.DB, dialect, table string) []column {
	t.Helper()
	query := map[string]string{
		"sqlite": `SELECT name, CASE WHEN upper(type) LIKE '%BLOB%' THEN 1 ELSE 0 END, CASE WHEN pk > 0 THEN 1 ELSE 0 END
			FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid`,
		"postgres": `SELECT c.column_name, CASE WHEN c.data_type = 'bytea' THEN 1 ELSE 0 END,
			CASE WHEN EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
				WHERE i.indisprimary AND i.indrelid = (quote_ident(c.table_schema)||'.'||quote_ident(c.table_name))::regclass
				AND a.attname = c.column_name) THEN 1 ELSE 0 END
			FROM information_schema.columns c WHERE c.table_schema = current_schema() AND c.table_name = $1 ORDER BY c.ordinal_position`,
		"mysql": `SELECT column_name, CASE WHEN data_type LIKE '%blob%' OR data_type LIKE '%binary%' THEN 1 ELSE 0 END,
			CASE WHEN column_key = 'PRI' THEN 1 ELSE 0 END
			FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`,
	}[dialect]
	rows, err := db.Query(query, table)
	if err != nil {
		t.Fatalf("columns of %s: %v", table, err)
	}
	defer func() { _ = rows.Close() }()
	var columns []column
	for rows.Next() {
		var c column
		var binary, key int
		if err := rows.Scan(&c.name, &binary, &key); err != nil {
			t.Fatalf("columns of %s: %v", table, err)
		}
		c.binary, c.key = binary == 1, key == 1
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("columns of %s: %v", table, err)
	}
	if len(columns) == 0 {
		t.Fatalf("the catalog knows no table %s", table)
	}
	return columns
}

// jsonRow is the SQL expression for a row as JSON; prefix is "OLD.", "NEW." or "".
func jsonRow(dialect string, columns []column, prefix string) string {
	function, concat := "json_object(", `'hex:' || hex(%s)`
	if dialect == "mysql" {
		function, concat = "JSON_OBJECT(", `CONCAT('hex:', HEX(%s))`
	}
	expression := function
	for i, c := range columns {
		if i > 0 {
			expression += ", "
		}
		name := prefix + quote(dialect, c.name)
		value := name
		if c.binary {
			value = "CASE WHEN " + name + " IS NULL THEN NULL ELSE " + fmt.Sprintf(concat, name) + " END"
		}
		expression += "'" + c.name + "', " + value
	}
	return expression + ")"
}

func quote(dialect, name string) string {
	if dialect == "mysql" {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}
