package emitter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/entry"
)

// The dialects, as GORM names them, for which there is a schema. Tables of others
// are used if they exist.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
	mysql    = "mysql"
)

// tableName is a table's name and, unless empty, its schema or database.
type tableName struct{ schema, name string }

func (t tableName) quoted(dialect string) string {
	if t.schema == "" {
		return quote(dialect, t.name)
	}
	return quote(dialect, t.schema) + "." + quote(dialect, t.name)
}

func (t tableName) dotted() string {
	if t.schema == "" {
		return t.name
	}
	return t.schema + "." + t.name
}

func quote(dialect, name string) string {
	if dialect == mysql {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Schema returns the statements that create the table audit_logs and its indexes
// in the given dialect, "sqlite", "postgres" or "mysql" (MariaDB too), for teams
// whose migration tool creates tables; then use [NoCreate]. Each statement ends
// with a semicolon and a newline. Other dialects are [ErrUnknownDialect]. For a
// table with another name, see [TableEmitter.Schema].
func Schema(dialect string) (string, error) {
	return Table().Schema(dialect)
}

// Schema is the function [Schema] for the emitter's table.
func (t *TableEmitter) Schema(dialect string) (string, error) {
	if t.err != nil {
		return "", t.err
	}
	statements, err := ddl(dialect, t.name)
	if err != nil {
		return "", err
	}
	return strings.Join(statements, ";\n") + ";\n", nil
}

// index is an index of the audit table and the question that it answers. They
// are few, since every insert pays for each.
type index struct {
	suffix  string
	columns []string
	unique  bool
}

func indexes(dialect string) []index {
	// The table's name beside the time spares the rows of other tables, and costs
	// an insert nothing that could be measured.
	window := []string{"occurred_at", "table_name"}
	if dialect == sqlite {
		// SQLite reads what an index holds before it looks for the row: which
		// records of a window changed a column then costs no row that did not.
		window = append(window, "changed")
	}
	return []index{
		// One record by the id that its log line carries; and no record twice.
		{"id", []string{"id"}, true},
		// One row's trail, in order.
		{"record", []string{"table_name", "record_id", "seq"}, false},
		// One actor's doings, in order.
		{"actor", []string{"actor_id", "seq"}, false},
		// A time window.
		{"time", window, false},
		// What else the same transaction did.
		{"transaction", []string{"transaction_id"}, false},
	}
}

func ddl(dialect string, table tableName) ([]string, error) {
	switch dialect {
	case sqlite, postgres, mysql:
	default:
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, dialect)
	}
	var lines []string
	for _, c := range columns() {
		lines = append(lines, "  "+quote(dialect, c.name)+" "+columnType(dialect, c))
	}
	options := ""
	if dialect == mysql {
		// MySQL has no CREATE INDEX IF NOT EXISTS, and commits before each
		// statement: one statement makes all or nothing.
		for _, ix := range indexes(dialect) {
			word := "KEY"
			if ix.unique {
				word = "UNIQUE KEY"
			}
			lines = append(lines, "  "+word+" "+quote(dialect, indexName(table.name, ix.suffix))+" ("+list(dialect, ix.columns)+")")
		}
		// Binary collation: ids that differ in case are different ids.
		options = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
	}
	statements := []string{
		"CREATE TABLE IF NOT EXISTS " + table.quoted(dialect) + " (\n" + strings.Join(lines, ",\n") + "\n)" + options,
	}
	if dialect == mysql {
		return statements, nil
	}
	for _, ix := range indexes(dialect) {
		word := "INDEX"
		if ix.unique {
			word = "UNIQUE INDEX"
		}
		statements = append(statements, createIndex(dialect, table, word, ix.suffix, "", list(dialect, ix.columns)))
	}
	if dialect == postgres {
		// Which records changed a field: changed @> '["phone"]'. Elsewhere that
		// question is asked within a row's trail or a time window, which the
		// indexes above narrow down.
		statements = append(statements,
			createIndex(dialect, table, "INDEX", "changed", " USING gin", quote(dialect, "changed")+" jsonb_path_ops"))
	}
	return statements, nil
}

// createIndex qualifies the index in SQLite and the table in PostgreSQL; each
// puts an index beside its table and does not allow the other spelling.
func createIndex(dialect string, table tableName, word, suffix, using, columnList string) string {
	ix := tableName{name: indexName(table.name, suffix)}
	on := table
	if dialect == sqlite {
		ix.schema, on.schema = table.schema, ""
	}
	return "CREATE " + word + " IF NOT EXISTS " + ix.quoted(dialect) + " ON " + on.quoted(dialect) + using + " (" + columnList + ")"
}

// maxIdentifier is PostgreSQL's limit for names, in bytes; MySQL's is 64.
const maxIdentifier = 63

func indexName(table, suffix string) string {
	name := "idx_" + table + "_" + suffix
	if len(name) <= maxIdentifier {
		return name
	}
	// PostgreSQL would cut all of a table's index names to the same one.
	return "idx_" + entry.Cut(table, maxIdentifier-len(suffix)-7) + "_" + suffix
}

func list(dialect string, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(dialect, n)
	}
	return strings.Join(quoted, ", ")
}

func columnType(dialect string, c column) string {
	switch c.kind {
	case kindSeq:
		// An identity column, unlike a serial one, needs no right to its sequence:
		// INSERT alone is enough.
		return map[string]string{
			sqlite:   "INTEGER PRIMARY KEY AUTOINCREMENT",
			postgres: "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
			mysql:    "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
		}[dialect]
	case kindTime:
		return map[string]string{
			sqlite:   "DATETIME NOT NULL",
			postgres: "timestamptz(6) NOT NULL",
			mysql:    "DATETIME(6) NOT NULL",
		}[dialect]
	case kindJSON:
		return map[string]string{
			sqlite:   "TEXT",
			postgres: "jsonb",
			mysql:    "JSON",
		}[dialect]
	case kindInt:
		return "INTEGER NOT NULL"
	default:
		return textType(dialect, c.limit)
	}
}

func textType(dialect string, limit int) string {
	switch {
	case dialect == mysql && limit >= entry.LongTextLimit:
		return "TEXT NOT NULL"
	case dialect == mysql:
		return "VARCHAR(" + strconv.Itoa(limit) + ") NOT NULL"
	case dialect == postgres:
		return "text NOT NULL"
	default:
		return "TEXT NOT NULL"
	}
}
