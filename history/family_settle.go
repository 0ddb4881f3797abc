package history

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// settle makes rows what they were, or deletes the ones that were not.
func (f *familyReverter) settle(ctx context.Context, at *layer, ids map[string]rowID) error {
	t := at.table
	if f.done[t.name] == nil {
		f.done[t.name] = map[string]bool{}
	}
	present := map[string][]any{}
	for recordID := range ids {
		if f.done[t.name][recordID] {
			delete(ids, recordID)
			continue
		}
		f.done[t.name][recordID] = true
		if raw := f.locked[t.name][recordID]; raw != nil {
			present[recordID] = raw
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, firsts, err := t.manyAt(ctx, ids, present, f.m)
	if err != nil {
		return err
	}
	if _, err := f.v.only(t); err != nil {
		return err
	}
	var deeds []*deed
	for _, recordID := range slices.Sorted(maps.Keys(ids)) {
		p, existed := found[recordID]
		var d *deed
		switch first := firsts[recordID]; {
		case existed:
			d, err = f.v.restoration(ctx, t, ids[recordID], p, present[recordID])
		case present[recordID] != nil && first != nil:
			d, err = f.v.removal(&undoing{t: t, r: *first, id: ids[recordID]}, present[recordID])
		case present[recordID] != nil:
			err = &ConflictError{Table: t.bare, RecordID: recordID, Reason: "it came to its key from another one"}
		}
		if err != nil {
			return err
		}
		if d != nil {
			d.step.Association = at.path
			deeds = append(deeds, d)
		}
	}
	return f.perform(ctx, t, deeds)
}

// perform does what was decided, rows to which the same happened together, unless they
// may refer to each other. What changed last is set back first: it may hold a unique value
// that another row had before.
func (f *familyReverter) perform(ctx context.Context, t *rowTable, deeds []*deed) error {
	if _, err := t.references(ctx); err != nil {
		return err
	}
	rank := []audit.Action{"", audit.Delete, audit.Update, audit.Create}
	slices.SortStableFunc(deeds, func(a, b *deed) int {
		order := cmp.Or(cmp.Compare(slices.Index(rank, a.step.Action), slices.Index(rank, b.step.Action)), cmp.Compare(a.u.r.Action, b.u.r.Action))
		if order == 0 && a.step.Action == audit.Update {
			return cmp.Compare(b.u.r.Seq, a.u.r.Seq)
		}
		return order
	})
	for len(deeds) > 0 {
		n := 1
		for n < len(deeds) && n < revertBatch && !t.selfReferring && deeds[n].step.Action == deeds[0].step.Action && deeds[n].u.r.Action == deeds[0].u.r.Action {
			n++
		}
		if err := f.v.perform(ctx, t, deeds[:n]); err != nil {
			return err
		}
		deeds = deeds[n:]
	}
	return nil
}
