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

	keys [][]any // instead of the application's condition
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
	Write(b, " FROM ")
	if sel.keys != nil {
		b.WriteQuoted(clause.Table{Name: clause.CurrentTable})
		Write(b, " WHERE ")
		byKeys{s, s.Table, sel.keys}.Build(b)
		Write(b, sel.Lock)
		return b.SQL.String(), b.Vars
	}
	from := s.from()
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

// choosing are the clauses that choose the statement's rows.
func (s *Statement) choosing() []string {
	names := []string{"WHERE"}
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if slices.Contains(s.names(), name) {
			names = append(names, name)
		}
	}
	return names
}

// Conditions is the SQL that chooses the statement's rows.
func (s *Statement) Conditions() string {
	b := s.SQL()
	from := s.from()
	from.Build(b)
	Build(b, s.choosing()...)
	return b.SQL.String()
}

// ReadRows reads the rows that SelectRows finds, or those that were chosen already.
func (s *Statement) ReadRows(sel Selection) ([][]any, error) {
	if s.Chosen == nil || s.Joins() && len(sel.Exprs) > 0 {
		query, args := s.SelectRows(sel)
		return s.Read(query, args)
	}
	var rows [][]any
	for sel.keys = range slices.Chunk(s.Chosen, KeyBatch) {
		query, args := s.SelectRows(sel)
		more, err := s.Read(query, args)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, s.allChosen(len(rows))
}

// allChosen refuses a statement some of whose chosen rows were not found: a view may have
// subqueries, too.
func (s *Statement) allChosen(found int) error {
	if found < len(s.Chosen) {
		return s.Refuse("%d rows match its condition, and %d are found by their keys", len(s.Chosen), found)
	}
	return nil
}

// StreamTable calls f with the table's columns of each of those rows, which f must not keep.
func (s *Statement) StreamTable(lock string, f func(raw []any) error) error {
	if s.Chosen == nil {
		query, args := s.selectTable(lock)
		return s.Stream(query, args, len(s.Table.Columns), f)
	}
	found := 0
	counted := func(raw []any) error { found++; return f(raw) }
	for keys := range slices.Chunk(s.Chosen, KeyBatch) {
		query, args := s.SelectRows(Selection{Columns: s.Table.List, Lock: lock, keys: keys})
		if err := s.Stream(query, args, len(s.Table.Columns), counted); err != nil {
			return err
		}
	}
	return s.allChosen(found)
}

// selectTable is SelectRows of the table's columns, remembered where the arguments
// are the last of the application's.
func (s *Statement) selectTable(lock string) (string, []any) {
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
