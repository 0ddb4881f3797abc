package emitter_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// What encoding/json can write comes out the same.
func TestRecordJSONIsOrdinary(t *testing.T) {
	full := audit.Record{
		ID: "1", Seq: 2, Time: time.Date(2026, 11, 23, 1, 2, 3, 4000, time.UTC), Action: audit.Update, Outcome: audit.Success, Message: "m <b>",
		RecordType: "user", Table: "users", RecordID: "3", Before: map[string]any{"a": 1, "b": nil}, After: map[string]any{"a": "x", "b": []any{true}},
		Changed: []string{"a", "b"}, Changes: []audit.Change{{Path: "a", From: 1, To: "x"}}, Reason: "r", Actor: audit.Actor{ID: "4", Type: "user", Name: "Ü"},
		TransactionID: "5", RequestID: "6", IP: "::1", UserAgent: "u", TraceID: "7", SpanID: "8", Application: "p", Host: "h",
		Metadata: map[string]any{"k": "v"}, Source: audit.Source{File: "f.go", Line: 9, Function: "g"}, Cause: "0", SchemaVersion: 1,
	}
	for _, r := range []audit.Record{full, emittertest.Records("x", 1)[0]} {
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := emitter.RecordJSON(r); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestRecordJSONTakesEverything(t *testing.T) {
	for name, r := range emittertest.HostileRecords() {
		text := emitter.RecordJSON(r)
		var back audit.Record
		if err := json.Unmarshal(text, &back); err != nil || name != "zero" && back.ID != r.ID {
			t.Errorf("%s: %v, id %q", name, err, back.ID)
		}
	}
}
