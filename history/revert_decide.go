package history

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// undoing is one record that is to be undone.
type undoing struct {
	t  *rowTable
	r  audit.Record
	id rowID // where the row is now
	// old is the key that it had before, which undoing gives back.
	old []any
	// from is where it was, if its key was changed along with another row's.
	from *rowID
	// part is which half of it, where foreign keys that lead in a circle need two.
	part half
	// loose are the columns of foreign keys that the first half leaves NULL.
	loose map[int]bool
	// unsure are columns of which nothing tells whether they changed since.
	unsure []string
	// goal is what the row is to be, whatever has happened to it; nil for what the record
	// says.
	goal *goal
	// between are values that the row has for a while, so that another gets its own.
	between map[int]cell
	// association is the one by which the row belongs to another, if any.
	association string
}

type half uint8

const (
	undivided  half = iota
	firstHalf       // without the loose columns, or, before a deletion, setting them NULL
	secondHalf      // what the first half left
	parked          // with a value in between, so that another row can have its own
)

// deed is what is done to one row.
type deed struct {
	u       *undoing
	step    RevertStep
	present []any        // nil: the row is not there
	want    map[int]cell // what the columns are to be
	set     map[int]any  // arguments for those that are written
	key     []any        // the row's afterwards
}

// prepare finds out which row a record is about.
func (v *reverter) prepare(ctx context.Context, r audit.Record) (*undoing, error) {
	t, err := v.table(ctx, r.Table)
	if err != nil {
		return nil, err
	}
	if _, err := v.only(t); err != nil {
		return nil, err
	}
	id := rowID{recordID: r.RecordID, key: t.keyOfID(r.RecordID)}
	old := id.key
	var from *rowID
	if moved, ok := t.movedTo(id, &r); ok {
		if r.Cause != "" && id.key != nil && moved.recordID != id.recordID {
			from = &rowID{id.recordID, id.key}
		}
		id = moved
	}
	if whole, ok := wholeImage(r); ok {
		if key := t.recordedKey(whole); key != nil {
			id.key = key
		}
	}
	if id.key == nil {
		if id.key, err = t.wholeKey(ctx, id.recordID); err != nil {
			return nil, err
		}
	}
	switch {
	case id.key == nil && isCut(id.recordID):
		return nil, fmt.Errorf("%w: no record has the whole key of row %q of table %q", ErrNoKey, id.recordID, t.bare)
	case id.key == nil && t.keyMayBeNull():
		return nil, fmt.Errorf("%w: record %q does not tell whether a part of the key of table %q is NULL", ErrNoKey, r.ID, t.bare)
	case id.key == nil:
		return nil, fmt.Errorf("%w: the key of table %q", ErrRedacted, t.bare)
	}
	return &undoing{t: t, r: r, id: id, old: old, from: from}, nil
}

// wholeImage is the image of a whole row, if the record has one.
func wholeImage(r audit.Record) (map[string]any, bool) {
	switch r.Action {
	case audit.Create:
		return r.After, true
	case audit.Delete:
		return r.Before, true
	}
	return nil, false
}

func (t *rowTable) keyMayBeNull() bool {
	return len(t.nullableKey()) > 0 && !slices.ContainsFunc(t.key, func(k int) bool { return t.columns[k].secret })
}

// decide compares the row with what the record left, and says what to do.
func (v *reverter) decide(ctx context.Context, u *undoing, present []any, later *laterChanges) (*deed, error) {
	switch {
	case u.part == firstHalf && u.kind() == audit.Create:
		return v.loosen(ctx, u, present)
	case u.part == secondHalf:
		return v.complete(ctx, u, present)
	case u.goal != nil:
		return v.reach(ctx, u, present)
	case u.r.Action == audit.Create:
		return v.undoCreate(ctx, u, present, later)
	case u.r.Action == audit.Delete:
		return v.undoDelete(ctx, u, present)
	}
	return v.undoUpdate(ctx, u, present, later)
}

func (u *undoing) conflict(reason string, columns ...string) error {
	e := &ConflictError{Table: u.t.bare, RecordID: u.id.recordID, Columns: columns, Reason: reason}
	for _, name := range columns {
		if slices.Contains(u.unsure, name) {
			e.Unsure = append(e.Unsure, name)
		}
	}
	return e
}

// nothing notes that the row is as it should be.
func (u *undoing) nothing(present []any) *deed {
	return &deed{u: u, step: RevertStep{Record: u.r, Table: u.t.bare, RecordID: u.id.recordID, Association: u.association}, present: present, key: u.id.key}
}

func (v *reverter) undoCreate(ctx context.Context, u *undoing, present []any, later *laterChanges) (*deed, error) {
	if present == nil {
		return u.nothing(nil), nil
	}
	conflicts, err := v.changedSince(ctx, u, present, u.r.After, later)
	if err != nil {
		return nil, err
	}
	if len(conflicts) > 0 && !v.settings.revert.force {
		return nil, u.conflict("", conflicts...)
	}
	return v.removal(u, present)
}

func (v *reverter) undoDelete(ctx context.Context, u *undoing, present []any) (*deed, error) {
	t, want := u.t, u.t.wanted(u.r.Before)
	if present == nil {
		return v.insertion(ctx, u, want)
	}
	only, err := v.only(t)
	if err != nil {
		return nil, err
	}
	for i, c := range want {
		column := &t.columns[i]
		if only != nil && !only[i] {
			continue
		}
		if c.state == known && !column.computed && !column.counts && !values.Equal(c.value, t.now(i, present[i]).value) && !v.settings.revert.force {
			return nil, u.conflict("there is a row with this key again")
		}
	}
	return v.change(ctx, u, present, want)
}

func (v *reverter) undoUpdate(ctx context.Context, u *undoing, present []any, later *laterChanges) (*deed, error) {
	t, r := u.t, u.r
	if present == nil {
		return nil, u.conflict("it is gone")
	}
	want := t.wanted(r.Before)
	if allTruncated(r.Before) {
		want = map[int]cell{}
		for _, name := range r.Changed {
			if i, ok := t.index[name]; ok {
				want[i] = cell{state: lost}
			}
		}
	}
	conflicts, err := v.changedSince(ctx, u, present, r.After, later)
	if err != nil {
		return nil, err
	}
	only, err := v.only(t)
	if err != nil {
		return nil, err
	}
	var real, kept []string
	for _, name := range conflicts {
		i := t.index[name]
		c := want[i]
		switch {
		case only != nil && !only[i]:
			// It is not set back.
		case c.state == known && values.Equal(c.value, t.now(i, present[i]).value):
			// It has its old value already.
		case t.columns[i].touched || t.columns[i].counts:
			delete(want, i) // a later update's
		case t.columns[i].mayBeTriggered(t) && later.always(u, name):
			delete(want, i)
			kept = append(kept, name)
		default:
			real = append(real, name)
		}
	}
	if len(real) > 0 && !v.settings.revert.force {
		return nil, u.conflict("", real...)
	}
	d, err := v.change(ctx, u, present, want)
	if err == nil {
		d.step.Left = append(d.step.Left, kept...)
	}
	return d, err
}

// loosen sets foreign keys NULL before the row is removed.
func (v *reverter) loosen(ctx context.Context, u *undoing, present []any) (*deed, error) {
	if present == nil {
		return u.nothing(nil), nil
	}
	if whole, err := v.wholeRow(u); err != nil || !whole {
		return u.nothing(present), err
	}
	want := map[int]cell{}
	for i := range u.loose {
		want[i] = cell{state: known}
	}
	return v.change(ctx, u, present, want)
}

// complete sets the foreign keys that the first half of an insertion, or of an update,
// left out.
func (v *reverter) complete(ctx context.Context, u *undoing, present []any) (*deed, error) {
	if present == nil {
		if u.kind() == audit.Delete && v.settings.revert.columns != nil {
			return u.nothing(nil), nil // it was not inserted
		}
		return nil, u.conflict("it is gone")
	}
	want := u.t.wanted(u.r.Before)
	if u.goal != nil {
		want = u.goal.cells(present)
	}
	maps.DeleteFunc(want, func(i int, _ cell) bool { return !u.loose[i] })
	return v.change(ctx, u, present, want)
}
