package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/sdk/log"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	auditotel "github.com/gorm-audit/auditplugin/telemetry/otel"
)

// kept is an exporter that keeps what it gets.
type kept struct {
	mu      sync.Mutex
	records []log.Record
}

func (k *kept) Export(_ context.Context, records []log.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range records {
		k.records = append(k.records, r.Clone())
	}
	return nil
}

func (k *kept) Shutdown(context.Context) error { return nil }

func (k *kept) ForceFlush(context.Context) error { return nil }

// Records go to OpenTelemetry's logs by the bridge for slog, in the trace that they were
// made in.
func TestLogs(t *testing.T) {
	_, tracer, _ := traced(t)
	var logs kept
	provider := log.NewLoggerProvider(log.WithProcessor(log.NewSimpleProcessor(&logs)))
	records := emitter.Slog(slog.New(otelslog.NewHandler("audit", otelslog.WithLoggerProvider(provider))))
	s := open(t, auditplugin.WithEmitter(records), auditplugin.WithTraceFunc(auditotel.Trace))
	ctx, span := tracer.Start(t.Context(), "request")
	if err := s.db.WithContext(ctx).Create(&account{Name: "Ada", Password: secret}).Error; err != nil {
		t.Fatal(err)
	}
	span.End()
	if len(logs.records) != 1 {
		t.Fatalf("%d log records", len(logs.records))
	}
	r := logs.records[0]
	if r.TraceID() != span.SpanContext().TraceID() || r.SpanID() != span.SpanContext().SpanID() {
		t.Errorf("logged in trace %s, span %s", r.TraceID(), r.SpanID())
	}
	noSecret(t, "the log", r)
	if n := r.AttributesLen(); n == 0 || r.Body().AsString() == "" {
		t.Errorf("%d attributes, body %q", n, r.Body().AsString())
	}
}
