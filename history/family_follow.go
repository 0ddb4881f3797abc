package history

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// held is what the left columns of a row held for a while.
type held struct {
	vals []any
	span span
}

// follow finds the rows that belong to those of from.
func (l *link) follow(ctx context.Context, from, to *kin) error {
	lefts, err := l.lefts(ctx, from)
	if err != nil || len(lefts) == 0 {
		return err
	}
	if l.byKey() {
		for _, h := range lefts {
			id, err := l.identify(h.vals)
			if err != nil {
				return err
			}
			to.add(id, h.span)
		}
		return nil
	}
	byTuple := map[string][]held{}
	var tuples [][]any
	for _, h := range lefts {
		text := tuple(h.vals)
		if byTuple[text] == nil {
			tuples = append(tuples, h.vals)
		}
		byTuple[text] = append(byTuple[text], h)
	}
	c, err := l.candidates(ctx, tuples)
	if err != nil {
		return err
	}
	columns := l.rightColumns()
	for _, recordID := range slices.Sorted(maps.Keys(c.ids)) {
		for _, s := range l.to.states(columns, c.records[recordID], c.present[recordID]) {
			text, ok := l.matches(s)
			if !ok {
				continue
			}
			for _, h := range byTuple[text] {
				if both, ok := s.span.and(h.span); ok {
					to.add(c.ids[recordID], both)
				}
			}
		}
	}
	return nil
}

// rightColumns are the right columns and the fixed ones.
func (l *link) rightColumns() []int {
	return append(slices.Clip(l.right), slices.Sorted(maps.Keys(l.fixed))...)
}

// matches returns the tuple that a state of the right columns holds.
func (l *link) matches(s state) (string, bool) {
	vals, ok := s.known()
	if !ok {
		return "", false
	}
	for n, i := range l.rightColumns()[len(l.right):] {
		if vals[len(l.right)+n] != l.fixed[i] {
			return "", false
		}
	}
	text := tuple(vals[:len(l.right)])
	return text, text != ""
}

// lefts returns what the left columns of the rows held while the rows belonged.
func (l *link) lefts(ctx context.Context, from *kin) ([]held, error) {
	var all []held
	if l.ofKey() {
		for _, recordID := range from.ids() {
			m := from.rows[recordID]
			vals := l.leftOfKey(m.id)
			if vals == nil {
				return nil, fmt.Errorf("%w: the key of table %q", ErrRedacted, l.from.bare)
			}
			if tuple(vals) == "" {
				continue
			}
			for _, s := range m.spans {
				all = append(all, held{vals, s})
			}
		}
		return all, nil
	}
	records := map[string][]audit.Record{}
	present := map[string][]any{}
	for some := range slices.Chunk(from.ids(), idsAtOnce) {
		if err := l.from.collect(ctx, l.from.about(l.from.q, some, l.left), l.left, records); err != nil {
			return nil, err
		}
	}
	var keys [][]any
	for _, recordID := range from.ids() {
		if key := from.rows[recordID].id.key; key != nil {
			keys = append(keys, key)
		}
	}
	if err := l.from.readInto(ctx, keys, false, present); err != nil {
		return nil, err
	}
	for _, recordID := range from.ids() {
		for _, s := range l.from.states(l.left, records[recordID], present[recordID]) {
			vals, ok := s.known()
			if !ok || tuple(vals) == "" {
				continue
			}
			for _, belonged := range from.rows[recordID].spans {
				if both, ok := s.span.and(belonged); ok {
					all = append(all, held{vals, both})
				}
			}
		}
	}
	return all, nil
}

// readInto reads the present rows with the given keys, by record id.
func (t *rowTable) readInto(ctx context.Context, keys [][]any, lock bool, into map[string][]any) error {
	for some := range slices.Chunk(keys, keysAtOnce) {
		rows, err := t.read(ctx, some, lock)
		if err != nil {
			return err
		}
		for _, raw := range rows {
			id, err := t.identify(t.keyOf(raw))
			if err != nil {
				return err
			}
			into[id.recordID] = raw
		}
	}
	return nil
}

// candidates are rows that may hold one of some tuples, or may have held it.
type candidates struct {
	ids     map[string]rowID
	records map[string][]audit.Record
	present map[string][]any
}

func (l *link) candidates(ctx context.Context, tuples [][]any) (candidates, error) {
	t := l.to
	c := candidates{map[string]rowID{}, map[string][]audit.Record{}, map[string][]any{}}
	if err := c.add(ctx, l, tuples); err != nil {
		return c, err
	}
	columns := l.rightColumns()
	for some := range slices.Chunk(tuples, keysAtOnce) {
		q := l.mentions(t.q.ofTable(t.name).rows(), []string{"before", "after"}, some)
		if err := t.collect(ctx, q, columns, c.records); err != nil {
			return c, err
		}
	}
	var absent [][]any
	for recordID := range c.records {
		if _, ok := c.ids[recordID]; !ok {
			id := rowID{recordID: recordID, key: t.keyOfID(recordID)}
			c.ids[recordID] = id
			if id.key != nil {
				absent = append(absent, id.key)
			}
		}
	}
	if len(columns) == 1 && len(tuples) <= keysAtOnce {
		return c, nil // all records that matter are there
	}
	// Records of one column say nothing of the others, and were read in several parts.
	clear(c.records)
	for some := range slices.Chunk(slices.Sorted(maps.Keys(c.ids)), idsAtOnce) {
		if err := t.collect(ctx, t.about(t.q, some, columns), columns, c.records); err != nil {
			return c, err
		}
	}
	return c, t.readInto(ctx, absent, false, c.present)
}

// add reads the present rows.
func (c *candidates) add(ctx context.Context, l *link, tuples [][]any) error {
	rows, err := l.present(ctx, tuples)
	if err != nil {
		return err
	}
	for _, raw := range rows {
		id, err := l.to.identify(l.to.keyOf(raw))
		if err != nil {
			return err
		}
		c.ids[id.recordID], c.present[id.recordID] = id, raw
	}
	return nil
}
