package emitter

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// inserter makes the INSERT statements of one table.
type inserter interface {
	// chunk is how many of n rows the next statement takes.
	chunk(n int) int
	// statement is the INSERT of entries, as many as chunk said. It keeps in shared
	// what the next may use again.
	statement(entries []entry.Entry, shared *boxes) (query string, args []any)
}

func newInserter(ctx context.Context, db *gorm.DB, in inspector, table dialect.Table) (inserter, error) {
	switch facts := dialect.FactsOf(in.dialect); {
	case !dialect.Known(in.dialect):
		return newGenericInserter(db, table), nil
	case facts.Unnests:
		return newUnnestInserter(in.dialect, table), nil
	default:
		v := newValuesInserter(in.dialect, table)
		var err error
		if facts.UnionPays {
			v.derived, err = in.derives(ctx)
		}
		return v, err
	}
}

// quoter returns db's way to quote names.
func quoter(db *gorm.DB) func(string) string {
	return func(name string) string {
		var b strings.Builder
		db.QuoteTo(&b, name)
		return b.String()
	}
}

// newGenericInserter lets the dialect quote names and write placeholders.
func newGenericInserter(db *gorm.DB, table dialect.Table) inserter {
	quoteWith := quoter(db)
	names := Columns()[1:]
	for i, name := range names {
		names[i] = quoteWith(name)
	}
	row := func(first int) string {
		// BindVarTo numbers placeholders by how many values the statement has.
		stmt := &gorm.Statement{DB: db, Vars: make([]any, first)}
		var b strings.Builder
		for i := range entry.Columns {
			if i > 0 {
				b.WriteByte(',')
			}
			stmt.Vars = append(stmt.Vars, nil)
			db.BindVarTo(&b, stmt, nil)
		}
		return "(" + b.String() + ")"
	}
	return &genericInserter{
		head: "INSERT INTO " + quoteWith(table.Dotted()) + " (" + strings.Join(names, ",") + ") VALUES ",
		row:  row,
	}
}

// genericInserter passes times as time.Time and leaves the rest to the dialect.
type genericInserter struct {
	head string
	// row returns the placeholders of a row that follows first values.
	row func(first int) string
}

func (g *genericInserter) chunk(n int) int { return n }

func (g *genericInserter) statement(entries []entry.Entry, shared *boxes) (string, []any) {
	var q strings.Builder
	q.WriteString(g.head)
	args := make([]any, 0, len(entries)*entry.Columns)
	for i := range entries {
		if i > 0 {
			q.WriteByte(',')
		}
		q.WriteString(g.row(len(args)))
		for at := range entry.Columns {
			args = append(args, shared.value(&entries[i], at, encoding{}))
		}
	}
	return q.String(), args
}
