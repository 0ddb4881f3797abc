package mysql

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// record finds out what the rows that were met have become, and which are new. stored are
// the rows that the statement returned, nil where it did not; added are those of vals that
// met no row.
func record(s *statement.Statement, vals, added clause.Values, ask asked, hits []hit, stored [][]any, out statement.Outcome) error {
	rows, t := followed(s.Table, hits), s.Table
	var err error
	var after []table.Row
	if stored != nil && !ask.key { // a row that was moved later was returned under its old key
		for _, r := range stored {
			after = append(after, ask.form.Row(t, r))
		}
	} else {
		s.Form = ask.form
		if after, err = capture.ReadStored(s, vals, nows(rows), out); err != nil {
			return err
		}
		if after, err = withoutPassedOver(s, rows, vals, added, after); err != nil {
			return err
		}
		if after, err = withGenerated(s, added, len(added.Values)-len(fresh(t, rows, after)), after, out); err != nil {
			return err
		}
	}
	if err := settled(s, rows, added, after); err != nil {
		return err
	}
	return compare(s, t, ask.key, rows, after)
}

// withGenerated adds the rows whose keys the database made up, where fewer are found than it
// inserted: rows with keys of their own were sent beside them.
func withGenerated(s *statement.Statement, added clause.Values, missing int, after []table.Row, out statement.Outcome) ([]table.Row, error) {
	if missing <= 0 {
		return after, nil
	}
	rows, err := s.ReadByKey(s.Table, capture.CountedKeys(s, added, out, missing))
	return s.Table.Unique(append(after, rows...)), err
}

// compare makes changes of what is there afterwards: of rows that were met, where they have
// changed, and of new ones. t tells rows apart; moved tells that keys may have been handed on.
func compare(s *statement.Statement, t *table.Table, moved bool, rows []*met, after []table.Row) error {
	there, was := make(map[string]bool, len(after)), make(map[string]table.Image, len(rows))
	for _, a := range after {
		there[t.Identity(a.Image)] = true
	}
	for _, m := range rows {
		id := t.Identity(m.now.Image)
		if !there[id] && t.Catalog.Kind != catalog.View {
			return s.Refuse("a row that it met is not found again")
		}
		if !m.own {
			was[id] = m.was.Image
		}
	}
	capture.Compare(s, t, was, after, moved)
	return nil
}
