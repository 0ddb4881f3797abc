package capture

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// upsertAndRead runs the statement, and compares what is there then with what was there
// before.
func upsertAndRead(s *statement.Statement, oc clause.OnConflict, vals clause.Values, before []table.Row) (statement.Outcome, error) {
	out, err := s.Plain()
	if err != nil {
		return out, err
	}
	after, err := ReadStored(s, vals, before, out)
	if err != nil {
		return out, err
	}
	if after, err = withoutForeign(s, oc, before, after, out); err != nil {
		return out, err
	}
	compareReplaced(s, before, after)
	return out, nil
}

// compareReplaced is Compare for a statement that may remove the rows that are in its way.
func compareReplaced(s *statement.Statement, before, after []table.Row) {
	if replaces(s) {
		stays := make(map[string]bool, len(after))
		for _, a := range after {
			stays[s.Table.Identity(a.Image)] = true
		}
		for _, b := range before {
			if !stays[s.Table.Identity(b.Image)] {
				s.Changed(s.Table, b.Image, nil)
			}
		}
	}
	Compare(s, before, after)
}

func upsertReturning(s *statement.Statement, query string, before []table.Row) (statement.Outcome, error) {
	theirs, added, err := s.Added(query, s.Args, len(s.Table.Columns))
	if err != nil {
		return statement.Outcome{}, err
	}
	compareReplaced(s, before, s.Table.Rows(added))
	return s.Answer(theirs, int64(len(added)))
}

// Compare makes changes of what was stored and what was there before: rows without
// a before image were inserted. A row stored twice by one statement counts once.
func Compare(s *statement.Statement, before, after []table.Row) {
	t := s.Table
	was := make(map[string]table.Image, len(before))
	for _, b := range before {
		was[t.Identity(b.Image)] = b.Image
	}
	last := make(map[string]int, len(after))
	for i, a := range after {
		last[t.Identity(a.Image)] = i
	}
	moved := rekeyed(s, before)
	for i, a := range after {
		id := t.Identity(a.Image)
		if len(t.Key) > 0 && last[id] != i {
			continue
		}
		b, existed := was[id]
		if len(t.Key) == 0 {
			existed = false
		}
		if !existed {
			b, existed = moved(a.Image)
		}
		if existed && table.Same(b, a.Image) {
			continue
		}
		s.Changed(t, b, a.Image)
	}
}

// withoutForeign leaves out of after the rows that another session inserted after
// before was read, so that DO NOTHING passed them over: found now, they look like
// rows of our own. How many the statement inserted tells; where that does not say
// which ones, the write is refused.
func withoutForeign(s *statement.Statement, oc clause.OnConflict, before, after []table.Row, out statement.Outcome) ([]table.Row, error) {
	t := s.Table
	if !oc.DoNothing || len(t.Key) == 0 || t.Catalog.HasRules || t.Catalog.Kind == catalog.View {
		return after, nil
	}
	was := make(map[string]bool, len(before))
	for _, b := range before {
		was[t.Identity(b.Image)] = true
	}
	fresh := func(r table.Row) bool { return !was[t.Identity(r.Image)] }
	found := 0
	for _, r := range after {
		if fresh(r) {
			found++
		}
	}
	inserted, err := out.Count()
	if err != nil || int64(found) <= inserted {
		return after, nil //nolint:nilerr // a driver that can not count leaves nothing to compare with
	}
	if inserted > 0 {
		return nil, s.Refuse("%d rows were inserted but %d are new since their images were read", inserted, found)
	}
	return slices.DeleteFunc(after, fresh), nil
}
