package mysql

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// met is a row that an upsert met, once or more often.
type met struct {
	was table.Row // as it was met first
	now table.Row // with the key that it has afterwards
	own bool      // the statement itself had inserted it
}

// followed are the rows that were hit. One that got another key is met again under that.
func followed(t *table.Table, hits []hit) []*met {
	var rows []*met
	at := make(map[string]*met, len(hits))
	for _, h := range hits {
		id := t.Identity(h.row.Image)
		m := at[id]
		if m == nil {
			m = &met{was: h.row, now: h.row}
			rows = append(rows, m)
		}
		if h.key.Image != nil {
			delete(at, id)
			m.now = table.Row{Image: slices.Clone(m.now.Image), Raw: slices.Clone(m.now.Raw)}
			for n, k := range t.Key {
				m.now.Image[k], m.now.Raw[k] = h.key.Image[n], h.key.Raw[n]
			}
			id = t.Identity(m.now.Image)
		}
		at[id] = m
	}
	return rows
}

// nows are the rows with the keys that they have afterwards.
func nows(rows []*met) []table.Row {
	list := make([]table.Row, len(rows))
	for n, m := range rows {
		list[n] = m.now
	}
	return list
}

// fresh are the rows that none of those that were met is.
func fresh(t *table.Table, rows []*met, after []table.Row) []table.Row {
	_, added := capture.Split(t, nows(rows), t.Unique(slices.Clone(after)))
	return added
}
