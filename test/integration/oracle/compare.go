package oracle

import (
	"slices"
	"testing"
)

// pair is a change and the entry that records it.
type pair struct {
	change
	entry Entry
}

// compare matches each change with its entry, in order per row, and returns the
// pairs. Rows without a key are matched by content.
func (o *Oracle) compare(t testing.TB, changes []change, entries []Entry) []pair {
	t.Helper()
	left := map[string][]Entry{}
	for _, e := range entries {
		if slices.Contains(o.options.snapshot, e.Table) || o.unseen(e) && e.Cause != "" {
			continue
		}
		group := e.Table + "\x00" + o.entryKey(t, e)
		left[group] = append(left[group], e)
	}
	var pairs []pair
	changes = slices.DeleteFunc(changes, func(c change) bool { return c.call.Raw })
	for i := 0; i < len(changes); i++ {
		c := changes[i]
		group := c.table + "\x00" + c.key
		at := slices.IndexFunc(left[group], func(e Entry) bool { return o.difference(c, e) == "" })
		if at > 0 && len(o.keyColumns(c.table)) > 0 && !o.unseen(left[group][0]) {
			at = -1 // a row's entries come in the order of its changes
		}
		if at < 0 && (o.options.merge || c.call.Twice) && o.mergeBack(pairs, c) {
			continue
		}
		if at < 0 && (o.options.merge || c.call.Twice) {
			if j, merged, ok := o.mergeNext(changes, i); ok {
				changes = slices.Delete(changes, j, j+1)
				if merged.op == "" {
					changes = slices.Delete(changes, i, i+1)
				} else {
					changes[i] = merged
				}
				i--
				continue
			}
		}
		if at < 0 {
			reason := "no record"
			if len(left[group]) > 0 {
				reason = o.difference(c, left[group][0])
				left[group] = left[group][1:]
			}
			t.Errorf("the database made a change that the trail does not show: %s\n  %s", reason, c)
			continue
		}
		pairs = append(pairs, pair{c, left[group][at]})
		left[group] = slices.Delete(left[group], at, at+1)
	}
	for _, entries := range left {
		for _, e := range entries {
			if o.unseen(e) {
				continue // replaying judges it
			}
			t.Errorf("the trail shows a change that the database did not make: %s %s %s\n      before %v\n      after  %v",
				e.Action, e.Table, e.RecordID, e.Before, e.After)
		}
	}
	return pairs
}

// mergeBack joins a change with one of the same row that has its entry already: a
// hidden value can make the first of two changes look like both.
func (o *Oracle) mergeBack(pairs []pair, c change) bool {
	for i := len(pairs) - 1; i >= 0; i-- {
		_, merged, ok := o.mergeNext([]change{pairs[i].change, c}, 0)
		if ok && merged.op != "" && o.difference(merged, pairs[i].entry) == "" {
			pairs[i].change = merged
			return true
		}
	}
	return false
}

// unseen reports whether an entry may stand there without a trigger having seen
// its change.
func (o *Oracle) unseen(e Entry) bool {
	return slices.Contains(o.options.unseen, e.Table) && (e.Cause != "" || e.Action == "delete")
}

// order demands that within a transaction the entries come in the order of the
// statements that made the changes, and that entries share a transaction exactly
// when their changes did. Within a statement the database has no order.
func (o *Oracle) order(t testing.TB, pairs []pair) {
	t.Helper()
	slices.SortStableFunc(pairs, func(a, b pair) int { return int(a.entry.Seq - b.entry.Seq) })
	begun := map[string]int64{} // the first change of a statement, by transaction
	for _, p := range pairs {
		statement := p.entry.TransactionID + "\x00" + p.stmt
		if first, ok := begun[statement]; !ok || p.n < first {
			begun[statement] = p.n
		}
	}
	last := map[string]int64{}
	transaction, recorded := map[string]string{}, map[string]string{}
	for _, p := range pairs {
		id := p.entry.TransactionID
		first := begun[id+"\x00"+p.stmt]
		if first < last[id] {
			t.Errorf("entry %d (%s %s %s) stands after a later statement of its transaction", p.entry.Seq, p.entry.Action, p.entry.Table, p.entry.RecordID)
		}
		last[id] = max(first, last[id])
		if p.tx == "" || id == "" {
			continue
		}
		if was, ok := transaction[id]; ok && was != p.tx {
			t.Errorf("entry %d (%s %s %s) is in the records' transaction %s, but its change was made in another", p.entry.Seq, p.entry.Action, p.entry.Table, p.entry.RecordID, id)
		}
		if was, ok := recorded[p.tx]; ok && was != id {
			t.Errorf("entry %d (%s %s %s) is in the records' transaction %s, other changes of its transaction are in %s", p.entry.Seq, p.entry.Action, p.entry.Table, p.entry.RecordID, id, was)
		}
		transaction[id], recorded[p.tx] = p.tx, id
	}
}
