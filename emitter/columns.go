package emitter

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/entry"
)

// kind is a column's type, whose name depends on the dialect.
type kind int

const (
	kindSeq kind = iota
	kindText
	kindTime
	kindJSON
	kindInt
)

type column struct {
	name  string
	kind  kind
	limit int // of kindText, in characters
	// later is a text that the first tables did not have, with '' as its default; see
	// [TableEmitter.Upgrade].
	later bool
}

// columns returns the audit table's columns, in order.
func columns() []column {
	text := func(name string) column { return column{name: name, kind: kindText, limit: entry.TextLimit} }
	later := func(name string) column {
		return column{name: name, kind: kindText, limit: entry.TextLimit, later: true}
	}
	return []column{
		{name: "seq", kind: kindSeq},
		text("id"),
		{name: "occurred_at", kind: kindTime},
		text("action"),
		text("outcome"),
		text("record_type"),
		text("table_name"),
		text("record_id"),
		{name: "before", kind: kindJSON},
		{name: "after", kind: kindJSON},
		{name: "changed", kind: kindJSON},
		{name: "changes", kind: kindJSON},
		{name: "message", kind: kindText, limit: entry.LongTextLimit},
		{name: "reason", kind: kindText, limit: entry.LongTextLimit},
		text("actor_id"),
		text("actor_type"),
		text("actor_name"),
		text("transaction_id"),
		text("request_id"),
		text("ip"),
		{name: "user_agent", kind: kindText, limit: entry.WideTextLimit},
		text("trace_id"),
		text("span_id"),
		text("application"),
		text("host"),
		{name: "metadata", kind: kindJSON},
		{name: "source", kind: kindJSON},
		text("cause"),
		{name: "schema_version", kind: kindInt},
		later("tenant"),
		later("session_id"),
		later("on_behalf_of_id"),
		later("on_behalf_of_type"),
		later("on_behalf_of_name"),
	}
}

// Columns returns the names of the audit table's columns, in order. [ReadRecord]
// expects a query to select them in this order.
func Columns() []string {
	all := columns()
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	return names
}

// StoredText returns text as the named column of the audit table holds it:
// repaired, and cut with a hash at its end if it is too long. Use it on values
// to compare with a column, such as a record id.
func StoredText(columnName, text string) string {
	all := columns()
	i := slices.IndexFunc(all, func(c column) bool { return c.name == columnName && c.kind == kindText })
	if i < 0 {
		return entry.Repair(text)
	}
	return entry.Cut(text, all[i].limit)
}
