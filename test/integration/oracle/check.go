package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

// Check compares the audit table with what the triggers saw and with what the
// tables hold, and returns the trail. batches, when not nil, must be the trail too.
func (o *Oracle) Check(t testing.TB, batches [][]audit.Record) []Entry {
	t.Helper()
	trail := Trail(t, o.db, o.dialect)
	var rows []Entry
	trail, companions := o.parted(trail)
	for _, e := range trail {
		o.wellFormed(t, e)
		if e.IsRow() && slices.Contains(o.tables, e.Table) {
			rows = append(rows, e)
		} else if e.IsRow() {
			t.Errorf("a record about a table that is not watched: %s %s %s", e.Action, e.Table, e.RecordID)
		}
	}
	changes := o.changes(t)
	o.seen = len(changes)
	o.order(t, o.compare(t, slices.Clone(changes), rows))
	o.rawCalls(t, changes, trail)
	o.companions(t, changes, companions)
	o.replay(t, o.withRaw(changes, rows))
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
	o.paths(t, e)
}

// paths demands that the changes by path are those of the changed columns, with the
// values of the images where the path is the whole column.
func (o *Oracle) paths(t testing.TB, e Entry) {
	t.Helper()
	told := map[string]bool{}
	for _, c := range e.Changes {
		whole := slices.Contains(e.Changed, c.Path)
		for _, name := range e.Changed {
			if c.Path == name || !whole && strings.HasPrefix(c.Path, name) && strings.ContainsAny(c.Path[len(name):len(name)+1], ".[") {
				told[name] = true
			}
		}
		if whole && !(sameValue(c.From, e.Before[c.Path]) && sameValue(c.To, e.After[c.Path])) {
			t.Errorf("entry %d (%s %s): %s is changed from %v to %v, the images say %v and %v",
				e.Seq, e.Table, e.RecordID, c.Path, c.From, c.To, e.Before[c.Path], e.After[c.Path])
		}
	}
	for _, name := range e.Changed {
		if !told[name] {
			t.Errorf("entry %d (%s %s): no change is listed for %s", e.Seq, e.Table, e.RecordID, name)
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

// difference says how an entry departs from a change, or "".
func (o *Oracle) difference(c change, e Entry) string {
	if family(e.Action) != c.op || !o.rightUpdate(c, e) {
		return fmt.Sprintf("recorded as %s", e.Action)
	}
	if c.call.Number != 0 && e.Call() != c.call.Number {
		return fmt.Sprintf("made by call %d, recorded for call %d", c.call.Number, e.Call())
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

// rightUpdate tells soft deletes and restores from other updates, in tables of which
// it is known how rows are deleted softly.
func (o *Oracle) rightUpdate(c change, e Entry) bool {
	if c.op != "update" {
		return true
	}
	want, known := "update", false
	for _, name := range o.options.soft {
		column, ok := strings.CutPrefix(name, c.table+".")
		if !ok {
			continue
		}
		known = true
		after, changed := c.after[column]
		switch {
		case changed && c.before[column] == nil:
			want = "soft_delete"
		case changed && after == nil:
			want = "restore"
		}
	}
	return !known || e.Action == want
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
