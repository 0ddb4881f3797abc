package oracle

import (
	"slices"
	"testing"
)

// Companion says that companion triggers are on the tables: each row that raw SQL changed
// has one record of theirs, and no other row has any. Check returns the plugin's records.
func Companion() Option { return func(o *options) { o.companion = true } }

// Foreign counts the records of companion triggers that the last [Oracle.Check] found.
func (o *Oracle) Foreign() int { return o.foreign }

// FromTrigger reports whether a companion trigger wrote the entry.
func (e Entry) FromTrigger() bool {
	how, _ := e.Metadata["auditplugin"].(map[string]any)
	return how["by"] == "trigger"
}

// parted takes the records of companion triggers out of a trail.
func (o *Oracle) parted(trail []Entry) (plugin, companions []Entry) {
	if !o.options.companion {
		return trail, nil
	}
	for _, e := range trail {
		if e.FromTrigger() {
			companions = append(companions, e)
		} else {
			plugin = append(plugin, e)
		}
	}
	return plugin, companions
}

// companions compares what raw SQL changed with what companion triggers recorded.
func (o *Oracle) companions(t testing.TB, changes []change, entries []Entry) {
	t.Helper()
	if o.foreign = len(entries); !o.options.companion {
		return
	}
	raw := slices.DeleteFunc(slices.Clone(changes), func(c change) bool { return !c.call.Raw })
	for i := range raw {
		raw[i].call.Raw = false // compare leaves those out
	}
	for _, e := range entries {
		o.wellFormed(t, e)
		if e.Cause == "" {
			t.Errorf("entry %d (%s %s %s) of a trigger does not name the raw record", e.Seq, e.Action, e.Table, e.RecordID)
		}
	}
	for i := range entries {
		entries[i].Cause = "" // what a cascade's record has is excused
	}
	if got := o.compare(t, raw, entries); len(got) != len(raw) || len(got) != len(entries) {
		t.Errorf("raw SQL changed %d rows, the triggers recorded %d, and %d of them agree", len(raw), len(entries), len(got))
	}
}
