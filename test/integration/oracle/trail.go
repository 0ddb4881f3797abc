package oracle

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

// Entry is a row of the audit table, its documents decoded.
type Entry struct {
	Seq                                     int64
	ID, Action, Outcome                     string
	RecordType, Table, RecordID             string
	Before, After                           map[string]any
	Changed                                 []string
	Changes                                 []audit.Change
	Message, Reason                         string
	ActorID, ActorType, ActorName           string
	TransactionID, RequestID, IP, UserAgent string
	TraceID, SpanID, Application, Cause     string
	Metadata                                map[string]any
	Source                                  audit.Source
}

// IsRow reports whether the entry is about a row, not an event or raw SQL.
func (e Entry) IsRow() bool { return e.Action != "raw" && e.Action != "event" }

// Trail reads the audit table in the order of seq.
func Trail(t testing.TB, db Queryer, dialect string) []Entry {
	t.Helper()
	q := func(name string) string { return quote(dialect, name) }
	query := fmt.Sprintf(`SELECT seq, id, action, outcome, record_type, table_name, record_id, %s, %s, changed, changes, message, reason,
		actor_id, actor_type, actor_name, transaction_id, request_id, ip, user_agent, trace_id, span_id, application, cause, metadata, source
		FROM audit_logs ORDER BY seq`, q("before"), q("after"))
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("read the audit table: %v", err)
	}
	defer func() { _ = rows.Close() }()
	var trail []Entry
	for rows.Next() {
		trail = append(trail, entry(t, rows))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("read the audit table: %v", err)
	}
	return trail
}

// Queryer is a pool, a connection or a transaction to read the trail through.
type Queryer interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

func entry(t testing.TB, rows *sql.Rows) Entry {
	t.Helper()
	var e Entry
	var before, after, changed, changes, metadata, source []byte
	texts := []*string{
		&e.ID, &e.Action, &e.Outcome, &e.RecordType, &e.Table, &e.RecordID, &e.Message, &e.Reason, &e.ActorID, &e.ActorType,
		&e.ActorName, &e.TransactionID, &e.RequestID, &e.IP, &e.UserAgent, &e.TraceID, &e.SpanID, &e.Application, &e.Cause,
	}
	scanned := make([]sql.NullString, len(texts))
	into := []any{&e.Seq}
	for i := range 6 {
		into = append(into, &scanned[i])
	}
	into = append(into, &before, &after, &changed, &changes)
	for i := 6; i < len(texts); i++ {
		into = append(into, &scanned[i])
	}
	into = append(into, &metadata, &source)
	if err := rows.Scan(into...); err != nil {
		t.Fatalf("read the audit table: %v", err)
	}
	for i := range texts {
		*texts[i] = scanned[i].String
	}
	e.Before, e.After = object(t, before), object(t, after)
	e.Metadata = object(t, metadata)
	decode(t, changed, &e.Changed)
	decode(t, changes, &e.Changes)
	decode(t, source, &e.Source)
	return e
}

func decode(t testing.TB, text []byte, into any) {
	t.Helper()
	if len(text) == 0 {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("audit table: %v in %q", err, text)
	}
}

// CheckAnnounced demands that the batches are the trail: the same entries, in order,
// each batch of one transaction. Only records that were read back, which is what
// their Seq says, may come in several batches.
func CheckAnnounced(t testing.TB, trail []Entry, batches [][]audit.Record) {
	t.Helper()
	byID := map[string]Entry{}
	for _, e := range trail {
		byID[e.ID] = e
	}
	told := 0
	transactions := map[string]int{}
	last := map[string]int64{}
	for n, batch := range batches {
		if len(batch) == 0 {
			t.Errorf("batch %d is empty", n)
			continue
		}
		other, again := transactions[batch[0].TransactionID]
		delete(last, "") // batches without a transaction have no order among them
		if again && batch[0].TransactionID != "" && batch[0].Seq == 0 {
			t.Errorf("batches %d and %d are of one transaction", other, n)
		}
		transactions[batch[0].TransactionID] = n
		for _, r := range batch {
			told++
			e, ok := byID[r.ID]
			if !ok {
				t.Errorf("announced but not in the table: %s %s %s", r.Action, r.Table, r.RecordID)
				continue
			}
			delete(byID, r.ID)
			if e.Seq < last[batch[0].TransactionID] {
				t.Errorf("batch %d is not in the order of the table: %s %s %s", n, r.Action, r.Table, r.RecordID)
			}
			last[batch[0].TransactionID] = e.Seq
			if r.TransactionID != batch[0].TransactionID {
				t.Errorf("batch %d mixes transactions %q and %q", n, batch[0].TransactionID, r.TransactionID)
			}
			sameEntry(t, e, r)
		}
	}
	for _, e := range byID {
		t.Errorf("in the table but not announced: %s %s %s", e.Action, e.Table, e.RecordID)
	}
	if told != len(trail) {
		t.Errorf("%d announced, %d in the table", told, len(trail))
	}
}

func sameEntry(t testing.TB, e Entry, r audit.Record) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("announced record: %v", err)
	}
	m := object(t, text)
	before, _ := m["before"].(map[string]any)
	after, _ := m["after"].(map[string]any)
	same := e.Action == string(r.Action) && e.Table == r.Table && e.RecordID == r.RecordID && e.RecordType == r.RecordType &&
		e.TransactionID == r.TransactionID && e.Reason == r.Reason && e.ActorID == r.Actor.ID && e.Cause == r.Cause &&
		slices.Equal(e.Changed, r.Changed) && sameImage(e.Before, before) && sameImage(e.After, after)
	if !same {
		t.Errorf("the table says %+v\nannounced was %+v", e, r)
	}
}

// sameValue is for values that were decoded in two ways.
func sameValue(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && (string(x) == string(y) || Equal(a, b))
}

func sameImage(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || sameDocument(a, b)
}
