package history

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// rowThen is a row as it was at a moment, with the rows that belonged to it.
type rowThen struct {
	id   rowID
	past past
	// fresh is a pointer to the struct without associations, once it was made.
	fresh reflect.Value
	// exists tells that there is a row with this key now.
	exists bool
	// subs are the rows by each association, in the order of their key.
	subs map[*branch][]*rowThen
}

// layer are all rows that belonged by one association, in the order of their key.
type layer struct {
	branch *branch // nil for the row itself
	path   string
	table  *rowTable
	rows   []*rowThen
	// join holds the rows of the join table of a many2many, which is joining.
	join    *layer
	joining bool
	subs    []*layer
}

// then finds what belonged to rows at a moment.
type then struct {
	open     *tables
	m        Moment
	unscoped bool
	// keep says whether to go on below rows of an association that have not been
	// owned by the rows above; nil goes on.
	keep func(path string, row *rowThen) bool
}

// owns reports whether rows of the association are part of the row above: has one
// and has many, not rows that are only referred to.
func (b *branch) owns() bool {
	return b.rel.JoinTable == nil && b.rel.Type != schema.BelongsTo
}

// grow finds the rows of the branches below those of a layer.
func (f *then) grow(ctx context.Context, at *layer, tree []*branch) error {
	for _, b := range tree {
		links, err := f.open.links(ctx, at.table, b)
		if err != nil {
			return err
		}
		next := &layer{branch: b, path: b.path, table: links[len(links)-1].to}
		// above holds for each row the rows of at that it belongs to.
		above := map[*rowThen][]*rowThen{}
		for _, row := range at.rows {
			above[row] = []*rowThen{row}
		}
		from := at.rows
		for n, l := range links {
			belongs, rows, err := l.then(ctx, f, b.path, from)
			if err != nil {
				return err
			}
			reached := map[*rowThen][]*rowThen{}
			for _, row := range from {
				for _, sub := range belongs[row] {
					reached[sub] = append(reached[sub], above[row]...)
				}
			}
			from, above = rows, reached
			if n < len(links)-1 {
				next.join = &layer{branch: b, path: b.path, table: l.to, rows: rows, joining: true}
			}
		}
		for _, row := range from {
			if f.keep == nil || b.owns() || f.keep(b.path, row) {
				next.rows = append(next.rows, row)
			}
			for _, parent := range above[row] {
				if parent.subs == nil {
					parent.subs = map[*branch][]*rowThen{}
				}
				if !slices.Contains(parent.subs[b], row) {
					parent.subs[b] = append(parent.subs[b], row)
				}
			}
		}
		at.subs = append(at.subs, next)
		if err := f.grow(ctx, next, b.subs); err != nil {
			return err
		}
	}
	return nil
}

// then returns the rows that belonged to those of from, and all of them in the order
// of their key.
func (l *link) then(ctx context.Context, f *then, path string, from []*rowThen) (map[*rowThen][]*rowThen, []*rowThen, error) {
	t := l.to
	ask := newAsked[*rowThen](l) // rows of from
	for _, row := range from {
		vals, err := l.leftThen(row, path)
		if err != nil {
			return nil, nil, err
		}
		ask.add(vals, row)
	}
	if len(ask.tuples) == 0 {
		return nil, nil, nil
	}
	if err := l.checkReach(ctx, f.m); err != nil {
		return nil, nil, err
	}
	var err error
	if ask.loose, err = l.ignoresCase(ctx); err != nil {
		return nil, nil, err
	}
	c, err := l.candidatesThen(ctx, f.m, ask.tuples, ask.loose)
	if err != nil {
		return nil, nil, err
	}
	found, _, err := t.manyAt(ctx, c.ids, c.present, f.m)
	if err != nil {
		return nil, nil, err
	}
	belongs := map[*rowThen][]*rowThen{}
	var all []*rowThen
	for recordID, p := range found {
		if !f.unscoped && (&asOfRows{t: t}).softDeleted(p.img) {
			continue
		}
		vals, err := l.valuesThen(c.ids[recordID], p.img, path)
		if err != nil {
			return nil, nil, err
		}
		parents, err := ask.of(ctx, vals)
		if err != nil {
			return nil, nil, err
		}
		if len(parents) == 0 {
			continue
		}
		row := &rowThen{id: c.ids[recordID], past: p, exists: c.present[recordID] != nil}
		all = append(all, row)
		for _, parent := range parents {
			belongs[parent] = append(belongs[parent], row)
		}
	}
	t.sortRows(all)
	for _, rows := range belongs {
		t.sortRows(rows)
	}
	return belongs, all, nil
}

// leftThen takes what a row held in the left columns; nil for NULL.
func (l *link) leftThen(row *rowThen, path string) ([]any, error) {
	if l.ofKey() {
		if vals := l.leftOfKey(row.id); vals != nil {
			return vals, nil
		}
	}
	if row.past.img == nil {
		return []any{nil}, nil // it did not exist
	}
	vals := make([]any, len(l.left))
	for n, i := range l.left {
		c := row.past.img[i]
		if c.state != known {
			return nil, l.from.unknownAt(row.id, i, c, path)
		}
		vals[n] = c.value
	}
	return vals, nil
}

// unknownAt is the error of an association by a column that is not known.
func (t *rowTable) unknownAt(id rowID, i int, c cell, path string) error {
	var g Gaps
	t.unknown(&g, i, c)
	return fmt.Errorf("auditplugin: association %q: %w", path, &UnknownError{Table: t.bare, RecordID: id.recordID, Gaps: g})
}

// valuesThen is what a row held in the right columns; nil where it does not belong.
func (l *link) valuesThen(id rowID, img image, path string) ([]any, error) {
	if l.byKey() && id.key != nil {
		return l.keyIn(id), nil
	}
	s := state{}
	for _, i := range l.rightColumns() {
		c := img[i]
		if c.state == redacted || c.state == lost || c.state == erased {
			return nil, l.to.unknownAt(id, i, c, path)
		}
		s.cells = append(s.cells, c)
	}
	vals, _ := l.matches(s)
	return vals, nil
}

// sortRows orders rows by their key, as far as it is known.
func (t *rowTable) sortRows(rows []*rowThen) {
	slices.SortFunc(rows, func(a, b *rowThen) int {
		for n := range min(len(a.id.key), len(b.id.key)) {
			if c := compareKeys(a.id.key[n], b.id.key[n]); c != 0 {
				return c
			}
		}
		return strings.Compare(a.id.recordID, b.id.recordID)
	})
}

func compareKeys(a, b any) int {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	}
	return strings.Compare(values.KeyText(a), values.KeyText(b))
}

// all lists the layers, parents first.
func (at *layer) all() []*layer {
	layers := []*layer{at}
	for _, sub := range at.subs {
		if sub.join != nil {
			layers = append(layers, sub.join)
		}
		layers = append(layers, sub.all()...)
	}
	return layers
}

// ids are the rows of a layer by record id.
func (at *layer) ids() map[string]*rowThen {
	m := make(map[string]*rowThen, len(at.rows))
	for _, row := range at.rows {
		m[row.id.recordID] = row
	}
	return m
}
