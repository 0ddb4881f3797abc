package capture

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// insertThroughView captures an INSERT into a view of which nobody counts the rows: its
// triggers do what they like with them. What the view shows under the keys that were sent,
// before and after, tells what they did; a row that it does not show is recorded as sent.
func insertThroughView(s *statement.Statement) (statement.Outcome, error) {
	t, vals := s.Table, s.Values()
	rows := vals.Values
	if len(vals.Columns) == 0 {
		rows = [][]any{nil} // DEFAULT VALUES
	}
	tuples := statement.TuplesOf(vals, t.KeyNames())
	if len(t.Key) == 0 || len(tuples) != len(rows) {
		out, err := s.Plain()
		if err != nil {
			return out, err
		}
		for _, img := range imagesSent(s, vals, rows) {
			s.Changed(t, nil, img)
		}
		return out, nil
	}
	before, err := s.ReadByKey(t, tuples)
	if err != nil {
		return statement.Outcome{}, err
	}
	out, err := s.Plain()
	if err != nil {
		return out, err
	}
	after, err := s.ReadByKey(t, tuples)
	if err != nil {
		return out, err
	}
	return out, compareShown(s, vals, before, after)
}

// compareShown makes changes of what a view shows, and of what it does not.
func compareShown(s *statement.Statement, vals clause.Values, before, after []table.Row) error {
	t := s.Table
	was, err := byIdentity(s, before, t.Key)
	if err != nil {
		return err
	}
	is, err := byIdentity(s, after, t.Key)
	if err != nil {
		return err
	}
	met := map[string]bool{}
	for i, key := range statement.TuplesOf(vals, t.KeyNames()) {
		img := make(table.Image, len(t.Columns))
		for n, k := range t.Key {
			img[k] = t.Rules[k].Normalise(key[n])
		}
		id := t.Identity(img)
		if met[id] {
			continue
		}
		met[id] = true
		b, a := was[id], is[id]
		switch {
		case b != nil && a == nil:
			s.Changed(t, b, nil)
		case a == nil:
			for _, img := range imagesSent(s, vals, vals.Values[i:i+1]) {
				s.Changed(t, nil, img)
			}
		case b == nil || !table.Same(b, a):
			s.Changed(t, b, a)
		}
	}
	return nil
}
