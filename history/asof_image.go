package history

import (
	"context"
	"errors"
	"fmt"
	"math"

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

// at puts the row together as it was at m, or returns [ErrNotFound].
//
// The first record after m that speaks of a column tells what it was; of a column
// that none speaks of, the present row does. What the present row holds is read
// first, so that a change made meanwhile is found in the records.
func (t *rowTable) at(ctx context.Context, id rowID, m Moment) (past, error) {
	present, err := t.one(ctx, id.key, false)
	if err != nil {
		return past{}, err
	}
	return t.atFrom(ctx, id, m, present)
}

func (t *rowTable) atFrom(ctx context.Context, id rowID, m Moment, present []any) (past, error) {
	q := t.q.ofRow(t.bare, id.recordID).rows()
	p := past{img: make(image, len(t.columns))}
	last, err := q.upTo(m).Newest().First(ctx)
	hasLast := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return p, err
	}
	cut := m.seq
	if !m.bySeq {
		cut = math.MinInt64
		if hasLast {
			cut = last.Seq
		}
	}
	first, err := q.behind(cut).First(ctx)
	hasFirst := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return p, err
	}
	if hasFirst {
		p.first, p.kind = &first, first.RecordType
	}
	if hasLast {
		p.kind = last.RecordType
	}
	if err := t.checkPruned(ctx, m, p.kind, id.recordID); err != nil {
		return p, err
	}
	existed, err := t.existedAt(ctx, id, m, pick(hasLast, &last), p.first, present != nil)
	if err != nil {
		return p, err
	}
	if !existed {
		return p, fmt.Errorf("%w: row %q of table %q did not exist then", ErrNotFound, id.recordID, t.bare)
	}
	complete, now, err := t.walk(ctx, p.img, id, cut, present)
	if now.recordID != id.recordID {
		p.movedTo = now.recordID
	}
	if err != nil || complete {
		return p, err
	}
	// The records after the moment do not lead to the present, since the row went
	// away unrecorded. Those before it may still know.
	return p, t.lookBack(ctx, p.img, q, cut)
}

func pick(ok bool, r *audit.Record) *audit.Record {
	if ok {
		return r
	}
	return nil
}

// existedAt tells whether the row was there. last is its last record up to the
// moment, first the next one.
func (t *rowTable) existedAt(ctx context.Context, id rowID, m Moment, last, first *audit.Record, present bool) (bool, error) {
	switch {
	case last != nil && t.stays(id, last):
		return true, nil // and if a creation is next, went away unrecorded, nobody knows when
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
	if r.Action == audit.Delete {
		return false
	}
	if r.Action == audit.Create {
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
	q = q.ofTable(t.bare).Action(audit.Update, audit.SoftDelete, audit.Restore).Column(names...).Newest()
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
	for {
		end, err := t.walkKey(ctx, img, id, cut)
		if err != nil {
			return false, id, err
		}
		switch {
		case end.deleted:
			return true, id, nil
		case end.replaced:
			return false, id, nil
		case end.moved:
			id, cut = end.to, end.seq
			if present, err = t.one(ctx, id.key, false); err != nil {
				return false, id, err
			}
			continue
		case present == nil:
			return false, id, nil
		}
		t.fillPresent(img, present)
		return true, id, nil
	}
}

// walkEnd is where the records under one key led.
type walkEnd struct {
	deleted bool
	// replaced: another row has the key now; this one went away unrecorded.
	replaced bool
	// moved: the row has the key to now, since the record with seq.
	moved bool
	to    rowID
	seq   int64
}

func (t *rowTable) walkKey(ctx context.Context, img image, id rowID, cut int64) (walkEnd, error) {
	for r, err := range t.q.ofRow(t.bare, id.recordID).rows().behind(cut).All(ctx) {
		if err != nil {
			return walkEnd{}, err
		}
		switch r.Action {
		case audit.Create:
			return walkEnd{replaced: true}, nil
		case audit.Delete:
			t.fill(img, r.Before, true)
			return walkEnd{deleted: true}, nil
		default:
			t.fillUpdate(img, &r, r.Before)
			if to, moved := t.movedTo(id, &r); moved && to.recordID != id.recordID {
				return walkEnd{moved: true, to: to, seq: r.Seq}, nil
			}
		}
	}
	return walkEnd{}, nil
}

// lookBack sets the columns that are still open from the records up to seq, newest
// first; what none of them tells is lost.
func (t *rowTable) lookBack(ctx context.Context, img image, q Query, seq int64) error {
	for r, err := range q.upTo(AtSeq(seq)).Newest().All(ctx) {
		if err != nil {
			return err
		}
		if r.Action == audit.Create {
			t.fill(img, r.After, true)
			return nil
		}
		if r.Action == audit.Delete {
			break
		}
		t.fillUpdate(img, &r, r.After)
	}
	for i := range img {
		if img[i].state == unset {
			img[i] = cell{state: lost}
		}
	}
	return nil
}
