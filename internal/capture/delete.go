package capture

import (
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// mayReturnDeleted reports whether the rows that a DELETE returns are all that it changes.
func mayReturnDeleted(s *statement.Statement) bool {
	c := s.Table.Catalog
	return len(s.Table.Columns) > 0 && s.Name.Simple && !c.HasRules && !c.KeepsDeleted && !s.Joins() &&
		!cascades(s, s.Table, cascade{deleting: true})
}

func deleteReturning(s *statement.Statement, query string) (statement.Outcome, error) {
	t := s.Table
	if !s.WantRows {
		n := int64(0)
		err := s.Each(query, s.Args, len(t.Columns), func(raw []any) error {
			n++
			s.Log.Note(t, t.Normalise(raw), nil)
			return nil
		})
		return s.Counted(n), err
	}
	theirs, added, err := s.Added(query, s.Args, len(t.Columns))
	if err != nil {
		return s.Partial(theirs, len(t.Columns)), err
	}
	for _, raw := range added {
		s.Changed(t, t.Normalise(raw), nil)
	}
	return statement.Outcome{Rows: theirs}, nil
}

func readAndDelete(s *statement.Statement) (statement.Outcome, error) {
	t := s.Table
	raw, err := s.ReadRows(statement.Selection{Columns: t.List, Lock: s.RowLock(t, true)})
	if err != nil {
		return statement.Outcome{}, err
	}
	before := t.Unique(t.Rows(raw))
	below, err := findChildren(s, t, before, cascade{deleting: true})
	if err != nil {
		return statement.Outcome{}, err
	}
	out, err := s.PlainOf(t, len(before), keysOf(t, before))
	if err != nil {
		return out, err
	}
	if err := checkGap(s, out, len(before)); err != nil {
		return out, err
	}
	return out, finishDelete(s, before, below)
}

// finishDelete records what is gone, and what a rule or a trigger kept and changed instead.
func finishDelete(s *statement.Statement, before []table.Row, below []children) error {
	t := s.Table
	left := map[string]table.Image{}
	if len(t.Key) > 0 && len(before) > 0 && (t.Catalog.HasUserTriggers || t.Catalog.HasRules || t.Catalog.Kind == catalog.View) {
		tuples := make([][]any, len(before))
		for i, b := range before {
			tuples[i] = t.KeyParams(b.Image, b.Raw)
		}
		still, err := s.ReadByKey(t, tuples)
		if err != nil {
			return err
		}
		for _, r := range still {
			left[t.Identity(r.Image)] = r.Image
		}
	}
	parents := make(map[string]parent, len(before))
	for _, b := range before {
		id := t.Identity(b.Image)
		if kept := left[id]; kept != nil {
			if !table.Same(b.Image, kept) {
				s.Changed(t, b.Image, kept)
			}
			continue
		}
		parents[id] = parent{record: s.Changed(t, b.Image, nil).ID}
	}
	return finishChildren(s, below, parents)
}
