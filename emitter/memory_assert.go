package emitter

import (
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// TB is what the assertions need of a [testing.TB].
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Want describes records. Fields that are empty match anything.
type Want struct {
	Action     audit.Action
	Outcome    audit.Outcome
	RecordType string
	Table      string
	RecordID   string
	ActorID    string
	Reason     string
	// Before and After match images that have at least these columns with these
	// values. Values are equal if their JSON is: 1, int64(1) and 1.0 are.
	Before, After map[string]any
	// Metadata matches metadata that has at least these values.
	Metadata map[string]any
}

// Find returns copies of the records that match w, in the order they came.
func (m *MemoryEmitter) Find(w Want) []audit.Record {
	var found []audit.Record
	for _, r := range m.Records() {
		if w.matches(&r) {
			found = append(found, r)
		}
	}
	return found
}

// AssertRecorded reports an error to t if no record matches w. It returns the
// first one that does, and whether there is one.
func (m *MemoryEmitter) AssertRecorded(t TB, w Want) (audit.Record, bool) {
	t.Helper()
	if found := m.Find(w); len(found) > 0 {
		return found[0], true
	}
	t.Errorf("auditplugin: no record is %s; recorded:%s", w.describe(), m.describe())
	return audit.Record{}, false
}

// AssertNotRecorded reports an error to t if a record matches w.
func (m *MemoryEmitter) AssertNotRecorded(t TB, w Want) bool {
	t.Helper()
	if n := len(m.Find(w)); n > 0 {
		t.Errorf("auditplugin: %d records are %s, want none; recorded:%s", n, w.describe(), m.describe())
		return false
	}
	return true
}

// AssertNone reports an error to t if there is any record.
func (m *MemoryEmitter) AssertNone(t TB) bool {
	t.Helper()
	return m.AssertCount(t, 0)
}

// AssertCount reports an error to t unless there are exactly n records.
func (m *MemoryEmitter) AssertCount(t TB, n int) bool {
	t.Helper()
	if got := len(m.Records()); got != n {
		t.Errorf("auditplugin: %d records, want %d; recorded:%s", got, n, m.describe())
		return false
	}
	return true
}

func (w *Want) matches(r *audit.Record) bool {
	return (w.Action == "" || w.Action == r.Action) &&
		(w.Outcome == "" || w.Outcome == r.Outcome) &&
		same(w.RecordType, r.RecordType) &&
		same(w.Table, r.Table) &&
		same(w.RecordID, r.RecordID) &&
		same(w.ActorID, r.Actor.ID) &&
		same(w.Reason, r.Reason) &&
		subset(w.Before, r.Before) &&
		subset(w.After, r.After) &&
		subset(w.Metadata, r.Metadata)
}

func same(want, got string) bool { return want == "" || want == got }

func subset(want, got map[string]any) bool {
	for k, v := range want {
		g, ok := got[k]
		if !ok || encodeValue(v) != encodeValue(g) {
			return false
		}
	}
	return true
}

func encodeValue(v any) string {
	var e entry.Encoder
	text, _ := e.Value(v, entry.MaxImage)
	return text
}

func (w *Want) describe() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	var e entry.Encoder
	add("action", string(w.Action))
	add("outcome", string(w.Outcome))
	add("record_type", w.RecordType)
	add("table", w.Table)
	add("record_id", w.RecordID)
	add("actor", w.ActorID)
	add("reason", w.Reason)
	add("before", e.Object(w.Before, entry.ShortValue))
	add("after", e.Object(w.After, entry.ShortValue))
	add("metadata", e.Object(w.Metadata, entry.ShortValue))
	return "{" + strings.Join(parts, " ") + "}"
}

// describe lists the records for a failed test, the first twenty of them.
func (m *MemoryEmitter) describe() string {
	records := m.Records()
	if len(records) == 0 {
		return " nothing"
	}
	var b strings.Builder
	var e entry.Encoder
	for i := range records {
		if i == 20 {
			fmt.Fprintf(&b, "\n  … and %d more", len(records)-i)
			break
		}
		r := &records[i]
		fmt.Fprintf(&b, "\n  %s %s %s by %q before %s after %s", r.Action, r.RecordType, r.RecordID,
			r.Actor.ID, e.Object(r.Before, entry.ShortValue), e.Object(r.After, entry.ShortValue))
	}
	return b.String()
}
