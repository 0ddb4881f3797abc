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
	if err := allFound(s, oc, before, after, out); err != nil {
		return out, err
	}
	if _, added := Split(s.Table, before, after); len(added) > 0 {
		if err := allForeseen(s, oc, vals, added); err != nil {
			return out, err
		}
	}
	return out, compareReplaced(s, oc, vals, before, after)
}

// Split divides after into rows that were there before and others.
func Split(t *table.Table, before, after []table.Row) (known, added []table.Row) {
	was := make(map[string]bool, len(before))
	for _, b := range before {
		was[t.Identity(b.Image)] = true
	}
	for _, r := range after {
		if was[t.Identity(r.Image)] {
			known = append(known, r)
		} else {
			added = append(added, r)
		}
	}
	return known, added
}

// allFound refuses an upsert of which more rows were stored than are found.
func allFound(s *statement.Statement, oc clause.OnConflict, before, after []table.Row, out statement.Outcome) error {
	n, err := out.Count()
	if err != nil || s.Table.Catalog.Kind == catalog.View || s.Table.Catalog.RowSecurity || Ignores(s) {
		return nil //nolint:nilerr // a driver that can not count leaves nothing to compare with
	}
	found := int64(len(after))
	switch {
	case s.Dialect.CountsOnce && len(assigned(oc)) == 0:
		_, added := Split(s.Table, before, after) // those that it left alone do not count
		found = int64(len(added))
	case s.Dialect.CountsOnce:
	case s.Dialect.MeetsAny:
		found += int64(len(before)) // it counts a row twice that it changed
	default:
		n = min(n, 1)
	}
	if found < n {
		return s.Refuse("%d rows were stored but only %d are found by the keys that were sent, generated or assigned", n, found)
	}
	return nil
}

// compareReplaced is compare for a statement that may remove the rows that are in its way.
func compareReplaced(s *statement.Statement, oc clause.OnConflict, vals clause.Values, before, after []table.Row) error {
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
	return compare(s, oc, vals, before, after)
}

func upsertReturning(s *statement.Statement, oc clause.OnConflict, vals clause.Values, query string, before []table.Row) (statement.Outcome, error) {
	theirs, added, err := s.Added(query, s.Args, len(s.Table.Columns))
	if err != nil {
		return statement.Outcome{}, err
	}
	out, err := s.Answer(theirs, int64(len(added)))
	if err != nil {
		return out, err
	}
	after := s.Table.Rows(added)
	if len(s.Table.Key) == 0 { // otherwise it was rehearsed
		if err := allForeseen(s, oc, vals, after); err != nil {
			return out, err
		}
	}
	return out, compareReplaced(s, oc, vals, before, after)
}

// allForeseen refuses an upsert of which nobody knows whether rows that it stored were there.
func allForeseen(s *statement.Statement, oc clause.OnConflict, vals clause.Values, stored []table.Row) error {
	if oc.DoNothing || !slices.ContainsFunc(stored, func(r table.Row) bool { return !foreseen(s, vals, r.Image) }) {
		return nil
	}
	return s.Refuse("what is sent does not tell whether rows that it stored were there before")
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
	known, found := Split(t, before, after)
	inserted, err := out.Count()
	if err != nil || int64(len(found)) <= inserted {
		return after, nil //nolint:nilerr // a driver that can not count leaves nothing to compare with
	}
	if inserted > 0 {
		return nil, s.Refuse("%d rows were inserted but %d are new since their images were read", inserted, len(found))
	}
	return known, nil
}
