package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	auditotel "github.com/gorm-audit/auditplugin/telemetry/otel"
)

func traced(t *testing.T) (*auditotel.Telemetry, api.Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	tracers := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	telemetry, err := auditotel.New(auditotel.TracerProvider(tracers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = telemetry.Close() })
	return telemetry, tracers.Tracer("test"), spans
}

// The service's span is recorded, whatever the client sent and in whichever order the
// middleware stands; without a span it is the client's.
func TestTheServicesSpanWins(t *testing.T) {
	_, tracer, _ := traced(t)
	memory := emitter.Memory()
	s := open(t, auditplugin.WithTraceFunc(auditotel.Trace), auditplugin.WithEmitter(memory))
	var want [2]string
	write := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := s.db.WithContext(r.Context()).Create(&account{}).Error; err != nil {
			t.Error(err)
		}
	})
	span := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, span := tracer.Start(r.Context(), "request")
			defer span.End()
			want = [2]string{span.SpanContext().TraceID().String(), span.SpanContext().SpanID().String()}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
	client := [2]string{"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"}
	for name, h := range map[string]http.Handler{
		"span inside":  audithttp.Middleware()(span(write)),
		"span outside": span(audithttp.Middleware()(write)),
		"no span":      audithttp.Middleware()(write),
	} {
		want = client
		memory.Reset()
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Traceparent", "00-"+client[0]+"-"+client[1]+"-01")
		h.ServeHTTP(httptest.NewRecorder(), r)
		got := memory.Records()
		if len(got) != 1 || [2]string{got[0].TraceID, got[0].SpanID} != want {
			t.Errorf("%s: recorded %v, want %v", name, got, want)
		}
	}
}

// A transaction with many records does not fill the span that it is in.
func TestManyRecordsAreFewEvents(t *testing.T) {
	telemetry, tracer, spans := traced(t)
	s := open(t, auditplugin.WithObserver(telemetry.Observer()))
	ctx, span := tracer.Start(t.Context(), "request")
	if err := s.db.WithContext(ctx).Create(make([]account, 500)).Error; err != nil {
		t.Fatal(err)
	}
	span.End()
	events := spans.Ended()[0].Events()
	if len(events) != audit.MostMentions+1 {
		t.Fatalf("%d events", len(events))
	}
	if last := events[len(events)-1]; last.Name != "audit.records" || last.Attributes[0].Value.AsInt64() != 500-audit.MostMentions {
		t.Errorf("the last is %v", last)
	}
}

func TestDeliveriesAreSpans(t *testing.T) {
	telemetry, tracer, spans := traced(t)
	s := open(t, auditplugin.WithTraceFunc(auditotel.Trace))
	ctx, request := tracer.Start(t.Context(), "request")
	if err := s.db.WithContext(ctx).Create([]account{{Name: secret}, {Name: secret}}).Error; err != nil {
		t.Fatal(err)
	}
	request.End()
	failed := false
	sink := telemetry.Sink("crm", emitter.Func(func(ctx context.Context, _ []audit.Record) error {
		if !api.SpanFromContext(ctx).IsRecording() {
			t.Error("no span in the sink's context")
		}
		if !failed {
			failed = true
			return errors.New(secret)
		}
		return nil
	}))
	if err := s.relay.Subscribe("crm", sink, relay.Retry(3, time.Millisecond, time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.relay.Run(run) }()
	var deliveries []trace.ReadOnlySpan
	for end := time.Now().Add(10 * time.Second); len(deliveries) < 2 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		deliveries = nil
		for _, span := range spans.Ended() {
			if span.Name() == "audit.deliver" {
				deliveries = append(deliveries, span)
			}
		}
	}
	stop()
	<-done
	if len(deliveries) < 2 {
		t.Fatalf("%d deliveries", len(deliveries))
	}
	for i, span := range deliveries[:2] {
		if links := span.Links(); len(links) != 1 || links[0].SpanContext.TraceID() != request.SpanContext().TraceID() || links[0].SpanContext.SpanID() != request.SpanContext().SpanID() {
			t.Errorf("links are %v", links)
		}
		if ok := span.Status().Code != codes.Error; ok != (i == 1) {
			t.Errorf("attempt %d has the status %v", i+1, span.Status())
		}
		noSecret(t, "a delivery", span.Attributes())
		noSecret(t, "a delivery", span.Status())
		noSecret(t, "a delivery", span.Events())
	}
}

// What the relay refuses it refuses with a span around it, too.
func TestRefusedSinksStayRefused(t *testing.T) {
	telemetry, _, _ := traced(t)
	s := open(t)
	for name, sink := range map[string]audit.Emitter{
		"nothing":          nil,
		"its own table":    emitter.Table(),
		"a queue":          emitter.Async(emitter.Memory()),
		"no function":      emitter.Func(nil),
		"several, a table": emitter.Multi(emitter.Table(), emitter.Memory()),
	} {
		plain := s.relay.Subscribe(name, sink)
		if with := s.relay.Subscribe(name+" with a span", telemetry.Sink(name, sink)); plain != nil && with == nil {
			t.Errorf("%s is taken with a span, without: %v", name, plain)
		}
	}
}

func TestAlertsAreSpans(t *testing.T) {
	telemetry, _, spans := traced(t)
	channel := telemetry.Channel("ops", alert.Func(func(context.Context, alert.Message) error { return errors.New(secret) }))
	if err := channel.Send(t.Context(), alert.Message{Rule: "mfa", Subject: secret, Text: secret, Attempt: 2}); err == nil || err.Error() != secret {
		t.Errorf("Send returned %v", err)
	}
	ended := spans.Ended()
	if len(ended) != 1 || ended[0].Name() != "audit.alert" || ended[0].Status().Code != codes.Error || len(ended[0].Attributes()) != 4 {
		t.Fatalf("%v", ended)
	}
	noSecret(t, "an alert", ended[0].Attributes())
	noSecret(t, "an alert", ended[0].Status())
	if telemetry.Channel("none", nil) != nil {
		t.Error("no channel became one")
	}
}
