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
	ask := newAsked[held](l)
	for _, h := range lefts {
		ask.add(h.vals, h)
	}
	if ask.loose, err = l.ignoresCase(ctx); err != nil {
		return err
	}
	if l.byKey() {
		return l.followKeys(ctx, ask, to)
	}
	c, err := l.candidates(ctx, ask.tuples, ask.loose)
	if err != nil {
		return err
	}
	columns := l.rightColumns()
	for _, recordID := range slices.Sorted(maps.Keys(c.ids)) {
		told := false
		add := func(vals []any, during span) error {
			told = true
			parents, err := ask.of(ctx, vals)
			for _, h := range parents {
				if both, ok := during.and(h.span); ok {
					to.add(c.ids[recordID], both)
				}
			}
			return err
		}
		for _, s := range l.to.states(columns, c.records[recordID], c.present[recordID]) {
			if vals, ok := l.matches(s); ok {
				if err := add(vals, s.span); err != nil {
					return err
				}
			}
		}
		vals := l.inKey(c.ids[recordID])
		if told || vals == nil {
			continue
		}
		for _, s := range c.stays[recordID] {
			if err := add(vals, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// followKeys adds the rows that have the tuples for a key.
func (l *link) followKeys(ctx context.Context, ask *asked[held], to *kin) error {
	c := candidates{ids: map[string]rowID{}, present: map[string][]any{}}
	if ask.loose { // otherwise nothing has to be looked for
		if err := c.addByKey(ctx, l, ask.tuples, true); err != nil {
			return err
		}
	} else {
		for _, vals := range ask.tuples {
			id, err := l.identify(vals)
			if err != nil {
				return err
			}
			c.ids[id.recordID] = id
		}
	}
	for _, recordID := range slices.Sorted(maps.Keys(c.ids)) {
		id := c.ids[recordID]
		parents, err := ask.of(ctx, l.keyIn(id))
		if err != nil {
			return err
		}
		for _, h := range parents {
			to.add(id, h.span)
		}
	}
	return nil
}

// rightColumns are the right columns and the fixed ones.
func (l *link) rightColumns() []int {
	return append(slices.Clip(l.right), slices.Sorted(maps.Keys(l.fixed))...)
}

// matches returns what a state of the right columns holds, if it belongs to something.
func (l *link) matches(s state) ([]any, bool) {
	vals, ok := s.known()
	if !ok {
		return nil, false
	}
	for n, i := range l.rightColumns()[len(l.right):] {
		if vals[len(l.right)+n] != l.fixed[i] {
			return nil, false
		}
	}
	return vals[:len(l.right)], tuple(vals[:len(l.right)]) != ""
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
	// stays are the times for which rows had a key that they left; nil where nobody asks.
	stays map[string][]span
}

func (l *link) candidates(ctx context.Context, tuples [][]any, loose bool) (candidates, error) {
	t := l.to
	c := candidates{map[string]rowID{}, map[string][]audit.Record{}, map[string][]any{}, map[string][]span{}}
	if err := c.add(ctx, l, tuples); err != nil {
		return c, err
	}
	columns := l.rightColumns()
	if err := c.addMoved(ctx, l, t.q.ofTable(t.name).rows(), tuples); err != nil {
		return c, err
	}
	for some := range slices.Chunk(tuples, keysAtOnce) {
		q := l.mentions(t.q.ofTable(t.name).rows(), []string{"before", "after"}, some, loose)
		if err := t.collect(ctx, q, columns, c.records); err != nil {
			return c, err
		}
	}
	for recordID := range c.records {
		if _, ok := c.ids[recordID]; !ok {
			c.ids[recordID] = rowID{recordID: recordID, key: t.keyOfID(recordID)}
		}
	}
	var absent [][]any
	for recordID, id := range c.ids {
		if id.key != nil && c.present[recordID] == nil {
			absent = append(absent, id.key)
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
