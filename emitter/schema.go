package emitter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

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

// indexes of the audit table, each for a question. They are few, since every insert
// pays for each.
func indexes(name string, table dialect.Table) []dialect.Index {
	facts := dialect.FactsOf(name)
	index := func(suffix string, columns ...string) dialect.Index {
		return dialect.Index{Name: indexName(table.Name, suffix), Columns: dialect.List(name, "", columns)}
	}
	// One record by the id that its log line carries; and no record twice.
	id := index("id", "id")
	id.Unique = true
	// The table's name beside the time spares the rows of other tables, and costs
	// an insert nothing that could be measured.
	window := index("time", "occurred_at", "table_name")
	if facts.IndexAnswers {
		// Which records of a window changed a column then costs no row that did not.
		window = index("time", "occurred_at", "table_name", "changed")
	}
	// One tenant's records, in order. Where none is named, none costs anything.
	tenant := index(tenantIndex, "tenant", "seq")
	tenant.Where = dialect.Quote(name, "tenant") + " <> ''"
	all := []dialect.Index{
		id,
		// One row's trail, in order.
		index("record", "table_name", "record_id", "seq"),
		// One actor's doings, in order.
		index("actor", "actor_id", "seq"),
		// A time window.
		window,
		// What else the same transaction did.
		index("transaction", "transaction_id"),
		tenant,
	}
	if facts.DocumentIndex != "" {
		// Which records changed a field: changed @> '["phone"]'. Elsewhere that
		// question is asked within a row's trail or a time window, which the
		// indexes above narrow down.
		changed := index("changed", "changed")
		changed.Using, changed.Columns = facts.DocumentIndex, changed.Columns+facts.DocumentClass
		all = append(all, changed)
	}
	return all
}

const tenantIndex = "tenant"

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

func columnType(name string, c column) string {
	facts := dialect.FactsOf(name)
	switch {
	case c.kind == kindSeq:
		return facts.Identity
	case c.kind == kindTime:
		return facts.Moment + " NOT NULL"
	case c.kind == kindJSON:
		return facts.Document
	case c.kind == kindInt:
		return "INTEGER NOT NULL"
	case c.limit >= entry.LongTextLimit:
		return facts.Text("TEXT") + " NOT NULL"
	}
	text := facts.Text("VARCHAR("+strconv.Itoa(c.limit)+")") + " NOT NULL"
	if c.later {
		text += " DEFAULT ''"
	}
	return text
}
