package routing_test

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// TestPluginLinesFollowTheSpecification writes the plugin's records with its slog
// emitter, on ecslog and as its own JSON.
func TestPluginLinesFollowTheSpecification(t *testing.T) {
	spec := ecsspec.Load(t)
	records := []audit.Record{
		{
			ID: "0190a0c0-0000-7000-8000-000000000001", Time: time.Date(2024, 8, 20, 10, 18, 53, 49_000_000, time.UTC), Action: audit.Update, Outcome: audit.Success,
			RecordType: "user", Table: "users", RecordID: "1", Before: map[string]any{"phone": "+1234567890"}, After: map[string]any{"phone": "+19876543210"},
			Changed: []string{"phone"}, Actor: audit.Actor{ID: "42", Name: "Ada"}, Application: "accounts", TransactionID: "t", TraceID: "a", SpanID: "b",
			RequestID: "r", IP: "192.0.2.1", UserAgent: "curl", Reason: "ticket", Source: audit.Source{File: "/a/b.go", Line: 7, Function: "b.F"},
			Metadata: map[string]any{"a.b": 1, "nested": map[string]any{"c*d": []int{1}}},
		},
		{Time: time.Unix(0, 0), Action: audit.Event, Outcome: audit.Failure, Message: "a\n{\"log\":{}}", Application: "accounts", IP: "\xff", UserAgent: "\xff\x00"},
		{
			Time: time.Unix(0, 0), Action: audit.Create, Outcome: audit.Success, RecordType: "x\ny", Application: "accounts",
			After: map[string]any{"nan": math.NaN(), "bytes": []byte{0xff}, "text": "\xff\u2028", "long": strings.Repeat("x", 1<<20), "": nil}, Metadata: map[string]any{"f": func() {}},
		},
	}
	var buf bytes.Buffer
	for name, e := range map[string]audit.Emitter{
		"ecslog": emitter.Slog(slog.New(ecslog.NewHandler(&buf, nil))),
		"JSON":   emitter.JSON(&buf),
	} {
		buf.Reset()
		if err := e.Emit(context.Background(), records); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(buf.String()) {
			if err := spec.Check([]byte(line)); err != nil {
				t.Errorf("%s: %v\n%.1000s", name, err, line)
			}
		}
		got := loggers(buf.String())
		if len(got) != len(records) {
			t.Errorf("%s: %d lines", name, len(got))
		}
		for _, logger := range got {
			if logger != "accounts.audit" {
				t.Errorf("%s: a line of logger %q", name, logger)
			}
		}
	}
}
