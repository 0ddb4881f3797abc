package relay

import (
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// OutboxView returns the statement that creates a view of the audit table with the
// columns of an outbox, as Debezium and others name them, in the given dialect:
//
//	seq            the order
//	id             the record's id
//	aggregatetype  the record type: "user"
//	aggregateid    the row's key: "42"
//	type           the action: "update"
//	timestamp      when the change was made
//	payload        a JSON object with action, before, after, changed, actor, reason,
//	               transaction and application
//
// The view has the name of the audit table with "_outbox" at its end. It is for
// reading and for tools that want these names. A program that polls it by seq skips
// what commits late; see docs/relay.md for change data capture, which does not.
// Of the options, [AuditTable] counts. Other dialects than "sqlite", "postgres" and
// "mysql" are [ErrUnknownDialect].
func OutboxView(dialect string, opts ...Option) (string, error) {
	c, err := newConfig(nil, opts)
	if err != nil {
		return "", err
	}
	return outboxView(dialect, c.table)
}

func outboxView(name string, table dialect.Table) (string, error) {
	if !dialect.Known(name) {
		return "", fmt.Errorf("%w: %q", ErrUnknownDialect, name)
	}
	facts := dialect.FactsOf(name)
	q := func(column string) string { return dialect.Quote(name, column) }
	var fields []string
	for _, f := range []struct{ key, column string }{
		{"action", "action"},
		{"before", "before"},
		{"after", "after"},
		{"changed", "changed"},
		{"actor_id", "actor_id"},
		{"actor_type", "actor_type"},
		{"actor_name", "actor_name"},
		{"reason", "reason"},
		{"transaction_id", "transaction_id"},
		{"application", "application"},
	} {
		value := q(f.column)
		if f.column == "before" || f.column == "after" || f.column == "changed" {
			value = fmt.Sprintf(facts.ObjectColumn, value)
		}
		fields = append(fields, "'"+f.key+"', "+value)
	}
	view := dialect.Table{Schema: table.Schema, Name: table.Name + "_outbox"}
	return "CREATE VIEW " + view.Quoted(name) + " AS SELECT " + q("seq") + ", " + q("id") + ", " + q("record_type") + " AS aggregatetype, " +
		q("record_id") + " AS aggregateid, " + q("action") + " AS " + q("type") + ", " + q("occurred_at") + " AS " + q("timestamp") + ",\n  " +
		facts.ObjectFunction + "(" + strings.Join(fields, ", ") + ") AS payload\nFROM " + table.Quoted(name) + ";\n", nil
}
