package statement

import (
	"slices"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/table"
)

// Selection says how the rows a statement will change are read.
type Selection struct {
	Columns string              // SQL of what to read
	Exprs   []clause.Expression // then these
	Lock    string
}

// RowLock is the lock of rows that the statement is about to change. Where they can not
// be locked, the records say so.
func (s *Statement) RowLock(t *table.Table, keyChanges bool) string {
	lock, locks := s.Dialect.RowLock(t.Catalog, t.Name.Alias, keyChanges)
	if !locks {
		s.Note("image", "unlocked")
	}
	return lock
}

// SelectRows builds the SELECT that finds the rows which the application's UPDATE
// or DELETE is about to change, by the same clauses.
func (s *Statement) SelectRows(sel Selection) (string, []any) {
	b := s.SQL()
	Write(b, "SELECT ", sel.Columns)
	for _, e := range sel.Exprs {
		Write(b, ",")
		e.Build(b)
	}
	from, _ := b.Clauses["FROM"].Expression.(clause.From)
	Write(b, " FROM ")
	if s.Op == Delete && len(from.Tables) > 0 {
		from.Build(b)
	} else {
		own := s.Updated()
		if own.Name == "" {
			own.Name = clause.CurrentTable
		}
		b.WriteQuoted(own)
		for _, t := range from.Tables {
			Write(b, ",")
			b.WriteQuoted(t)
		}
		for _, join := range from.Joins {
			Write(b, " ")
			join.Build(b)
		}
	}
	Build(b, s.choosing()...)
	Write(b, sel.Lock)
	return b.SQL.String(), b.Vars
}

// choosing are the clauses that choose the statement's rows. GORM leaves ORDER BY and LIMIT
// out of writes to databases that have no such thing.
func (s *Statement) choosing() []string {
	names := []string{"WHERE"}
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if slices.Contains(s.DB.Statement.BuildClauses, name) {
			names = append(names, name)
		}
	}
	return names
}

// Conditions is the SQL that chooses the statement's rows.
func (s *Statement) Conditions() string {
	b := s.SQL()
	from, _ := b.Clauses["FROM"].Expression.(clause.From)
	from.Build(b)
	Build(b, s.choosing()...)
	return b.SQL.String()
}

// SelectTable is SelectRows of the table's columns, remembered where the arguments
// are the last of the application's.
func (s *Statement) SelectTable(lock string) (string, []any) {
	if d, ok := s.Table.Reading.Get(s.Query); ok && d.Skip <= len(s.Args) {
		return d.Query, s.Args[d.Skip:]
	}
	query, args := s.SelectRows(Selection{Columns: s.Table.List, Lock: lock})
	if skip := len(s.Args) - len(args); skip >= 0 && SameArguments(s.Args[skip:], args) {
		s.Table.Reading.Put(s.Query, table.Derived{Query: query, Skip: skip})
	}
	return query, args
}

// SameArguments reports whether a and b are certainly the same.
func SameArguments(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		// Types that can not be compared would panic.
		switch a[i].(type) {
		case nil, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, time.Time:
		default:
			return false
		}
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
