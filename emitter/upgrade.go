package emitter

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// Upgrade returns the statements that give a table made by an earlier release the columns
// and indexes of this one, in the form of [Schema], for teams whose migration tool changes
// tables; then use [NoCreate]. They are for a table that has none of them:
// tenant, session_id, on_behalf_of_id, on_behalf_of_type, on_behalf_of_name, and the index
// over tenant. Other dialects are [ErrUnknownDialect].
//
// Without NoCreate, binding the emitter adds the columns that are missing, which rewrites
// nothing, but not the index: building it can block writes to a large table for as long as
// it takes. Run that statement when it suits, on PostgreSQL with CREATE INDEX CONCURRENTLY.
func (t *TableEmitter) Upgrade(dialectName string) (string, error) {
	if t.err != nil {
		return "", t.err
	}
	if !dialect.Known(dialectName) {
		return "", fmt.Errorf("%w: %q", ErrUnknownDialect, dialectName)
	}
	statements := addColumns(dialectName, t.name, laterColumns())
	for _, ix := range indexes(dialectName, t.name) {
		if ix.Name == indexName(t.name.Name, tenantIndex) {
			statements = append(statements, dialect.CreateIndex(dialectName, t.name, ix))
		}
	}
	return strings.Join(statements, ";\n") + ";\n", nil
}

func laterColumns() []string {
	var names []string
	for _, c := range columns() {
		if c.later {
			names = append(names, c.name)
		}
	}
	return names
}

// addColumns is the statements, one where the database can, that add columns.
func addColumns(name string, table dialect.Table, missing []string) []string {
	var parts []string
	for _, c := range columns() {
		if slices.Contains(missing, c.name) {
			parts = append(parts, "ADD COLUMN "+dialect.Quote(name, c.name)+" "+columnType(name, c))
		}
	}
	alter := "ALTER TABLE " + table.Quoted(name) + " "
	if !dialect.FactsOf(name).AddsOneColumn {
		return []string{alter + strings.Join(parts, ", ")}
	}
	for i := range parts {
		parts[i] = alter + parts[i]
	}
	return parts
}

// upgrade adds the later columns that a table is without, and returns what it has then.
func (in inspector) upgrade(ctx context.Context, table dialect.Table, found []string) ([]string, error) {
	if len(missingLater(found)) == 0 || !dialect.Known(in.dialect) || len(missing(found)) > len(missingLater(found)) {
		return found, nil
	}
	facts := dialect.FactsOf(in.dialect)
	err := owntable.Alone(ctx, in.conn, in.dialect, lockKey(table), func(conn owntable.Conn) error {
		// Another process may have done so meanwhile.
		now, err := owntable.Texts(ctx, conn, facts.ColumnsQuery, table.Schema, table.Name)
		names := missingLater(now)
		if err != nil || len(names) == 0 {
			return err
		}
		statements := addColumns(in.dialect, table, names)
		if facts.Impatience != "" {
			statements = slices.Insert(statements, 0, facts.Impatience)
		}
		return owntable.Run(ctx, conn, statements)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s is without %s, and adding them failed (emitter.Table().Upgrade has the statements): %w",
			ErrTableMismatch, table.Quoted(in.dialect), strings.Join(missingLater(found), ", "), err)
	}
	return in.columns(ctx, table)
}

// missing are the columns that a table is without, missingLater those of them that
// upgrade adds.
func missing(found []string) []string {
	return slices.DeleteFunc(Columns(), func(name string) bool { return slices.Contains(found, name) })
}

func missingLater(found []string) []string {
	return slices.DeleteFunc(laterColumns(), func(name string) bool { return slices.Contains(found, name) })
}
