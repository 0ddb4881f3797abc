package history

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// settle finds out what rows are to be: what they were, or gone where they were not.
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
	var todo []*undoing
	for _, recordID := range slices.Sorted(maps.Keys(ids)) {
		p, existed := found[recordID]
		var u *undoing
		switch first := firsts[recordID]; {
		case existed:
			var changed bool
			if changed, err = t.restorable(ids[recordID], p, present[recordID]); changed {
				u, err = f.v.aim(ctx, t, ids[recordID], *p.first, p.img, present[recordID])
			}
		case present[recordID] != nil && first != nil:
			u, err = f.v.aim(ctx, t, ids[recordID], *first, nil, present[recordID])
		case present[recordID] != nil:
			err = &ConflictError{Table: t.bare, RecordID: recordID, Reason: "it came to its key from another one"}
		}
		if err != nil {
			return err
		}
		if u != nil {
			u.association = at.path
			todo = append(todo, u)
		}
	}
	// What changed last is set back first, as far as nothing speaks against it.
	rank := []audit.Action{audit.Create, audit.Update, audit.Delete}
	slices.SortStableFunc(todo, func(a, b *undoing) int {
		order := cmp.Compare(slices.Index(rank, a.kind()), slices.Index(rank, b.kind()))
		if order == 0 && a.kind() == audit.Update {
			return cmp.Compare(b.r.Seq, a.r.Seq)
		}
		return order
	})
	f.todo = append(f.todo, todo...)
	return nil
}
