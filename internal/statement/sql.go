package statement

import (
	"gorm.io/gorm"
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

// writeIn writes "(a,b) IN (…)".
func (s *Statement) writeIn(b *gorm.Statement, columns []string, tuples [][]any) {
	if len(columns) == 1 {
		Write(b, s.Dialect.Quote(columns[0]), " IN (")
		for i, t := range tuples {
			if i > 0 {
				Write(b, ",")
			}
			b.AddVar(b, t[0])
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
	for i, t := range tuples {
		if i > 0 {
			Write(b, ",")
		}
		Write(b, "(")
		b.AddVar(b, t...)
		Write(b, ")")
	}
	Write(b, ")")
}
