package observe

import (
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// Tally is what was recorded, by action and table, and the first records of it. There are
// no more counts than there are actions on models' tables, however many records.
type Tally struct {
	counts []audit.Count
	first  []audit.Mention
	// table is the last one that was counted, label how it is called.
	table, label string
}

// Add counts a record. t is nil at first, and what is returned after.
func (o *Observers) Add(t *Tally, id string, action audit.Action, table string) *Tally {
	if o == nil {
		return nil
	}
	if t == nil {
		t = &Tally{}
	}
	if t.table != table {
		t.table, t.label = table, o.tableOf(table)
	}
	if len(t.first) < audit.MostMentions {
		t.first = append(t.first, audit.Mention{ID: id, Action: action, Table: t.label})
	}
	t.count(action, t.label, 1)
	return t
}

// Remove takes a record out that was counted and is gone.
func (o *Observers) Remove(t *Tally, id string, action audit.Action, table string) {
	if o == nil || t == nil {
		return
	}
	t.first = slices.DeleteFunc(t.first, func(m audit.Mention) bool { return m.ID == id })
	t.count(action, o.tableOf(table), -1)
	t.counts = slices.DeleteFunc(t.counts, func(c audit.Count) bool { return c.Records <= 0 })
}

func (t *Tally) count(action audit.Action, table string, n int) {
	for i := range t.counts {
		if c := &t.counts[i]; c.Action == action && c.Table == table {
			c.Records += n
			return
		}
	}
	t.counts = append(t.counts, audit.Count{Action: action, Table: table, Records: n})
}

// Clone is a copy for a savepoint.
func (t *Tally) Clone() *Tally {
	if t == nil {
		return nil
	}
	return &Tally{counts: slices.Clone(t.counts), first: slices.Clone(t.first)}
}
