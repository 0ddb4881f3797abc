package record

import (
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/change"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Differ decides what is recorded of a change, redacted.
type Differ struct {
	// Limit is the size above which a value is recorded as its length and hash.
	Limit Limit
	// SkipTimestamps leaves out updates in which nothing changed but columns that GORM
	// sets by itself.
	SkipTimestamps bool
}

// Decide fills in d, whose slices are used again. It is false when nothing that is
// recorded has changed.
func (f Differ) Decide(c *change.Change, d *Difference) (bool, error) {
	*d = Difference{Table: c.Table, ID: c.ID, Cause: c.Cause, Before: c.Before, After: c.After, Secret: c.Table.SecretRow(c.Before, c.After), Columns: d.Columns[:0], Changes: d.Changes[:0]}
	switch {
	case c.Before == nil:
		d.Action = audit.Create
		return true, nil
	case c.After == nil:
		d.Action = audit.Delete
		return true, nil
	}
	t, timestampsOnly := c.Table, true
	for _, i := range t.ByName {
		before, after := c.Before[i], c.After[i]
		if t.Show[i].Hidden || values.Equal(before, after) {
			continue
		}
		if !d.Secret || !t.Show[i].Setting {
			before, after = t.Plan.Opened(t.Show[i].Model, before, after)
		}
		at := len(d.Changes)
		if err := f.append(d, i, before, after); err != nil {
			return false, err
		}
		if len(d.Changes) == at {
			continue // only keys that are never recorded differ
		}
		if f.byPath(d, i, before, after) {
			at = -1
		}
		d.Columns = append(d.Columns, Column{i, at})
		timestampsOnly = timestampsOnly && t.Timestamps[t.Show[i].Model]
	}
	if len(d.Columns) == 0 || f.SkipTimestamps && timestampsOnly {
		return false, nil
	}
	d.Action = t.Action(c.Before, c.After)
	return true, nil
}

// byPath reports whether a column's values are compared by path.
func (f Differ) byPath(d *Difference, i int, before, after any) bool {
	show := &d.Table.Show[i]
	if show.Pseudonym || d.Secret && show.Setting {
		return false
	}
	return table.IsDocument(before) || table.IsDocument(after)
}

// append adds the changes of one column, by path.
func (f Differ) append(d *Difference, i int, before, after any) error {
	t := d.Table
	if !f.byPath(d, i, before, after) {
		// The values are known to differ.
		d.Changes = append(d.Changes, audit.Change{Path: t.Show[i].Path, From: f.Limit.shown(d, i, before), To: f.Limit.shown(d, i, after)})
		return nil
	}
	found, err := t.Plan.Changes(t.Model.Table, t.Show[i].Model, before, after)
	if err != nil {
		return err
	}
	for _, c := range found {
		d.Changes = append(d.Changes, audit.Change{
			Path: diffpath.Join(append([]string{t.Columns[i].Name}, c.Path...)),
			From: values.Limit(c.From, int(f.Limit)),
			To:   values.Limit(c.To, int(f.Limit)),
		})
	}
	return nil
}
