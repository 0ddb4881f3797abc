package history

import (
	"context"
	"fmt"
	"iter"
	"math"
	"reflect"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// Version is one state of a row.
type Version[T any] struct {
	// Record is the record that led to the state. It is zero for the state of a row
	// that is older than its records.
	Record audit.Record
	// Row is the row after the record, nil when it did not exist.
	Row *T
	// Gaps names the columns of Row that are zero because they are not known.
	Gaps Gaps
}

// Versions returns an iterator over the states that a row was in, oldest first. row
// is a pointer to a struct whose key fields are set; it is not changed.
//
//	for v, err := range history.Versions(ctx, db, &user) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(v.Record.Time, v.Record.Actor.Name, v.Row.Phone)
//	}
//
// Rows are put together as by [AsOf], and what cannot be known is in Gaps, not an
// error. A row older than its records, or whose first ones were pruned, starts with
// a version without a record; where only the creation and the last records were kept,
// one stands between them. Under a key that several rows had in turn, all of
// them appear. The trail is read three times in pages and not held in memory. An
// error ends the iteration; it comes with a zero version.
func Versions[T any](ctx context.Context, db *gorm.DB, row *T, opts ...Option) iter.Seq2[Version[T], error] {
	return func(yield func(Version[T], error) bool) {
		err := versions(ctx, db, row, settingsOf(opts), func(t *rowTable, r audit.Record, img image) (bool, error) {
			v := Version[T]{Record: r}
			if img != nil {
				v.Row = new(T)
				t.settings.gaps = &v.Gaps
				if err := t.give(ctx, db, img, t.bare, reflect.ValueOf(v.Row).Elem()); err != nil {
					return false, err
				}
			}
			return yield(v, nil), nil
		})
		if err != nil {
			yield(Version[T]{}, err)
		}
	}
}

// versions calls f for each state until it has enough.
func versions(ctx context.Context, db *gorm.DB, model any, set settings, f func(t *rowTable, r audit.Record, img image) (bool, error)) error {
	if err := set.alone("Versions"); err != nil {
		return err
	}
	_, s, err := destination(db, model)
	if err != nil {
		return err
	}
	t, err := openModel(ctx, db, set, s)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.checkActions(); err != nil {
		return err
	}
	id, present, err := t.find(ctx, model, false)
	if err != nil {
		return err
	}
	v := &replaying{t: t, id: id, present: present, emit: func(r audit.Record, img image) (bool, error) { return f(t, r, img) }}
	if err := v.lastMentions(ctx); err != nil {
		return err
	}
	return v.run(ctx)
}

// lastMentions notes for each column the seq of the last record that sets it, and which
// columns may have been renamed.
func (v *replaying) lastMentions(ctx context.Context) error {
	t := v.t
	v.lastly = map[int]int64{}
	v.renamed = func(int) bool { return false }
	for r, err := range t.q.ofRow(t.name, v.id.recordID).rows().All(ctx) {
		if err != nil {
			return err
		}
		for name := range r.After {
			if i, ok := t.index[name]; ok {
				v.lastly[i] = r.Seq
			} else if !t.q.isDropped(name) && !allTruncated(r.After) {
				v.strangeSeq = r.Seq
			}
		}
	}
	if v.strangeSeq == 0 {
		return nil
	}
	var err error
	v.renamed, err = t.renamedSince(ctx, v.strangeSeq)
	return err
}

// replaying goes forward through the records of one key.
type replaying struct {
	t       *rowTable
	id      rowID
	present []any
	lastly  map[int]int64
	// renamed tells which columns may have had another name up to strangeSeq.
	renamed    func(i int) bool
	strangeSeq int64
	img        image // nil while there is no row
	gap        bool  // records behind the last one, a creation or a baseline, may be gone
	seen       int64 // seq of the last record
	emit       func(r audit.Record, img image) (bool, error)
}

func (v *replaying) run(ctx context.Context) error {
	v.seen = math.MinInt64
	any := false
	for r, err := range v.t.q.ofRow(v.t.name, v.id.recordID).rows().All(ctx) {
		if err != nil {
			return err
		}
		any = true
		if v.gap {
			v.img, v.gap = nil, false
		}
		if v.img == nil && r.Action != audit.Create {
			// A baseline itself shows the row.
			if more, err := v.appear(ctx, r.Seq, r.Action != audit.Event); err != nil || !more {
				return err
			}
		}
		if r.Action == audit.Create || r.Action == audit.Event {
			if v.gap, err = v.t.gap(ctx, v.id, &r); err != nil {
				return err
			}
		}
		v.apply(&r)
		v.seen = r.Seq
		if more, err := v.emit(r, v.img); err != nil || !more {
			return err
		}
	}
	if v.img == nil && v.present != nil {
		any = true
		if _, err := v.appear(ctx, math.MaxInt64, true); err != nil {
			return err
		}
	}
	if !any {
		return fmt.Errorf("%w: row %q of table %q", ErrNotFound, v.id.recordID, v.t.bare)
	}
	return nil
}

// appear puts together a row that is there before its next record, and shows it:
// with the record that gave it its key, if there is one, and if it is not shown next.
func (v *replaying) appear(ctx context.Context, next int64, show bool) (more bool, err error) {
	arrival, err := v.t.arrival(ctx, v.id, v.t.q.behind(v.seen).ahead(next))
	if err != nil {
		return false, err
	}
	v.img = make(image, len(v.t.columns))
	complete, _, err := v.t.walk(ctx, v.img, v.id, v.seen, v.present)
	if err != nil {
		return false, err
	}
	if !complete {
		for i := range v.img {
			if v.img[i].state == unset {
				v.img[i].state = lost
			}
		}
	}
	var r audit.Record
	if arrival != nil {
		r = *arrival
	}
	if !show {
		return true, nil
	}
	return v.emit(r, v.img)
}

// apply makes of the row what r says.
func (v *replaying) apply(r *audit.Record) {
	t := v.t
	if !t.stays(v.id, r) {
		v.img = nil
		return
	}
	next := make(image, len(t.columns))
	if r.Action == audit.Create {
		t.fill(next, r.After, true)
	} else {
		t.fillUpdate(next, r, r.After)
	}
	for i := range next {
		switch {
		case next[i].state == absent && r.Seq <= v.strangeSeq && v.renamed(i):
			next[i].state = lost
		case next[i].state == unset:
			next[i] = v.img[i]
		case v.present != nil && !v.gap && (next[i].state != known && v.lastly[i] == r.Seq || next[i].state == absent && v.lastly[i] == 0):
			// Nothing has changed it since: the row itself tells.
			next[i] = t.now(i, v.present[i])
		}
	}
	v.img = next
}
