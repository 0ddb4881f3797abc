package history

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
)

// revertBatch is how many rows are read, written and read back at once.
const revertBatch = 500

// undoAll undoes the records in the order given, neighbours that concern the same table
// in the same way together.
func (v *reverter) undoAll(ctx context.Context, todo []*undoing) error {
	for len(todo) > 0 {
		n := batchOf(todo)
		if err := v.undoBatch(ctx, todo[:n]); err != nil {
			return err
		}
		todo = todo[n:]
	}
	return nil
}

// batchOf is how many of the first can be undone together: no row twice, none that is
// read under a key which another one gets back only now, and no rows that may refer to
// each other, where the database would see to it row by row.
func batchOf(todo []*undoing) int {
	head := todo[0]
	seen := map[string]bool{}
	for n, u := range todo {
		key := keyText(u.id.key)
		switch {
		case n == revertBatch || u.t != head.t || u.part != head.part || u.kind() != head.kind() || seen[key],
			n > 0 && u.t.selfReferring && head.kind() != audit.Delete:
			return n
		}
		seen[key] = true
		if u.old != nil {
			seen[keyText(u.old)] = true
		}
	}
	return len(todo)
}

// kind tells apart what is undone: a creation, a deletion or a change.
func (u *undoing) kind() audit.Action {
	switch {
	case u.goal != nil:
		return u.goal.undoes
	case u.r.Action == audit.Create || u.r.Action == audit.Delete:
		return u.r.Action
	}
	return audit.Update
}

func (v *reverter) undoBatch(ctx context.Context, batch []*undoing) error {
	t := batch[0].t
	keys := make([][]any, len(batch))
	for n, u := range batch {
		keys[n] = u.id.key
	}
	// Where nothing is expected nothing is locked: MySQL would lock the gap.
	present, err := t.byKey(ctx, keys, batch[0].kind() != audit.Delete || batch[0].part == secondHalf)
	if err != nil {
		return err
	}
	if err := t.findMovedBack(ctx, batch, present); err != nil {
		return err
	}
	later := &laterChanges{t: t, batch: batch}
	deeds := make([]*deed, len(batch))
	for n, u := range batch {
		if deeds[n], err = v.decide(ctx, u, present[keyText(u.id.key)], later); err != nil {
			return err
		}
	}
	return v.perform(ctx, t, deeds)
}

// findMovedBack finds rows that have their old key again: a foreign key that changes along
// with what it refers to has done so when that was undone.
func (t *rowTable) findMovedBack(ctx context.Context, batch []*undoing, present map[string][]any) error {
	moved := map[string]*undoing{}
	var keys [][]any
	for _, u := range batch {
		if u.from != nil && present[keyText(u.id.key)] == nil {
			moved[keyText(u.from.key)], keys = u, append(keys, u.from.key)
		}
	}
	back, err := t.byKey(ctx, keys, true)
	if err != nil {
		return err
	}
	for key, row := range back {
		if u := moved[key]; u != nil {
			u.id, present[key] = *u.from, row
		}
	}
	return nil
}

// byKey reads the present rows by their keys.
func (t *rowTable) byKey(ctx context.Context, keys [][]any, lock bool) (map[string][]any, error) {
	rows, err := t.read(ctx, keys, lock)
	if err != nil {
		return nil, err
	}
	found := make(map[string][]any, len(rows))
	for _, raw := range rows {
		found[keyText(t.keyOf(raw))] = raw
	}
	for _, key := range keys {
		// One that the database spells otherwise: alone, it is the one found.
		if len(keys) == 1 && len(rows) == 1 {
			found[keyText(key)] = rows[0]
		}
	}
	return found, nil
}

// perform writes what was decided, looks at what became of it, and takes the steps down.
func (v *reverter) perform(ctx context.Context, t *rowTable, deeds []*deed) error {
	by := map[audit.Action][]*deed{}
	for _, d := range deeds {
		by[d.step.Action] = append(by[d.step.Action], d)
	}
	if err := v.remove(ctx, t, by[audit.Delete]); err != nil {
		return err
	}
	if err := v.update(ctx, t, by[audit.Update]); err != nil {
		return err
	}
	if err := v.insert(ctx, t, by[audit.Create]); err != nil {
		return err
	}
	if err := v.lookAt(ctx, t, deeds); err != nil {
		return err
	}
	for _, d := range deeds {
		v.done.Steps = append(v.done.Steps, d.step)
	}
	return nil
}

// lookAt reads the rows that were written, and compares them with what was meant.
func (v *reverter) lookAt(ctx context.Context, t *rowTable, deeds []*deed) error {
	var keys [][]any
	for _, d := range deeds {
		if d.step.Action != "" {
			keys = append(keys, d.key)
		}
	}
	stored, err := t.byKey(ctx, keys, false)
	if err != nil {
		return err
	}
	for _, d := range deeds {
		row, exists := stored[keyText(d.key)]
		switch {
		case d.step.Action == "":
			continue
		case exists == (d.step.Action == audit.Delete):
			return d.u.conflict("the database wrote no row")
		}
		if err := v.note(d, row); err != nil {
			return err
		}
	}
	return nil
}
