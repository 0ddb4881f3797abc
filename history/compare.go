package history

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Diff tells what of a row was different at two moments, by path: from what it was
// at one to what it was at the other, whichever is earlier. Where the row did not
// exist, values are nil.
//
//	changes, err := history.Diff(ctx, db, &user, monday, friday)
//
// model is as for [Of], moments as for [AsOf]. Values are those of the records,
// redacted as they are: a secret that was changed in between is listed, masked on
// both sides, and a value that was changed and changed back is not. It fails with
// [ErrBeforeTrail] and [ErrPruned] as [AsOf] does.
func Diff[A, B When](ctx context.Context, db *gorm.DB, model any, from A, to B, opts ...Option) ([]audit.Change, error) {
	set := settingsOf(opts)
	if err := set.alone("Diff"); err != nil {
		return nil, err
	}
	s, name, err := meant(db, model)
	if err != nil {
		return nil, err
	}
	t, err := openTable(ctx, db, set, s, name)
	if err != nil {
		return nil, err
	}
	id, _, err := t.find(ctx, model, false)
	if err != nil {
		return nil, err
	}
	a, err := momentOf(ctx, t.q, from)
	if err != nil {
		return nil, err
	}
	b, err := momentOf(ctx, t.q, to)
	if err != nil {
		return nil, err
	}
	return t.diff(ctx, id, a, b)
}

func (t *rowTable) diff(ctx context.Context, id rowID, a, b Moment) ([]audit.Change, error) {
	first, err := t.cut(ctx, id, a)
	if err != nil {
		return nil, err
	}
	last, err := t.cut(ctx, id, b)
	if err != nil {
		return nil, err
	}
	backwards := first > last
	if backwards {
		first, last = last, first
	}
	d := difference{from: map[string]any{}, to: map[string]any{}, secret: map[string]audit.Change{}}
	kind := ""
	if last > math.MinInt64 {
		q := t.q.ofRow(t.name, id.recordID).rows().behind(first).upTo(AtSeq(last))
		for r, err := range q.All(ctx) {
			if err != nil {
				return nil, err
			}
			kind = r.RecordType
			d.left = d.left || r.Action != audit.Delete && !t.stays(id, &r)
			d.add(&r)
		}
	}
	for _, m := range []Moment{a, b} {
		if err := t.checkPruned(ctx, m, kind, id.recordID); err != nil {
			return nil, err
		}
		if err := t.checkBegun(ctx, m); err != nil {
			return nil, err
		}
		if d.created { // it did not exist before
			continue
		}
		if err := t.checkGuess(ctx, m); err != nil {
			return nil, err
		}
	}
	moved, err := t.moved(ctx, id, &d, first, last)
	if err != nil {
		return nil, err
	}
	if moved {
		return t.apart(ctx, id, a, b)
	}
	changes, err := d.changes()
	if backwards {
		for i := range changes {
			changes[i].From, changes[i].To = changes[i].To, changes[i].From
		}
	}
	return changes, err
}

// cut is the seq behind which the row's records are later than m.
func (t *rowTable) cut(ctx context.Context, id rowID, m Moment) (int64, error) {
	if m.bySeq {
		return m.seq, nil
	}
	r, err := t.q.ofRow(t.name, id.recordID).rows().upTo(m).Newest().First(ctx)
	if errors.Is(err, ErrNotFound) {
		return math.MinInt64, nil
	}
	return r.Seq, err
}

// difference adds up the records of one row.
type difference struct {
	from, to map[string]any
	created  bool // by the first record
	left     bool // its key for another one
	any      bool
	secret   map[string]audit.Change // changes whose values are masked, by path
}

func (d *difference) add(r *audit.Record) {
	if r.Action == audit.Create {
		d.created = d.created || !d.any
	}
	d.any = true
	if r.Action == audit.Event { // a baseline changes nothing
		for name, v := range r.After {
			if _, known := d.from[name]; !known {
				d.from[name] = v
			}
			d.to[name] = v
		}
		return
	}
	if !d.created {
		for name, v := range r.Before {
			if _, known := d.from[name]; !known {
				d.from[name] = v
			}
		}
	}
	if r.Action == audit.Delete {
		d.to = map[string]any{}
	}
	for name, v := range r.After {
		d.to[name] = v
		if _, known := d.from[name]; !known {
			d.from[name] = nil // the row did not exist, or the column did not
		}
	}
	for _, c := range r.Changes {
		if hides(c.From, true) || hides(c.To, true) {
			d.secret[c.Path] = c
		}
	}
}

func (d *difference) changes() ([]audit.Change, error) {
	var all []audit.Change
	listed := map[string]bool{}
	for name := range d.from {
		from, to := d.from[name], d.to[name]
		if values.Equal(from, to) && !hides(from, true) {
			continue
		}
		found, err := diffpath.Changes(from, to)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			path := diffpath.Join(append([]string{name}, c.Path...))
			listed[path] = true
			all = append(all, audit.Change{Path: path, From: c.From, To: c.To})
		}
	}
	// What looks the same because both sides are masked.
	for path, c := range d.secret {
		if !listed[path] && isMask(c.From) && isMask(c.To) {
			all = append(all, audit.Change{Path: path, From: c.From, To: c.To})
		}
	}
	slices.SortFunc(all, func(a, b audit.Change) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// isMask reports whether a recorded value is masked, not hashed: of hashes one can
// tell whether the values were the same.
func isMask(v any) bool { return hides(v, true) && !isHash(v) }
