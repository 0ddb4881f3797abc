package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

// Check compares the audit table with what the triggers saw and with what the
// tables hold, and returns the trail. batches, when not nil, must be the trail too.
func (o *Oracle) Check(t testing.TB, batches [][]audit.Record) []Entry {
	t.Helper()
	trail := Trail(t, o.db, o.dialect)
	var rows []Entry
	for _, e := range trail {
		o.wellFormed(t, e)
		if e.IsRow() && slices.Contains(o.tables, e.Table) {
			rows = append(rows, e)
		} else if e.IsRow() {
			t.Errorf("a record about a table that is not watched: %s %s %s", e.Action, e.Table, e.RecordID)
		}
	}
	o.compare(t, o.changes(t), rows)
	o.replay(t, rows)
	if batches != nil {
		CheckAnnounced(t, trail, batches)
	}
	return trail
}

// wellFormed checks what holds for every entry.
func (o *Oracle) wellFormed(t testing.TB, e Entry) {
	t.Helper()
	if len(e.ID) != 36 {
		t.Errorf("entry %d has the id %q", e.Seq, e.ID)
	}
	for _, image := range []map[string]any{e.Before, e.After} {
		for name := range image {
			if o.ignored(e.Table, name) {
				t.Errorf("entry %d shows the ignored column %s.%s", e.Seq, e.Table, name)
			}
		}
	}
	if family(e.Action) != "update" {
		return
	}
	for name := range e.After {
		if _, ok := e.Before[name]; !ok {
			t.Errorf("entry %d (%s %s) has %s only after", e.Seq, e.Table, e.RecordID, name)
		}
	}
	if len(e.Changed) != len(e.After) || !slices.IsSorted(e.Changed) {
		t.Errorf("entry %d (%s %s): changed is %v, after is %v", e.Seq, e.Table, e.RecordID, e.Changed, e.After)
	}
	for _, name := range e.Changed {
		if _, ok := e.After[name]; !ok {
			t.Errorf("entry %d (%s %s): changed names %s, after does not", e.Seq, e.Table, e.RecordID, name)
		}
	}
}

// family is the trigger operation that an action belongs to.
func family(action string) string {
	switch action {
	case "create":
		return "insert"
	case "delete":
		return "delete"
	}
	return "update"
}

// compare matches each change with its entry, in order per row. Rows without a key
// are matched by content.
func (o *Oracle) compare(t testing.TB, changes []change, entries []Entry) {
	t.Helper()
	left := map[string][]Entry{}
	for _, e := range entries {
		if slices.Contains(o.options.snapshot, e.Table) {
			continue
		}
		group := e.Table + "\x00" + o.entryKey(t, e)
		left[group] = append(left[group], e)
	}
	for i := 0; i < len(changes); i++ {
		c := changes[i]
		group := c.table + "\x00" + c.key
		at := slices.IndexFunc(left[group], func(e Entry) bool { return o.difference(c, e) == "" })
		if at > 0 && len(o.keyColumns(c.table)) > 0 {
			at = -1 // a row's entries come in the order of its changes
		}
		if at < 0 && o.options.merge {
			if j, merged, ok := o.mergeNext(changes, i); ok {
				changes = slices.Delete(changes, j, j+1)
				if merged.op == "" {
					continue
				}
				changes[i] = merged
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
		left[group] = slices.Delete(left[group], at, at+1)
	}
	for _, entries := range left {
		for _, e := range entries {
			t.Errorf("the trail shows a change that the database did not make: %s %s %s\n      before %v\n      after  %v",
				e.Action, e.Table, e.RecordID, e.Before, e.After)
		}
	}
}

// difference says how an entry departs from a change, or "".
func (o *Oracle) difference(c change, e Entry) string {
	if family(e.Action) != c.op {
		return fmt.Sprintf("recorded as %s", e.Action)
	}
	for _, side := range []struct {
		name      string
		want, got map[string]any
	}{{"before", c.before, e.Before}, {"after", c.after, e.After}} {
		for column, want := range side.want {
			got, ok := side.got[column]
			if !ok {
				return fmt.Sprintf("%s has no %s; recorded %v", side.name, column, side.got)
			}
			if !o.redacted(c.table, column) && !Equal(want, got) {
				return fmt.Sprintf("%s.%s is recorded as %#v", side.name, column, got)
			}
		}
		for column, got := range side.got {
			if _, ok := side.want[column]; !ok {
				return fmt.Sprintf("%s has %s = %#v too", side.name, column, got)
			}
		}
	}
	return ""
}

// entryKey is the key under which the row was known before the change; record_id
// may name the key before or after it.
func (o *Oracle) entryKey(t testing.TB, e Entry) string {
	t.Helper()
	columns := o.keyColumns(e.Table)
	image := e.Before
	if e.Action == "create" {
		image = e.After
	}
	parts := []string{e.RecordID}
	if len(columns) > 1 {
		parts = nil
		if err := json.Unmarshal([]byte(e.RecordID), &parts); err != nil {
			t.Errorf("entry %d: the composite key of %s is %q", e.Seq, e.Table, e.RecordID)
		}
	}
	if len(parts) != len(columns) && (len(columns) > 0 || e.RecordID != "") {
		t.Errorf("entry %d: the key of %s is %q, its columns are %v", e.Seq, e.Table, e.RecordID, columns)
		return e.RecordID
	}
	values := map[string]any{}
	for i, name := range columns {
		values[name] = parts[i]
		known, ok := image[name]
		if !ok || o.redacted(e.Table, name) {
			continue
		}
		if !Equal(known, parts[i]) && !Equal(e.After[name], parts[i]) {
			t.Errorf("entry %d: record_id is %q, %s.%s is %v", e.Seq, e.RecordID, e.Table, name, known)
		}
		values[name] = known
	}
	return keyOf(values, columns)
}
