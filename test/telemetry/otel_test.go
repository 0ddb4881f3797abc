package telemetry

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/gorm-audit/auditplugin"
	auditotel "github.com/gorm-audit/auditplugin/telemetry/otel"
)

// attributes are those that stand behind a metric's name in want, by what they are called
// there, in order.
var attributes = map[string]struct {
	name string
	keys []string
}{
	"auditplugin.records":            {"records", []string{"auditplugin.action", "db.collection.name"}},
	"auditplugin.lost":               {"lost", nil},
	"auditplugin.refused":            {"refused", []string{"error.type"}},
	"auditplugin.capture.duration":   {"capture", []string{"auditplugin.operation"}},
	"auditplugin.flush.duration":     {"flush", []string{"error.type"}},
	"auditplugin.announce.duration":  {"announce", []string{"auditplugin.emitter", "error.type"}},
	"auditplugin.buffered":           {"buffered", nil},
	"auditplugin.emitter.queue":      {"queue", []string{"auditplugin.emitter"}},
	"auditplugin.emitter.dropped":    {"dropped", []string{"auditplugin.emitter"}},
	"auditplugin.relay.lag":          {"relay lag", []string{"auditplugin.subscriber"}},
	"auditplugin.relay.dead_letters": {"relay dead", []string{"auditplugin.subscriber"}},
	"auditplugin.alert.late":         {"alert late", []string{"auditplugin.channel"}},
	"auditplugin.alert.dead":         {"alert dead", []string{"auditplugin.channel"}},
	"auditplugin.collect.failed":     {"failed", []string{"auditplugin.source"}},
	"auditplugin.relay.lag.duration": {"", nil},
}

// key is how want calls a metric.
func key(t *testing.T, name string, has interface {
	Value(attribute.Key) (attribute.Value, bool)
},
) string {
	t.Helper()
	is, known := attributes[name]
	if !known {
		t.Errorf("a metric %s", name)
	}
	var values []string
	for _, k := range is.keys {
		v, ok := has.Value(attribute.Key(k))
		switch {
		case k == "error.type" && !ok:
			values = append(values, "success")
		case k == "error.type" && v.AsString() == "_OTHER":
			values = append(values, "failure")
		default:
			values = append(values, v.AsString())
		}
	}
	if len(values) == 0 {
		return is.name
	}
	return is.name + "{" + strings.Join(values, ",") + "}"
}

func read(t *testing.T, reader metric.Reader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	noSecret(t, "the metrics", all)
	got := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					got[key(t, m.Name, &p.Attributes)] = float64(p.Value)
					if system, _ := p.Attributes.Value("db.system.name"); m.Name == "auditplugin.records" && system.AsString() != "sqlite" {
						t.Errorf("the database is called %q", system.AsString())
					}
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					got[key(t, m.Name, &p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					if p.Value <= 0 {
						t.Errorf("%s is %v", m.Name, p.Value)
					}
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					got[key(t, m.Name, &p.Attributes)] = float64(p.Count)
				}
			default:
				t.Errorf("%s is a %T", m.Name, data)
			}
		}
	}
	return got
}

func TestOpenTelemetryCountsTheScenario(t *testing.T) {
	reader := metric.NewManualReader()
	spans := tracetest.NewSpanRecorder()
	tracers := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	telemetry, err := auditotel.New(auditotel.MeterProvider(metric.NewMeterProvider(metric.WithReader(reader))), auditotel.TracerProvider(tracers))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, auditplugin.WithObserver(telemetry.Observer()), auditplugin.WithTraceFunc(auditotel.Trace))
	s.watch(&telemetry.Sources)
	ctx, span := tracers.Tracer("test").Start(t.Context(), "request")
	s.play(ctx, t)
	span.End()
	compare(t, read(t, reader), want())

	var got []string
	for _, e := range spans.Ended()[0].Events() {
		line := e.Name
		for _, a := range e.Attributes {
			if a.Key != "audit.record.id" {
				line += " " + a.Value.String()
			} else if len(a.Value.AsString()) != 36 {
				t.Errorf("id %q", a.Value.AsString())
			}
		}
		got = append(got, line)
	}
	wantEvents := []string{
		"audit.record create accounts", "audit.record create accounts", "audit.record update accounts", "audit.record create other",
		"audit.record other other", "audit.record raw accounts", "audit.record event notes", "audit.record event orders",
	}
	if strings.Join(got, "\n") != strings.Join(wantEvents, "\n") {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(wantEvents, "\n"))
	}
	for _, e := range spans.Ended() {
		noSecret(t, "a span", e.Name())
		noSecret(t, "a span", e.Attributes())
		noSecret(t, "an event", e.Events())
		noSecret(t, "a status", e.Status())
	}

	if err := telemetry.Close(); err != nil {
		t.Fatal(err)
	}
	if _, asked := read(t, reader)["buffered"]; asked {
		t.Error("the sources are still asked after Close")
	}
}
