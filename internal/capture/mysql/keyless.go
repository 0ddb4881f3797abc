package mysql

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// recordKeyless is record for a table without a key. Its rows are told apart by a unique key
// that stays as it is; those that have none are recorded as they were sent.
func recordKeyless(s *statement.Statement, oc clause.OnConflict, added clause.Values, hits []hit) error {
	seen := make([]table.Row, len(hits))
	for n, h := range hits {
		seen[n] = h.row
	}
	t := capture.ByUnique(s, oc, seen...)
	if t == nil {
		t = capture.ByTarget(s, oc)
	}
	if t == nil || slices.ContainsFunc(seen, func(r table.Row) bool { return r.Image.HasNull(t.Key) }) {
		if len(hits) > 0 {
			return s.Refuse("the table has no key, and nothing else tells which rows it met")
		}
		recordSent(s, added)
		return nil
	}
	rest := clause.Values{Columns: added.Columns}
	var tuples [][]any
	inserted := make(map[string]bool, len(added.Values))
	for _, v := range added.Values {
		img := sentImage(s, added, v)
		if slices.ContainsFunc(t.Key, func(k int) bool { return img[k] == nil || img[k] == unknown }) {
			rest.Values = append(rest.Values, v)
			continue
		}
		inserted[t.Identity(img)] = true
		tuples = append(tuples, statement.TuplesOf(clause.Values{Columns: added.Columns, Values: [][]any{v}}, t.KeyNames())...)
	}
	rows := followed(t, hits)
	for _, m := range rows {
		if m.own = inserted[t.Identity(m.was.Image)]; !m.own {
			tuples = append(tuples, t.KeyParams(m.was.Image, m.was.Raw))
		}
	}
	after, err := s.ReadByKey(t, tuples)
	if err != nil {
		return err
	}
	if len(after) != len(tuples) {
		return s.Refuse("%d rows were stored, and %d are found", len(tuples), len(after))
	}
	recordSent(s, rest)
	return compare(s, t, false, rows, after)
}

// recordSent records new rows as they were sent, for nothing finds them again.
func recordSent(s *statement.Statement, added clause.Values) {
	if len(added.Values) == 0 {
		return
	}
	for _, img := range capture.Sent(s, added, statement.Outcome{}) {
		s.Changed(s.Table, nil, img)
	}
}
