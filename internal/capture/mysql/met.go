package mysql

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// withoutMet leaves out of after the rows that were only found by a unique key which
// the statement sent, but did not insert: where a row that was sent meets two rows
// by two keys, MySQL updates one of them, and the other stays as it is. A row that was
// sent and met another inserted nothing, be that one of before or one of the
// statement's own. Where the key is assigned, a row may stand under another one than
// its before image, and all are kept. Where as many rows are new as the statement
// inserted, there is nothing to leave out: a row that was met may have given up the
// key by which another was then inserted.
func withoutMet(s *statement.Statement, oc clause.OnConflict, vals clause.Values, m met, after []table.Row) ([]table.Row, error) {
	if assignsKey(s, oc) || m.fresh(s.Table, after) == m.inserted(vals) {
		return after, nil
	}
	sent := keysSent(s, vals)
	hits := make([]bool, len(sent)) // which of the rows that were sent met one
	known := make(map[string]bool, len(m.before)+len(m.own))
	for _, r := range slices.Concat(m.before, m.own) {
		known[s.Table.Identity(r.Image)] = true
		meets, err := meetings(s, vals, r)
		if err != nil {
			return nil, err
		}
		for n, keys := range sent {
			hits[n] = hits[n] || meets[n] || keys.meet(r.Image) // by a value that it may have no longer
		}
	}
	var kept []table.Row
	for _, r := range after {
		var meets []bool
		if !known[s.Table.Identity(r.Image)] {
			var err error
			if meets, err = meetings(s, vals, r); err != nil {
				return nil, err
			}
		}
		one, inserts := false, false
		for n, is := range meets {
			one, inserts = one || is, inserts || is && !hits[n]
		}
		if !one || inserts {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// assignsKey reports whether the upsert gives rows that it meets another key.
func assignsKey(s *statement.Statement, oc clause.OnConflict) bool {
	return slices.ContainsFunc(oc.DoUpdates, func(a clause.Assignment) bool {
		// GORM words DO NOTHING as an assignment of the key to itself.
		if c, ok := a.Value.(clause.Column); ok && c.Name == a.Column.Name && c.Table != "excluded" {
			return false
		}
		return slices.Contains(s.Table.KeyNames(), statement.ColumnName(a))
	})
}

// withGenerated adds the rows whose keys the database made up, where rows with keys of
// their own were sent beside them.
func withGenerated(s *statement.Statement, vals clause.Values, m met, after []table.Row, out statement.Outcome) ([]table.Row, error) {
	missing := m.inserted(vals) - m.fresh(s.Table, after)
	if missing <= 0 {
		return after, nil
	}
	rows, err := s.ReadByKey(s.Table, capture.CountedKeys(s, vals, out, missing))
	return s.Table.Unique(append(after, rows...)), err
}

// inserted is how many rows the statement inserted and did not meet again.
func (m met) inserted(vals clause.Values) int { return max(1, len(vals.Values)) - m.hits - len(m.own) }

// fresh is how many of rows were neither there before nor met again.
func (m met) fresh(t *table.Table, rows []table.Row) int {
	known := make(map[string]bool, len(m.before)+len(m.own))
	for _, r := range slices.Concat(m.before, m.own) {
		known[t.Identity(r.Image)] = true
	}
	n := 0
	for _, r := range rows {
		if !known[t.Identity(r.Image)] {
			n++
		}
	}
	return n
}

// sentKey is a unique key of a row that was sent: its columns and their values.
type sentKey struct {
	at   []int
	vals table.Image
}

type sentKeys []sentKey

// keysSent are the unique keys of each row in VALUES, as far as they are literal.
func keysSent(s *statement.Statement, vals clause.Values) []sentKeys {
	all := make([]sentKeys, len(vals.Values))
	for _, unique := range capture.Uniques(s) {
		at := s.Table.Positions(unique)
		if at == nil {
			continue
		}
		for n, v := range vals.Values {
			one := clause.Values{Columns: vals.Columns, Values: [][]any{v}}
			for _, tuple := range statement.TuplesOf(one, unique) {
				key := sentKey{at: at, vals: make(table.Image, len(at))}
				for i, k := range at {
					key.vals[i] = s.Table.Rules[k].Normalise(tuple[i])
				}
				if !slices.Contains(key.vals, nil) {
					all[n] = append(all[n], key)
				}
			}
		}
	}
	return all
}

// meet reports whether a row has one of the keys.
func (s sentKeys) meet(img table.Image) bool {
	return slices.ContainsFunc(s, func(key sentKey) bool {
		for i, k := range key.at {
			if !values.Equal(key.vals[i], img[k]) {
				return false
			}
		}
		return true
	})
}
