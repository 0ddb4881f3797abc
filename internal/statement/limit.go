package statement

import (
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// mostNamed is how many values a statement that names its rows has at most: the server
// takes 65,535.
const mostNamed = 60_000

// limited reports whether the statement changes only some of the rows that it finds.
func (s *Statement) limited() bool {
	limit, _ := s.DB.Statement.Clauses["LIMIT"].Expression.(clause.Limit)
	return limit.Limit != nil && *limit.Limit >= 0 && slices.Contains(s.names(), "LIMIT")
}

// arbitrary reports whether a subquery of its condition takes some rows of those that it
// finds, and may take others the next time: up to a LIMIT, or what nobody has locked.
func (s *Statement) arbitrary() bool {
	if len(s.Table.Key) == 0 || s.Dialect.OneWriter || !sqltext.Mentions(s.Query, "select") {
		return false
	}
	where := s.Conditions()
	return sqltext.Mentions(where, "limit") || sqltext.Mentions(where, "skip") || sqltext.Mentions(where, "fetch")
}

// PlainOf is Plain for a statement whose rows were read before. Where it has a LIMIT, the
// server need not choose the same ones again, by another index: then it names them.
func (s *Statement) PlainOf(t *table.Table, n int, key func(row int) []any) (Outcome, error) {
	if n == 0 || !s.limited() && !s.arbitrary() {
		return s.Plain()
	}
	switch {
	case len(t.Key) == 0:
		return Outcome{}, s.Refuse("it has a LIMIT, and nothing tells which rows of a table without a key it changes")
	case n*len(t.Key) > mostNamed:
		return Outcome{}, s.Refuse("it has a LIMIT of more rows than can be named; lower it")
	}
	keys := make([][]any, n)
	for row := range keys {
		keys[row] = key(row)
	}
	b := s.SQL()
	where := b.Clauses["WHERE"]
	where.Name, where.Expression = "WHERE", byKeys{s, t, keys}
	b.Clauses = maps.Clone(b.Clauses)
	b.Clauses["WHERE"] = where
	Build(b, s.names()...)
	query := strings.TrimSpace(b.SQL.String())
	if s.WantRows {
		set, err := s.Rows(query, b.Vars, 0)
		return Outcome{Rows: set}, err
	}
	return s.Exec(query, b.Vars)
}

// byKeys is the condition that a row has one of some keys.
type byKeys struct {
	s    *Statement
	t    *table.Table
	keys [][]any
}

// Build writes it.
func (n byKeys) Build(b clause.Builder) {
	n.s.writeIn(b.(*gorm.Statement), n.t, n.t.KeyNames(), n.keys) // it is built by our own SQL
}
