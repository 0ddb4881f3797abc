package oracle

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"
)

// rawCalls demands a raw entry of each call of raw SQL that changed rows.
func (o *Oracle) rawCalls(t testing.TB, changes []change, trail []Entry) {
	t.Helper()
	told := map[int]bool{}
	for _, e := range trail {
		if e.Action == "raw" {
			told[e.Call()] = true
		}
	}
	for _, c := range changes {
		if c.call.Raw && !told[c.call.Number] {
			t.Errorf("raw SQL changed a row and left no raw record: %s", c)
			told[c.call.Number] = true
		}
	}
}

// withRaw puts what raw SQL changed, which has no records of its own, between the
// entries of the calls before and after it, so that the trail can be replayed.
func (o *Oracle) withRaw(changes []change, entries []Entry) []Entry {
	entries = slices.Clone(entries)
	for _, c := range changes {
		if !c.call.Raw {
			continue
		}
		e := Entry{
			Action: map[string]string{"insert": "create", "update": "update", "delete": "delete"}[c.op],
			Table:  c.table, RecordID: c.key, Before: c.before, After: c.after,
			Metadata: map[string]any{CallKey: json.Number(strconv.Itoa(c.call.Number))},
		}
		at := slices.IndexFunc(entries, func(other Entry) bool { return other.Call() > c.call.Number })
		if at < 0 {
			at = len(entries)
		}
		entries = slices.Insert(entries, at, e)
	}
	return entries
}
