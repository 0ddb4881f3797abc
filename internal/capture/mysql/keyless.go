package mysql

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// recordKeyless is record for a table without a key. Its rows are told apart by a unique key
// that the statement leaves alone; those that have none are recorded as they were sent.
func recordKeyless(s *statement.Statement, oc clause.OnConflict, added clause.Values, hits []hit) error {
	met := make([]table.Row, len(hits))
	for n, h := range hits {
		met[n] = h.row
	}
	t := capture.ByUnique(s, oc, met...)
	if t == nil {
		if len(hits) > 0 {
			return s.Refuse("the table has no key, and nothing else tells which rows it met")
		}
		if len(added.Values) == 0 {
			return nil
		}
		for _, img := range capture.Sent(s, added, statement.Outcome{}) {
			s.Changed(s.Table, nil, img)
		}
		return nil
	}
	rows := followed(t, hits)
	has := keysOf(s, added)
	if slices.ContainsFunc(met, func(r table.Row) bool { return has(r.Image) }) {
		return s.Refuse("the table has no key, and rows of one statement met each other")
	}
	tuples := make([][]any, len(rows))
	for n, m := range rows {
		tuples[n] = t.KeyParams(m.was.Image, m.was.Raw)
	}
	rest := clause.Values{Columns: added.Columns}
	for _, v := range added.Values {
		img := sentImage(s, added, v)
		if slices.ContainsFunc(t.Key, func(k int) bool { return img[k] == nil || img[k] == unknown }) {
			rest.Values = append(rest.Values, v)
			continue
		}
		one := clause.Values{Columns: added.Columns, Values: [][]any{v}}
		tuples = append(tuples, statement.TuplesOf(one, t.KeyNames())...)
	}
	after, err := s.ReadByKey(t, tuples)
	if err != nil {
		return err
	}
	if len(after) != len(tuples) {
		return s.Refuse("%d rows were stored, and %d are found", len(tuples), len(after))
	}
	if len(rest.Values) > 0 {
		for _, img := range capture.Sent(s, rest, statement.Outcome{}) {
			s.Changed(s.Table, nil, img)
		}
	}
	return compare(s, t, false, rows, after)
}
