package statement

import (
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/table"
)

// SQL is a statement to build SQL on, with the clauses of the application's own. Building
// them changes nothing in them.
func (s *Statement) SQL() *gorm.Statement {
	from := s.DB.Statement
	return &gorm.Statement{
		DB: s.DB, TableExpr: from.TableExpr, Table: from.Table, Model: from.Model, Dest: from.Dest,
		ReflectValue: from.ReflectValue, Schema: from.Schema, Context: s.Ctx, Unscoped: from.Unscoped,
		Clauses: from.Clauses, ConnPool: from.ConnPool,
	}
}

// Build writes the named clauses that the statement has, each after a space.
func Build(b *gorm.Statement, names ...string) {
	for _, name := range names {
		c, ok := b.Clauses[name]
		if !ok || c.Expression == nil && c.BeforeExpression == nil && c.Builder == nil {
			continue
		}
		Write(b, " ")
		if builder, ok := b.DB.ClauseBuilders[name]; ok {
			builder(c, b)
		} else {
			c.Build(b)
		}
	}
}

// Write appends to the statement; a strings.Builder does not fail.
func Write(b *gorm.Statement, parts ...string) {
	for _, part := range parts {
		_, _ = b.WriteString(part)
	}
}

// writeIn writes "(a,b) IN (…)", with each value as its column would store it.
func (s *Statement) writeIn(b *gorm.Statement, t *table.Table, columns []string, tuples [][]any) {
	before, after := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		column, _ := t.Catalog.Column(c)
		before[i], after[i] = s.Dialect.Stored(column)
	}
	if len(columns) == 1 {
		Write(b, s.Dialect.Quote(columns[0]), " IN (")
		for i, tuple := range tuples {
			if i > 0 {
				Write(b, ",")
			}
			Write(b, before[0])
			b.AddVar(b, s.stored(t, columns[0], tuple[0]))
			Write(b, after[0])
		}
		Write(b, ")")
		return
	}
	Write(b, "(")
	for i, c := range columns {
		if i > 0 {
			Write(b, ",")
		}
		Write(b, s.Dialect.Quote(c))
	}
	Write(b, ") IN (", s.Dialect.RowValues)
	for i, tuple := range tuples {
		if i > 0 {
			Write(b, ",")
		}
		Write(b, "(")
		for k, v := range tuple {
			if k > 0 {
				Write(b, ",")
			}
			Write(b, before[k])
			b.AddVar(b, s.stored(t, columns[k], v))
			Write(b, after[k])
		}
		Write(b, ")")
	}
	Write(b, ")")
}

// stored is a value as a column keeps it, where only its end differs.
func (s *Statement) stored(t *table.Table, column string, v any) any {
	c, ok := t.Catalog.Column(column)
	if !ok || !s.Dialect.CutsSpaces || c.DBType != "CHAR" {
		return v
	}
	if at, ok := t.At(column); ok {
		if text, ok := t.Rules[at].Normalise(v).(string); ok && strings.HasSuffix(text, " ") {
			return strings.TrimRight(text, " ")
		}
	}
	return v
}
