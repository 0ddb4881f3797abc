package cloudevents

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

func record() audit.Record {
	return audit.Record{
		ID: "01a2", Seq: 8, Time: time.Date(2026, 11, 23, 11, 17, 59, 827983000, time.UTC), Action: audit.Update, Outcome: audit.Success,
		RecordType: "user", Table: "users", RecordID: "42", Application: "my accounts",
		Before: map[string]any{"phone": "1"}, After: map[string]any{"phone": "2"}, Changed: []string{"phone"}, SchemaVersion: 1,
		TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", SpanID: "00f067aa0ba902b7",
	}
}

func ExampleNew() {
	text, err := json.MarshalIndent(New(record()), "", " ")
	fmt.Println(string(text), err)
	// Output:
	// {
	//  "specversion": "1.0",
	//  "id": "01a2",
	//  "source": "/my%20accounts",
	//  "type": "gorm-audit.record.update",
	//  "subject": "user/42",
	//  "time": "2026-11-23T11:17:59.827983Z",
	//  "datacontenttype": "application/json",
	//  "auditseq": "8",
	//  "partitionkey": "users/42",
	//  "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	//  "data": {
	//   "id": "01a2",
	//   "seq": 8,
	//   "time": "2026-11-23T11:17:59.827983Z",
	//   "action": "update",
	//   "outcome": "success",
	//   "record_type": "user",
	//   "table": "users",
	//   "record_id": "42",
	//   "before": {
	//    "phone": "1"
	//   },
	//   "after": {
	//    "phone": "2"
	//   },
	//   "changed": [
	//    "phone"
	//   ],
	//   "actor": {},
	//   "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
	//   "span_id": "00f067aa0ba902b7",
	//   "application": "my accounts",
	//   "source": {},
	//   "schema_version": 1
	//  }
	// } <nil>
}

func TestOptionsAndGaps(t *testing.T) {
	r := record()
	r.RecordID, r.TraceID, r.Seq = "", "00000000000000000000000000000000", 0
	e := New(r, WithSource("https://example.test/accounts"), WithType("com.example."))
	if e.Source != "https://example.test/accounts" || e.Type != "com.example.update" || e.Subject != "user" ||
		e.PartitionKey != "users" || e.TraceParent != "" || e.AuditSeq != "" {
		t.Errorf("event %+v", e)
	}
	body, contentType, err := Encoder(WithType("x."))(r)
	var back map[string]any
	if err != nil || contentType != ContentType || json.Unmarshal(body, &back) != nil || back["type"] != "x.update" {
		t.Errorf("%s as %s, %v", body, contentType, err)
	}
}
