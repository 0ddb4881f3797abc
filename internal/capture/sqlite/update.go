package sqlite

import (
	"errors"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// keyed runs an UPDATE that leaves its rows' keys alone. returns tells that SQLite knows
// RETURNING.
func keyed(s *statement.Statement, names []string, returns bool) (statement.Outcome, error) {
	// How many rows there are must not decide about the text of a prepared statement.
	alike := !(returns && s.Prepared()) && storesAlike(s, names)
	if returns && !alike {
		if query, ok := updateReturning(s); ok {
			return runReturning(s, query)
		}
	}
	if !alike {
		return capture.WriteAndReadBack(s)
	}
	out, err := capture.Write(s)
	if err != nil {
		return out, err
	}
	return out, fromOne(s, names, out)
}

// updateReturning is the application's UPDATE, made to return the rows it changed:
// where that is what will be stored, nothing has to be read back.
func updateReturning(s *statement.Statement) (query string, ok bool) {
	t := s.Table
	// What triggers do to the table comes after RETURNING.
	if t.Catalog.Kind != catalog.Plain || t.Catalog.Triggered || !s.Name.Simple || s.Joins() {
		return "", false
	}
	return s.WithReturning(t)
}

var errUnexpectedRow = errors.New("auditplugin: a row was changed that was not read")

func runReturning(s *statement.Statement, query string) (statement.Outcome, error) {
	if !s.Table.Exact && !s.Before.Distinct() {
		return statement.Outcome{}, s.Refuse("rows have the same key, so that they can not be told apart")
	}
	n, after := int64(0), make(table.Image, len(s.Table.Columns))
	err := s.Each(query, s.Args, len(s.Table.Columns), func(raw []any) error {
		n++
		s.Table.NormaliseInto(after, raw)
		row, ok := s.Before.Find(s.Table.Identity(after))
		if !ok {
			return s.Unreadable(errUnexpectedRow)
		}
		if b := s.Before.Image(row); !table.Same(b, after) {
			s.Log.Note(s.Table, b, after)
		}
		return nil
	})
	if err != nil {
		return statement.Outcome{}, err
	}
	return s.Answer(nil, n)
}

// storesAlike reports whether SQLite will store the same in all rows of an UPDATE, so
// that one of them tells what became of the others: it assigns values, no expressions,
// and no trigger changes them.
func storesAlike(s *statement.Statement, names []string) bool {
	t := s.Table
	if s.Before.Len() < 2 || !s.Predictable(names) {
		return false
	}
	for _, a := range s.Assignments() {
		if _, ok := t.Index[statement.ColumnName(a)]; !ok || statement.IsExpression(a.Value) {
			return false
		}
	}
	return true
}

// fromOne makes the after images of what was assigned as it stands in one of the rows.
func fromOne(s *statement.Statement, names []string, out statement.Outcome) error {
	t, before := s.Table, &s.Before
	if affected, err := out.Result.RowsAffected(); err != nil || affected != int64(before.Len()) {
		return capture.ReadBack(s)
	}
	rows, err := s.ReadByKey(t, [][]any{before.Key(0)})
	if err != nil {
		return err
	}
	if len(rows) != 1 || t.Identity(rows[0].Image) != before.Identity(0) {
		return capture.ReadBack(s)
	}
	after, stored := make(table.Image, len(t.Columns)), rows[0].Image
	assigned := make([]bool, len(t.Columns))
	for i, c := range t.Columns {
		assigned[i] = slices.Contains(names, c.Name)
	}
	for row := range before.Len() {
		b := before.Image(row)
		for i := range after {
			if after[i] = b[i]; assigned[i] {
				after[i] = stored[i]
			}
		}
		if !table.Same(b, after) {
			s.Log.Note(t, b, after)
		}
	}
	return nil
}
