package capture

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// compare makes changes of what an upsert stored and what was there before: rows without a
// before image were inserted.
func compare(s *statement.Statement, oc clause.OnConflict, vals clause.Values, before, after []table.Row) error {
	t := s.Table
	null := slices.ContainsFunc(before, func(r table.Row) bool { return r.Image.HasNull(t.Key) })
	if len(t.Key) > 0 && !null && !AssignsKey(s, oc) {
		compareBy(s, t, before, after)
		return nil
	}
	if u := ByUnique(s, oc, before...); u != nil {
		compareBy(s, u, before, after)
		return nil
	}
	// What was sent for a column by which a row was met is what it has, but for its case.
	if u := ByTarget(s, oc); u != nil && covers(u, before, after) {
		compareBy(s, u, before, after)
		return nil
	}
	if len(t.Key) > 0 {
		return compareMoved(s, vals, before, after)
	}
	if len(before) > 0 {
		return s.Refuse("the table has no key, and nothing else tells which rows it met")
	}
	compareBy(s, t, nil, after)
	return nil
}

// compareBy compares rows that t tells apart.
func compareBy(s *statement.Statement, t *table.Table, before, after []table.Row) {
	was := make(map[string]table.Image, len(before))
	for _, b := range before {
		was[t.Identity(b.Image)] = b.Image
	}
	Compare(s, t, was, after, t != s.Table)
}

// Compare makes changes of what rows were, by what t tells them apart by, and of what is
// there. A row that is stored twice by one statement counts once. moved says that keys may
// have been handed on.
func Compare(s *statement.Statement, t *table.Table, was map[string]table.Image, after []table.Row, moved bool) {
	last := make(map[string]int, len(after))
	for i, a := range after {
		last[t.Identity(a.Image)] = i
	}
	var pairs []Pair
	for i, a := range after {
		id := t.Identity(a.Image)
		b := was[id]
		switch {
		case len(t.Key) == 0 || a.Image.HasNull(t.Key):
			b = nil
		case last[id] != i || b != nil && table.Same(b, a.Image):
			continue
		}
		if moved {
			pairs = append(pairs, Pair{b, a.Image})
		} else {
			s.Changed(s.Table, b, a.Image)
		}
	}
	Changed(s, pairs)
}

// compareMoved compares where rows may have got another key and nothing else tells them
// apart: a row that is not under its key any more is the one that was moved, if there is one.
// after may have rows under keys that they had in between.
func compareMoved(s *statement.Statement, vals clause.Values, before, after []table.Row) error {
	t := s.Table
	var keys [][]any
	for _, r := range slices.Concat(before, after) {
		keys = append(keys, t.KeyParams(r.Image, r.Raw))
	}
	now, err := s.ReadByKey(t, keys)
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(now))
	for _, r := range now {
		there[t.Identity(r.Image)] = true
	}
	known := make(map[string]bool, len(before))
	var gone, added []table.Row
	for _, b := range before {
		known[t.Identity(b.Image)] = true
		if !there[t.Identity(b.Image)] {
			gone = append(gone, b)
		}
	}
	for _, r := range t.Unique(now) {
		if !known[t.Identity(r.Image)] {
			added = append(added, r)
		}
	}
	switch {
	case len(before) == 0, len(vals.Values) == 1 && len(gone) == 0:
		compareBy(s, t, before, now)
	case len(vals.Values) == 1 && len(gone) == 1 && len(added) == 1:
		s.Changed(t, gone[0].Image, added[0].Image)
	default:
		return s.Refuse("it assigns the primary key, and which row got which can not be told; assign keys by Updates")
	}
	return nil
}

// AssignsKey reports whether the upsert assigns columns of the key.
func AssignsKey(s *statement.Statement, oc clause.OnConflict) bool {
	return s.Table.KeyIn(assigned(oc))
}

// assigned are the columns that an upsert assigns. GORM words DO NOTHING as an assignment of
// the key to itself.
func assigned(oc clause.OnConflict) []string {
	var names []string
	for _, a := range oc.DoUpdates {
		if c, ok := a.Value.(clause.Column); !ok || c.Name != statement.ColumnName(a) || c.Table == "excluded" {
			names = append(names, statement.ColumnName(a))
		}
	}
	return names
}

// assignedKeys are the keys that an upsert of one row gives those of before, as far as they
// are written down.
func assignedKeys(s *statement.Statement, vals clause.Values, before []table.Row) [][]any {
	t := s.Table
	oc, _ := s.OnConflict()
	if len(vals.Values) != 1 || !AssignsKey(s, oc) {
		return nil
	}
	var keys [][]any
next:
	for _, b := range before {
		key := t.KeyParams(b.Image, b.Raw)
		for _, a := range oc.DoUpdates {
			at := slices.Index(t.KeyNames(), statement.ColumnName(a))
			if at < 0 {
				continue
			}
			v := a.Value
			if c, ok := v.(clause.Column); ok && c.Table == "excluded" && statement.ColumnAt(vals, c.Name) >= 0 {
				v = vals.Values[0][statement.ColumnAt(vals, c.Name)]
			}
			if v == nil || statement.IsExpression(v) {
				continue next
			}
			key[at] = v
		}
		keys = append(keys, key)
	}
	return keys
}

// ByUnique is the table with its rows told apart by a unique key that the upsert leaves
// alone, and that all of the rows have; nil where there is none.
func ByUnique(s *statement.Statement, oc clause.OnConflict, rows ...table.Row) *table.Table {
	names := assigned(oc)
	for _, unique := range s.Table.Catalog.Uniques {
		at := s.Table.Positions(unique)
		if len(at) > 0 && !slices.Equal(at, s.Table.Key) && !slices.ContainsFunc(unique, func(c string) bool { return slices.Contains(names, c) }) &&
			!slices.ContainsFunc(rows, func(r table.Row) bool { return r.Image.HasNull(at) }) {
			return s.Table.By(at)
		}
	}
	return nil
}

// ByTarget is the table with its rows told apart by what they are met by: what the statement
// names, or the only unique key. It is nil where the statement assigns that anything but what
// was sent.
func ByTarget(s *statement.Statement, oc clause.OnConflict) *table.Table {
	target := s.Target
	if c := s.Table.Catalog; len(target) == 0 && len(c.Uniques) == 1 && !c.PartialUniques {
		target = c.Uniques[0]
	}
	for _, a := range oc.DoUpdates {
		name := statement.ColumnName(a)
		if c, ok := a.Value.(clause.Column); slices.Contains(target, name) && (!ok || c.Name != name) {
			return nil
		}
	}
	at := s.Table.Positions(target)
	if len(at) == 0 {
		return nil
	}
	return s.Table.By(at)
}

// covers reports whether each of before is one of after.
func covers(t *table.Table, before, after []table.Row) bool {
	there := make(map[string]bool, len(after))
	for _, r := range after {
		there[t.Identity(r.Image)] = true
	}
	return !slices.ContainsFunc(before, func(r table.Row) bool { return !there[t.Identity(r.Image)] })
}
