package record

import (
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// Of is the record of a difference. base is what the records of its statement share.
func (l Limit) Of(base *audit.Record, d *Difference) audit.Record {
	t, r := d.Table, *base
	if r.ID = d.ID; r.ID == "" {
		r.ID = entry.NewID()
	}
	if d.Cause != "" {
		r.Cause = d.Cause
	}
	r.Action, r.RecordType, r.Table = d.Action, t.RecordType, t.Model.Table
	if r.Tenant == "" {
		r.Tenant = t.Tenant
	}
	r.RecordID = t.RecordID(d.Identified())
	switch {
	case d.Before == nil:
		r.After = l.whole(d, d.After)
		return r
	case d.After == nil:
		r.Before = l.whole(d, d.Before)
		return r
	}
	n := len(d.Columns)
	r.Changed, r.Before, r.After = make([]string, n), make(map[string]any, n), make(map[string]any, n)
	for i, c := range d.Columns {
		name := t.Columns[c.At].Name
		r.Changed[i] = name
		r.Before[name] = l.shown(d, c.At, d.Before[c.At])
		r.After[name] = l.shown(d, c.At, d.After[c.At])
	}
	r.Changes = d.Changes
	if !slices.IsSortedFunc(r.Changes, ByPath) {
		slices.SortStableFunc(r.Changes, ByPath)
	}
	return r
}
