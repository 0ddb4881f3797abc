package capture

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// rekeyed finds the before image of a row whose primary key the upsert assigned, by
// another unique key: one that it left alone, or else one that it assigned just what
// was sent, which is what the row that conflicted by it has.
func rekeyed(s *statement.Statement, before []table.Row) func(table.Image) (table.Image, bool) {
	oc, _ := s.OnConflict()
	names := statement.AssignedNames(oc.DoUpdates)
	if !slices.ContainsFunc(s.Table.KeyNames(), func(k string) bool { return slices.Contains(names, k) }) {
		return func(table.Image) (table.Image, bool) { return nil, false }
	}
	type unique struct {
		at  []int
		was map[string]table.Image
	}
	assignedElse := func(c string) bool {
		return slices.ContainsFunc(oc.DoUpdates, func(a clause.Assignment) bool {
			from, ok := a.Value.(clause.Column)
			return statement.ColumnName(a) == c && (!ok || from.Table != "excluded" || from.Name != c)
		})
	}
	var kept, sent []unique
	for _, columns := range Uniques(s) {
		at := s.Table.Positions(columns)
		if at == nil || slices.ContainsFunc(columns, assignedElse) {
			continue
		}
		u := unique{at, make(map[string]table.Image, len(before))}
		for _, b := range before {
			if !b.Image.HasNull(at) {
				u.was[b.Image.Identity(at)] = b.Image
			}
		}
		if slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(names, c) }) {
			sent = append(sent, u)
		} else {
			kept = append(kept, u)
		}
	}
	kept = append(kept, sent...)
	return func(img table.Image) (table.Image, bool) {
		for _, u := range kept {
			if b, ok := u.was[img.Identity(u.at)]; ok && !img.HasNull(u.at) {
				return b, true
			}
		}
		return nil, false
	}
}

// readConflicting reads the rows that one of the VALUES could conflict with, by
// every unique key of the table.
func readConflicting(s *statement.Statement, vals clause.Values) ([]table.Row, error) {
	lock, locks := s.Dialect.ConflictLock(s.Table.Catalog, s.Table.Name.Alias)
	if !locks {
		s.Note("image", "unlocked")
	}
	return readByUniques(s, vals, lock)
}

// readByUniques reads the rows whose unique keys equal those in VALUES.
func readByUniques(s *statement.Statement, vals clause.Values, lock string) ([]table.Row, error) {
	var found []table.Row
	for _, unique := range Uniques(s) {
		tuples := statement.TuplesOf(vals, unique)
		if len(tuples) == 0 {
			continue
		}
		rows, err := s.ReadBy(s.Table, unique, tuples, lock)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return s.Table.Unique(found), nil
}

// Uniques are the unique keys of the table, as far as they are known, and what the
// statement itself says it conflicts on: perhaps a partial index.
func Uniques(s *statement.Statement) [][]string {
	uniques := s.Table.Catalog.Uniques
	if len(uniques) == 0 && len(s.Table.Key) > 0 {
		uniques = [][]string{s.Table.KeyNames()}
	}
	if len(s.Target) > 0 && !slices.ContainsFunc(uniques, func(u []string) bool { return slices.Equal(u, s.Target) }) {
		uniques = append(slices.Clone(uniques), s.Target)
	}
	return uniques
}

// ReadStored reads what the statement left behind: rows it returned, rows that
// were there before, and rows with the keys that were sent or generated.
func ReadStored(s *statement.Statement, vals clause.Values, before []table.Row, out statement.Outcome) ([]table.Row, error) {
	t := s.Table
	stored, err := readByUniques(s, vals, s.Dialect.ReadLock)
	if err != nil {
		return nil, err
	}
	var tuples [][]any
	if out.Rows != nil {
		tuples, _ = returnedKeys(t, out.Rows)
	}
	for _, b := range before {
		tuples = append(tuples, t.KeyParams(b.Image, b.Raw))
	}
	if len(stored) == 0 && len(tuples) == 0 {
		// Nothing sent could conflict: a plain insert.
		generated, ok := insertedKeys(s, vals, out)
		if !ok || len(t.Key) == 0 {
			for _, img := range sent(s, vals, out) {
				stored = append(stored, table.Row{Image: img})
			}
			return stored, nil
		}
		tuples = generated
	}
	if len(tuples) > 0 && len(t.Key) > 0 {
		rows, err := s.ReadByKey(t, tuples)
		if err != nil {
			return nil, err
		}
		stored = append(stored, rows...)
	}
	return t.Unique(stored), nil
}
