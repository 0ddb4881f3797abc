package mysql

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// settled accounts for the rows that the statement inserted, where fewer are found. Texts
// that a collation takes for the same ("Go" and "go") meet each other within a statement,
// which only the database can tell: those that were met once less than sent are the
// statement's own. What is still missing then is stored under a key that does not equal what
// was sent, and the write is refused.
func (m met) settled(s *statement.Statement, oc clause.OnConflict, vals clause.Values, after []table.Row) (met, error) {
	t := s.Table
	missing := func() int { return m.inserted(vals) - m.fresh(t, after) }
	if missing() <= 0 || len(t.Key) == 0 || assignsKey(s, oc) || capture.Ignores(s) || t.Catalog.Kind == catalog.View {
		return m, nil
	}
	var before []table.Row
	for _, r := range m.before {
		sent := 0
		if missing() > 0 {
			meets, err := meetings(s, vals, r)
			if err != nil {
				return m, err
			}
			for _, is := range meets {
				if is {
					sent++
				}
			}
		}
		if m.times[t.Identity(r.Image)] < sent {
			m.own = append(m.own, r)
		} else {
			before = append(before, r)
		}
	}
	m.before = before
	if n := missing(); n > 0 {
		return m, s.Refuse("%d rows that were inserted are not found by the keys that were sent or generated", n)
	}
	return m, nil
}
