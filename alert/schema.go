package alert

import (
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
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
	statements, err := ddl(dialect, defaultTable())
	if err != nil {
		return "", err
	}
	return strings.Join(statements, ";\n") + ";\n", nil
}

func defaultTable() dialect.Table { return dialect.Table{Name: DefaultTable} }

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

func indexes(name string, table dialect.Table) []dialect.Index {
	index := func(suffix string, unique bool, columns ...string) dialect.Index {
		return dialect.Index{Name: indexName(table.Name, suffix), Columns: dialect.List(name, "", columns), Unique: unique}
	}
	return []dialect.Index{
		index("record", true, "record", "rule", "channel"),
		// What is to be sent on a channel, and what is dead.
		index("due", false, "status", "channel", "due_at"),
		// Whether something was told before.
		index("dedupe", false, "dedupe", "occurred_at"),
		// How much a rule has sent lately, and what waits.
		index("rule", false, "rule", "channel", "due_at"),
		// The rows of a message that is sent again.
		index("message", false, "message_id"),
	}
}

func ddl(name string, table dialect.Table) ([]string, error) {
	if !dialect.Known(name) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, name)
	}
	var lines []string
	for _, c := range columns() {
		lines = append(lines, "  "+dialect.Quote(name, c.name)+" "+columnType(name, c))
	}
	return dialect.CreateTable(name, table, strings.Join(lines, ",\n"), indexes(name, table)...), nil
}

// indexName stays within PostgreSQL's 63 bytes.
func indexName(table, suffix string) string {
	if room := 63 - len("idx__") - len(suffix); len(table) > room {
		table = table[:room]
	}
	return "idx_" + table + "_" + suffix
}
