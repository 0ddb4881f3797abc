package alert

import (
	"fmt"
	"strings"
)

// The dialects, as GORM names them.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
	mysql    = "mysql"
)

// DefaultTable is the name of the outbox table.
const DefaultTable = "audit_alerts"

// Schema returns the statements that create the table audit_alerts and its indexes
// in the given dialect, "sqlite", "postgres" or "mysql" (MariaDB too), for teams
// whose migration tool creates tables; then use [NoCreate]. Each statement ends with
// a semicolon and a newline. Other dialects are [ErrUnknownDialect].
//
// Times in the table are microseconds since 1970, UTC.
func Schema(dialect string) (string, error) {
	statements, err := ddl(dialect, tableName{name: DefaultTable})
	if err != nil {
		return "", err
	}
	return strings.Join(statements, ";\n") + ";\n", nil
}

// column is a column of the outbox. A limit makes it a short text that can be
// indexed.
type column struct {
	name, kind string
	limit      int
}

func columns() []column {
	return []column{
		{"id", "key", 0},
		{"rule", "text", nameBytes},
		{"channel", "text", nameBytes},
		// record is the audit record's id; with rule and channel it is unique, so
		// that a record delivered twice makes one message.
		{"record", "text", 255},
		{"severity", "int", 0},
		// dedupe says what the message is about: a hash of the row, or of the group.
		{"dedupe", "text", 64},
		// bundle is shared by what is sent as one message; empty for messages alone.
		{"bundle", "text", 64},
		{"title", "long", 0},
		{"subject", "long", 0},
		{"body", "long", 0},
		{"link", "long", 0},
		{"occurred_at", "time", 0},
		{"created_at", "time", 0},
		{"status", "text", 16},
		{"due_at", "time", 0},
		{"sent_at", "time", 0},
		{"attempts", "int", 0},
		{"error", "long", 0},
		// message_id is the message's id, set when it is first sent: from then on
		// the message keeps its rows.
		{"message_id", "text", 64},
		// A sender that works on the row: nobody else does until lease_until.
		{"lease_owner", "text", 64},
		{"lease_until", "time", 0},
	}
}

// columnNames are the columns' names, in order.
func columnNames() []string {
	all := columns()
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	return names
}

type tableName struct{ schema, name string }

func parseTable(name string) (tableName, error) {
	schema, table, qualified := strings.Cut(name, ".")
	if !qualified {
		schema, table = "", name
	}
	if table == "" || qualified && schema == "" || strings.Contains(name, "\x00") {
		return tableName{}, fmt.Errorf("%w: table name %q", ErrInvalidOption, name)
	}
	return tableName{schema, table}, nil
}

func (t tableName) quoted(dialect string) string {
	if t.schema == "" {
		return quote(dialect, t.name)
	}
	return quote(dialect, t.schema) + "." + quote(dialect, t.name)
}

func quote(dialect, name string) string {
	if dialect == mysql {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func quoteAll(dialect string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quote(dialect, n)
	}
	return strings.Join(out, ", ")
}

type index struct {
	suffix  string
	columns []string
	unique  bool
}

func indexes() []index {
	return []index{
		{"record", []string{"record", "rule", "channel"}, true},
		// What is to be sent on a channel, and what is dead.
		{"due", []string{"status", "channel", "due_at"}, false},
		// Whether something was told before.
		{"dedupe", []string{"dedupe", "occurred_at"}, false},
		// How much a rule has sent lately, and what waits.
		{"rule", []string{"rule", "channel", "due_at"}, false},
		// The rows of a message that is sent again.
		{"message", []string{"message_id"}, false},
	}
}

func ddl(dialect string, table tableName) ([]string, error) {
	switch dialect {
	case sqlite, postgres, mysql:
	default:
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, dialect)
	}
	var parts []string
	for _, c := range columns() {
		parts = append(parts, "  "+quote(dialect, c.name)+" "+columnType(dialect, c))
	}
	if dialect == mysql {
		for _, ix := range indexes() {
			word := "KEY"
			if ix.unique {
				word = "UNIQUE KEY"
			}
			parts = append(parts, "  "+word+" "+quote(dialect, indexName(table.name, ix.suffix))+" ("+quoteAll(dialect, ix.columns)+")")
		}
		return []string{"CREATE TABLE IF NOT EXISTS " + table.quoted(dialect) + " (\n" + strings.Join(parts, ",\n") +
			"\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"}, nil
	}
	statements := []string{"CREATE TABLE IF NOT EXISTS " + table.quoted(dialect) + " (\n" + strings.Join(parts, ",\n") + "\n)"}
	for _, ix := range indexes() {
		word := "INDEX"
		if ix.unique {
			word = "UNIQUE INDEX"
		}
		// SQLite qualifies the index, PostgreSQL the table.
		name, on := tableName{name: indexName(table.name, ix.suffix)}, table
		if dialect == sqlite {
			name.schema, on.schema = table.schema, ""
		}
		statements = append(statements, "CREATE "+word+" IF NOT EXISTS "+name.quoted(dialect)+" ON "+on.quoted(dialect)+
			" ("+quoteAll(dialect, ix.columns)+")")
	}
	return statements, nil
}

// indexName stays within PostgreSQL's 63 bytes.
func indexName(table, suffix string) string {
	if room := 63 - len("idx__") - len(suffix); len(table) > room {
		table = table[:room]
	}
	return "idx_" + table + "_" + suffix
}

func columnType(dialect string, c column) string {
	switch c.kind {
	case "key":
		return map[string]string{
			sqlite:   "INTEGER PRIMARY KEY AUTOINCREMENT",
			postgres: "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
			mysql:    "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
		}[dialect]
	case "time":
		return map[string]string{sqlite: "INTEGER NOT NULL", postgres: "bigint NOT NULL", mysql: "BIGINT NOT NULL"}[dialect]
	case "int":
		return map[string]string{sqlite: "INTEGER NOT NULL", postgres: "integer NOT NULL", mysql: "INT NOT NULL"}[dialect]
	}
	switch {
	case dialect == postgres:
		return "text NOT NULL"
	case dialect == mysql && c.limit > 0:
		return fmt.Sprintf("VARCHAR(%d) NOT NULL", c.limit)
	case dialect == mysql:
		return "MEDIUMTEXT NOT NULL"
	}
	return "TEXT NOT NULL"
}
