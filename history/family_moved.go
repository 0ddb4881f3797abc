package history

import (
	"context"
	"math"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// addMoved adds the rows under keys that rows have left, or come to, which hold one of the
// tuples as far as their key tells: the record of a key that changes names only the part
// that does.
func (c *candidates) addMoved(ctx context.Context, l *link, q Query, tuples [][]any) error {
	t := l.to
	if t.settings.fixedKeys || !slices.ContainsFunc(l.right, func(i int) bool { return slices.Contains(t.key, i) }) {
		return nil
	}
	wanted := make([]map[string]bool, len(l.right))
	for n := range wanted {
		wanted[n] = map[string]bool{}
		for _, vals := range tuples {
			wanted[n][fold(vals[n:n+1])] = true
		}
	}
	names := make([]string, len(t.key))
	for n, k := range t.key {
		names[n] = t.columns[k].name
	}
	cameBy := map[string]*audit.Record{}
	for r, err := range q.Action(audit.Update, audit.SoftDelete, audit.Restore).Column(names...).All(ctx) {
		if err != nil {
			return err
		}
		left := rowID{recordID: r.RecordID, key: t.keyOfID(r.RecordID)}
		came, _ := t.movedTo(left, &r)
		for _, id := range []rowID{left, came} {
			if _, known := c.ids[id.recordID]; !known && l.mayHold(id, wanted) {
				c.ids[id.recordID] = id
			}
		}
		if c.stays != nil && l.mayHold(left, wanted) {
			c.stays[left.recordID] = append(c.stays[left.recordID], spanAt(cameBy[left.recordID], &r))
		}
		cameBy[came.recordID] = &audit.Record{Seq: r.Seq, TransactionID: r.TransactionID}
	}
	return nil
}

// mayHold reports whether a row's key has values that are wanted in the right columns.
func (l *link) mayHold(id rowID, wanted []map[string]bool) bool {
	if id.key == nil {
		return false
	}
	for n, i := range l.right {
		if k := slices.Index(l.to.key, i); k >= 0 && !wanted[n][fold(id.key[k:k+1])] {
			return false
		}
	}
	return true
}

// spanAt is the time for which a row had the key that it left by r. What the row held by its
// key no other record of it may tell: it came by one of another id.
func spanAt(came, r *audit.Record) span {
	s := span{from: math.MinInt64, until: r.Seq}
	if came != nil {
		s.from, s.tx = came.Seq, came.TransactionID
	}
	return s
}

// inKey takes the right columns' values from a key that has all of them; nil otherwise.
func (l *link) inKey(id rowID) []any {
	if id.key == nil || slices.ContainsFunc(l.right, func(i int) bool { return !slices.Contains(l.to.key, i) }) || len(l.fixed) > 0 {
		return nil
	}
	return l.keyIn(id)
}
