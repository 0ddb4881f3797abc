package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// past is a row as it was.
type past struct {
	img image
	// kind is the type that the row's records have, "" without records.
	kind string
	// first is the first record after the moment, nil without one.
	first *audit.Record
	// movedTo is the record id that the row has now, if its key was changed.
	movedTo string
}

// head is where the records of one row lie around a moment.
type head struct {
	// m is the moment; where the row's own times name it, that of the change.
	m Moment
	// last is the row's last record up to the moment, first the next one; nil without.
	last, first *audit.Record
	// cut is the seq behind which records are later.
	cut int64
}

// kind is the type that the row's records have, "" without records.
func (h *head) kind() string {
	switch {
	case h.last != nil:
		return h.last.RecordType
	case h.first != nil:
		return h.first.RecordType
	}
	return ""
}

// counts reports whether a record behind the moment is of the moment: one that the
// row's own times name is that of the change.
func (h *head) counts(t *rowTable, r *audit.Record) bool {
	return h.first == nil && !h.m.bySeq && t.stamped(r, h.m.time)
}

// upTo makes r the last record.
func (h *head) upTo(r *audit.Record) { h.last, h.cut = r, r.Seq }

func (t *rowTable) head(ctx context.Context, id rowID, m Moment) (head, error) {
	q := t.q.ofRow(t.name, id.recordID).rows()
	h := head{m: m, cut: m.seq}
	if !m.bySeq {
		h.cut = math.MinInt64
	}
	last, err := q.upTo(m).Newest().Limit(1).few(ctx)
	if err != nil {
		return h, err
	}
	if len(last) > 0 {
		if h.last = &last[0]; !m.bySeq {
			h.cut = h.last.Seq
		}
	}
	for {
		next, err := q.behind(h.cut).First(ctx)
		switch {
		case errors.Is(err, ErrNotFound):
			return h, nil
		case err != nil:
			return h, err
		case h.counts(t, &next):
			h.upTo(&next)
			continue
		}
		h.first = &next
		return h, nil
	}
}

// atFrom puts the row together as it was at m, or returns [ErrNotFound].
//
// The first record after m that speaks of a column tells what it was; of a column
// that none speaks of, the present row does.
func (t *rowTable) atFrom(ctx context.Context, id rowID, m Moment, present []any) (past, error) {
	if err := t.checkActions(); err != nil {
		return past{}, err
	}
	h, err := t.head(ctx, id, m)
	if err != nil {
		return past{img: make(image, len(t.columns))}, err
	}
	if h.last == nil {
		if err := t.checkPruned(ctx, m, h.kind()); err != nil {
			return past{}, err
		}
		if err := t.checkBegun(ctx, m); err != nil {
			return past{}, err
		}
	}
	return t.conclude(ctx, id, h, present, nil, true)
}

// conclude puts the row together. w has gone through the records behind the moment;
// nil where nobody has. thinned tells that of its own records some may have been pruned.
func (t *rowTable) conclude(ctx context.Context, id rowID, h head, present []any, w *walker, thinned bool) (past, error) {
	p := past{img: make(image, len(t.columns)), kind: h.kind(), first: h.first}
	m := h.m
	if h.last != nil && h.last.Time.After(m.time) {
		m = AtSeq(h.cut)
	}
	var whose []string
	if thinned {
		whose = []string{id.recordID}
	}
	if err := t.checkPruned(ctx, m, p.kind, whose...); err != nil {
		return p, err
	}
	existed, err := t.existedAt(ctx, id, m, h.last, h.first, present != nil)
	if err != nil {
		return p, err
	}
	if !existed {
		return p, fmt.Errorf("%w: row %q of table %q did not exist then", ErrNotFound, id.recordID, t.bare)
	}
	if h.last == nil {
		if err := t.checkGuess(ctx, m); err != nil {
			return p, err
		}
	}
	if w == nil {
		w = t.newWalker(p.img, id, present)
		w.trust(h.last, present)
		if err := w.along(ctx, h.cut); err != nil {
			return p, err
		}
	}
	p.img = w.img
	complete, now, err := t.arrive(ctx, w, present)
	if now.recordID != id.recordID {
		p.movedTo = now.recordID
	}
	if err != nil || complete {
		return p, err
	}
	// The records after the moment do not lead to the present, since the row went
	// away unrecorded. Those before it may still know.
	return p, t.lookBack(ctx, p.img, t.q.ofRow(t.name, id.recordID).rows(), h.cut)
}

// existedAt tells whether the row was there. last is its last record up to the
// moment, first the next one.
func (t *rowTable) existedAt(ctx context.Context, id rowID, m Moment, last, first *audit.Record, present bool) (bool, error) {
	switch {
	case last != nil && t.stays(id, last):
		if first == nil && !present || first != nil && first.Action == audit.Create {
			return t.outlived(ctx, id, m, last, first)
		}
		return true, nil
	case first != nil && first.Action == audit.Create:
		return false, nil
	case first == nil && !present:
		return false, nil
	}
	// The row is older than its records, or came to its key from another one.
	until := int64(math.MaxInt64)
	if first != nil {
		until = first.Seq
	}
	arrival, err := t.arrival(ctx, id, t.q.from(m).ahead(until))
	return arrival == nil && err == nil, err
}

// stays reports whether the row is still there, under its key, after r.
func (t *rowTable) stays(id rowID, r *audit.Record) bool {
	switch r.Action {
	case audit.Delete:
		return false
	case audit.Create, audit.Event:
		return true
	}
	to, moved := t.movedTo(id, r)
	return !moved || to.recordID == id.recordID
}

// arrival returns the newest update, among those that q asks for, that gave a row
// the key id. It is nil when there is none.
func (t *rowTable) arrival(ctx context.Context, id rowID, q Query) (*audit.Record, error) {
	if t.settings.fixedKeys || t.arrived != nil && !t.arrived[id.recordID] {
		return nil, nil
	}
	names := make([]string, len(t.key))
	for i, k := range t.key {
		names[i] = t.columns[k].name
	}
	q = q.ofTable(t.name).Action(audit.Update, audit.SoftDelete, audit.Restore).Column(names...).Newest()
	for r, err := range q.All(ctx) {
		if err != nil {
			return nil, err
		}
		if to, moved := t.movedTo(rowID{recordID: r.RecordID}, &r); moved && to.recordID == id.recordID {
			return &r, nil
		}
	}
	return nil, nil
}

// walk goes through the records of a row behind cut, and under other keys if the
// row moves to one, and sets each column from the first record that tells what it
// was before, or else from the present row. It reports whether the records led
// there, and under which key.
func (t *rowTable) walk(ctx context.Context, img image, id rowID, cut int64, present []any) (complete bool, now rowID, err error) {
	w := t.newWalker(img, id, present)
	if err := w.along(ctx, cut); err != nil {
		return false, id, err
	}
	return t.arrive(ctx, w, present)
}

// arrive ends a walk: under the key that the row moved to, or at the present row.
func (t *rowTable) arrive(ctx context.Context, w *walker, present []any) (complete bool, now rowID, err error) {
	for w.end.moved && (t.thorough || !w.complete()) {
		end := w.end
		w.id, w.end = end.to, walkEnd{}
		if present, err = t.one(ctx, w.id.key, false); err != nil {
			return false, w.id, err
		}
		if err := w.along(ctx, end.seq); err != nil {
			return false, w.id, err
		}
	}
	now = w.id
	switch {
	case w.end.moved:
		now = w.end.to
	case w.end.deleted:
	case w.end.replaced || present == nil:
		if !w.complete() {
			return false, now, nil
		}
	}
	if present != nil && !w.end.moved && !w.end.deleted && !w.end.replaced {
		t.fillPresent(w.img, present)
	} else {
		t.fillAbsent(w.img)
	}
	return true, now, t.maybeRenamed(ctx, w)
}

// lookBack sets the columns that are still open from the records up to seq, newest
// first; what none of them tells is lost.
func (t *rowTable) lookBack(ctx context.Context, img image, q Query, seq int64) error {
	for r, err := range q.upTo(AtSeq(seq)).Newest().All(ctx) {
		if err != nil {
			return err
		}
		if r.Action == audit.Create || r.Action == audit.Event {
			t.fill(img, r.After, true)
			return nil
		}
		if r.Action == audit.Delete {
			break
		}
		t.fillUpdate(img, &r, r.After)
		if !slices.ContainsFunc(img, func(c cell) bool { return c.state == unset }) {
			break
		}
	}
	for i := range img {
		if img[i].state == unset {
			img[i] = cell{state: lost}
		}
	}
	return nil
}
