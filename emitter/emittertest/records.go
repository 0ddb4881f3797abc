package emittertest

import (
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// Records returns n ordinary updates with the ids "<prefix>-0000" and so on. The
// same arguments give equal records, which share nothing.
func Records(prefix string, n int) []audit.Record {
	records := make([]audit.Record, n)
	at := time.Date(2024, time.May, 6, 7, 8, 9, 123456000, time.UTC)
	for i := range records {
		records[i] = audit.Record{
			ID:         fmt.Sprintf("%s-%04d", prefix, i),
			Time:       at.Add(time.Duration(i) * time.Millisecond),
			Action:     audit.Update,
			Outcome:    audit.Success,
			RecordType: "user",
			Table:      "users",
			RecordID:   fmt.Sprint(i + 1),
			Before: map[string]any{
				"phone": "+12345678901", "visits": int64(i), "big": uint64(1<<64 - 1),
				"address": map[string]any{"city": "Oslo", "zip": []any{"0150", nil}},
			},
			After: map[string]any{
				"phone": "+19876543210", "visits": int64(i + 1), "big": uint64(1<<63 + 1),
				"address": map[string]any{"city": "Bergen", "zip": []any{"5003", nil}},
			},
			Changed: []string{"address", "big", "phone", "visits"},
			Changes: []audit.Change{
				{Path: "address.city", From: "Oslo", To: "Bergen"},
				{Path: "phone", From: "+12345678901", To: "+19876543210"},
			},
			Message: "Edit made to MFA information",
			Reason:  "ticket 1234",
			Actor: audit.Actor{
				ID: "42", Type: "user", Name: "Ada", SessionID: "s-9",
				OnBehalfOf: audit.Principal{ID: "7", Type: "customer", Name: "Grace"},
			},
			Tenant:        "acme",
			TransactionID: prefix,
			RequestID:     "req-1",
			IP:            "192.0.2.1",
			UserAgent:     "curl/8.0",
			TraceID:       "4bf92f3577b34da6a3ce929d0e0e4736",
			SpanID:        "00f067aa0ba902b7",
			Application:   "accounts",
			Host:          "web-1",
			Metadata:      map[string]any{"tenant": "acme", "attempt": 2},
			Source:        audit.Source{File: "accounts/phone.go", Line: 17, Function: "accounts.SetPhone"},
			SchemaVersion: audit.SchemaVersion,
		}
	}
	return records
}
