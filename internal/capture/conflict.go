package capture

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// readConflicting reads the rows that one of the VALUES could conflict with, by
// every unique key of the table.
func readConflicting(s *statement.Statement, vals clause.Values) ([]table.Row, error) {
	lock, locks := s.Dialect.ConflictLock(s.Table.Catalog, s.Table.Name.Alias)
	if !locks {
		s.Note("image", "unlocked")
	}
	return readByUniques(s, vals, lock)
}

// foreseen reports whether a row that the statement stored was found before, if it was there:
// what it is met by was sent, or is NULL, which meets nothing.
func foreseen(s *statement.Statement, vals clause.Values, stored table.Image) bool {
	keys := [][]string{s.Target}
	if len(s.Target) == 0 {
		if s.Table.Catalog.PartialUniques {
			return false
		}
		keys = s.Table.Catalog.Uniques
	}
	return !slices.ContainsFunc(keys, func(key []string) bool {
		unknown := false
		for _, name := range key {
			at, known := s.Table.At(name)
			if known && stored[at] == nil {
				return false
			}
			unknown = unknown || !known || statement.ColumnAt(vals, name) < 0 && !mayCount(s.Table, at)
		}
		return unknown
	})
}

// mayCount reports whether the database counts a column up, as far as that is known.
func mayCount(t *table.Table, at int) bool {
	c, known := t.Column(at)
	return !known || c.AutoIncrement
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
	if t := s.Table; len(t.Key) == 0 {
		return t.By(union(t, Uniques(s))).Unique(found), nil
	}
	return s.Table.Unique(found), nil
}

// union are the positions of all columns of some keys.
func union(t *table.Table, keys [][]string) []int {
	var at []int
	for _, key := range keys {
		for _, k := range t.Positions(key) {
			if !slices.Contains(at, k) {
				at = append(at, k)
			}
		}
	}
	return at
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
		tuples, _ = returnedKeys(s, vals, out.Rows)
	}
	for _, b := range before {
		tuples = append(tuples, t.KeyParams(b.Image, b.Raw))
	}
	tuples = append(tuples, assignedKeys(s, vals, before)...)
	if len(stored) == 0 && len(tuples) == 0 {
		// Nothing sent could conflict: a plain insert.
		generated, ok := insertedKeys(s, vals, out)
		if !ok || len(t.Key) == 0 {
			for _, img := range Sent(s, vals, out) {
				stored = append(stored, table.Row{Image: img})
			}
			return stored, nil
		}
		tuples = generated
	}
	if len(t.Key) == 0 {
		return append(t.Unique(stored), loose(s, vals)...), nil
	}
	if len(tuples) > 0 {
		rows, err := s.ReadByKey(t, tuples)
		if err != nil {
			return nil, err
		}
		stored = append(stored, rows...)
	}
	return t.Unique(stored), nil
}

// loose are the rows in VALUES that have no unique key, which nothing finds again, as they
// were sent.
func loose(s *statement.Statement, vals clause.Values) []table.Row {
	rest := clause.Values{Columns: vals.Columns}
	for _, v := range vals.Values {
		if !slices.ContainsFunc(Uniques(s), func(unique []string) bool {
			return !slices.ContainsFunc(unique, func(name string) bool {
				at, known := s.Table.At(name)
				sent := statement.ColumnAt(vals, name)
				return !known || sent < 0 || !statement.IsExpression(v[sent]) && s.Table.Rules[at].Normalise(v[sent]) == nil
			})
		}) {
			rest.Values = append(rest.Values, v)
		}
	}
	if len(rest.Values) == 0 {
		return nil
	}
	var rows []table.Row
	for _, img := range Sent(s, rest, statement.Outcome{}) {
		rows = append(rows, table.Row{Image: img})
	}
	return rows
}
