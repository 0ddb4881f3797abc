package history

import (
	"context"
	"slices"
)

// checkReach refuses moments from which records are missing that would name the rows.
func (l *link) checkReach(ctx context.Context, m Moment) error {
	if err := l.to.checkBegun(ctx, m); err != nil || l.byKey() {
		return err
	}
	// The record that took a row away from here may be gone.
	if err := l.to.checkPruned(ctx, m, ""); err != nil {
		return err
	}
	return l.to.checkAllThinned(ctx, m)
}

// candidatesThen finds the rows that have the tuples now, and those whose later
// records say that they had.
func (l *link) candidatesThen(ctx context.Context, m Moment, tuples [][]any, loose bool) (candidates, error) {
	t := l.to
	c := candidates{ids: map[string]rowID{}, present: map[string][]any{}}
	if l.byKey() {
		return c, c.addByKey(ctx, l, tuples, loose)
	}
	if err := c.add(ctx, l, tuples); err != nil {
		return c, err
	}
	q, images := t.q.ofTable(t.name).rows(), []string{"before"}
	// What raw SQL has deleted has no record after the moment.
	removed, err := t.removedAfter(ctx, m)
	if err != nil {
		return c, err
	}
	if removed {
		images = append(images, "after")
	} else {
		q = q.from(m)
	}
	if err := c.addMoved(ctx, l, q, tuples); err != nil {
		return c, err
	}
	for some := range slices.Chunk(tuples, keysAtOnce) {
		recordIDs, err := t.recordIDs(ctx, l.mentions(q, images, some, loose), 0)
		if err != nil {
			return c, err
		}
		for _, recordID := range recordIDs {
			if _, ok := c.ids[recordID]; !ok {
				c.ids[recordID] = rowID{recordID: recordID, key: t.keyOfID(recordID)}
			}
		}
	}
	var absent [][]any
	for recordID, id := range c.ids {
		if id.key != nil && c.present[recordID] == nil {
			absent = append(absent, id.key)
		}
	}
	return c, t.readInto(ctx, absent, false, c.present)
}
