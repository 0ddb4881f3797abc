package mysql

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// rekeyed records what an upsert of one row made of the row that it met, where it assigned
// the key: that row stands under the key that was assigned, and no other has changed. It
// reports false where the key is not known ahead, or where that is not how it was.
func (m met) rekeyed(s *statement.Statement, oc clause.OnConflict, vals clause.Values) (bool, error) {
	t := s.Table
	if len(vals.Values) != 1 || m.hits != 1 || len(m.before) != 1 || !assignsKey(s, oc) {
		return false, nil
	}
	was := m.before[0]
	key := t.KeyParams(was.Image, was.Raw)
	for n, name := range t.KeyNames() {
		for _, a := range oc.DoUpdates {
			if statement.ColumnName(a) != name {
				continue
			}
			v, ok := assigned(a, vals)
			if !ok {
				return false, nil
			}
			key[n] = v
		}
	}
	rows, err := s.ReadByKey(t, [][]any{key})
	if err != nil || len(rows) != 1 {
		return false, err
	}
	if !table.Same(was.Image, rows[0].Image) {
		s.Changed(t, was.Image, rows[0].Image)
	}
	return true, nil
}

// assigned is the value of an assignment: one that was written down, or the one that was
// sent for a column.
func assigned(a clause.Assignment, vals clause.Values) (any, bool) {
	v := a.Value
	if c, ok := v.(clause.Column); ok {
		at := statement.ColumnAt(vals, c.Name)
		if c.Table != "excluded" || at < 0 {
			return nil, false
		}
		v = vals.Values[0][at]
	}
	return v, v != nil && !statement.IsExpression(v)
}
