package history

import (
	"context"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// walker goes through a row's records, oldest first, and takes from each what it tells
// of the row before it.
type walker struct {
	t     *rowTable
	img   image
	id    rowID
	end   walkEnd
	setBy []int64 // the seq of the record that told of each column, -1 for the key
	// strange are the names of columns that the table does not have, and the seq of the
	// last record that spoke of one.
	strange    map[string]bool
	strangeSeq int64
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

func (e walkEnd) any() bool { return e.deleted || e.replaced || e.moved }

func (t *rowTable) newWalker(img image, id rowID, present []any) *walker {
	w := &walker{t: t, img: img, id: id, setBy: make([]int64, len(img)), strange: map[string]bool{}}
	for n, k := range t.key { // the key is known as long as the row has it
		w.setBy[k] = -1
		switch {
		case img[k].state != unset:
		case present != nil:
			img[k] = t.now(k, present[k])
		case id.key != nil:
			img[k] = cell{state: known, value: id.key[n]}
		}
	}
	return w
}

// step takes one record, and reports whether the walk goes on.
func (w *walker) step(r *audit.Record) bool {
	t := w.t
	switch r.Action {
	case audit.Create:
		w.end.replaced = true
	case audit.Delete:
		w.notice(r, r.Before)
		t.fill(w.img, r.Before, true)
		w.end.deleted = true
	case audit.Event: // a baseline; what it hides, the present row may still show
		w.notice(r, r.After)
		shown := make(image, len(w.img))
		t.fill(shown, r.After, false)
		for i := range shown {
			if w.img[i].state == unset && shown[i].state == known {
				w.img[i] = shown[i]
			}
		}
	default:
		w.notice(r, r.Before)
		t.fillUpdate(w.img, r, r.Before)
		if to, moved := t.movedTo(w.id, r); moved && to.recordID != w.id.recordID {
			w.end.moved, w.end.to, w.end.seq = true, to, r.Seq
		}
	}
	for i := range w.img {
		if w.setBy[i] == 0 && w.img[i].state != unset {
			w.setBy[i] = r.Seq
		}
	}
	return !w.end.any() && (w.t.thorough || !w.complete())
}

func (w *walker) notice(r *audit.Record, columns map[string]any) {
	for name := range columns {
		if _, ok := w.t.index[name]; !ok && !w.t.q.isDropped(name) && !allTruncated(columns) {
			w.strange[name], w.strangeSeq = true, r.Seq
		}
	}
}

// complete reports whether no record can tell more.
func (w *walker) complete() bool {
	for i := range w.img {
		if w.img[i].state == unset && !w.t.columns[i].ignored {
			return false
		}
	}
	return true
}

// open lists the columns that are not known yet.
func (w *walker) open() []string {
	var names []string
	for i := range w.img {
		if w.img[i].state == unset && !w.t.columns[i].ignored {
			names = append(names, w.t.columns[i].name)
		}
	}
	return names
}

const (
	// walkPage is how many of a row's records are read before the database is asked to
	// pass over those that say nothing new.
	walkPage = 50
	// walkMore is how many are read at once from then on.
	walkMore = 20
)

// trust takes from a record of the whole row, which is the last one up to the moment,
// what the present row still says: whatever became of it in between, it was so.
func (w *walker) trust(last *audit.Record, present []any) {
	if last == nil || present == nil || last.Action != audit.Create && last.Action != audit.Event {
		return
	}
	for i := range w.img {
		v, ok := last.After[w.t.columns[i].name]
		if w.img[i].state != unset || !ok {
			continue
		}
		then, now := w.t.fromRecord(i, v), w.t.now(i, present[i])
		if then.state == known && values.Equal(then.value, now.value) {
			w.img[i], w.setBy[i] = now, -1
		}
	}
}

// along goes through the records behind cut under one key.
func (w *walker) along(ctx context.Context, cut int64) error {
	q := w.t.q.ofRow(w.t.name, w.id.recordID)
	records, err := q.rows().behind(cut).Limit(walkPage).Find(ctx)
	size := walkPage
	var kept bool
	for {
		if err != nil {
			return err
		}
		for i := range records {
			if cut = records[i].Seq; !w.step(&records[i]) {
				return nil
			}
		}
		if len(records) < size {
			return nil
		}
		if size == walkPage {
			if kept, err = w.t.keptNames(ctx, w.id); err != nil {
				return err
			}
			size = walkMore
		}
		records, err = q.behind(cut).telling(w.t, w.open(), !kept).Limit(size).few(ctx)
	}
}

// telling narrows q to records of rows that end one or begin one, move its key, or speak of
// one of the columns, or, with others, of columns that the table does not have.
func (q Query) telling(t *rowTable, columns []string, others bool) Query {
	names := slices.Clone(columns)
	for _, k := range t.key {
		names = append(names, t.columns[k].name)
	}
	return q.where(func(b *builder) (clause.Expression, error) {
		found := []clause.Expression{among{"action", []any{string(audit.Create), string(audit.Delete), string(audit.Event)}}}
		var all []string
		for _, name := range names {
			all = append(all, b.names(name)...)
		}
		says, err := b.sql.MayHaveChanged(all)
		if err != nil {
			return nil, err
		}
		found = append(found, says...)
		if others {
			if e := b.saysOther(t); e != nil {
				found = append(found, e)
			}
		}
		return condition.OneOf(found), nil
	}).rows()
}
