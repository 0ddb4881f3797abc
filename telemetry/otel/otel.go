package otel

import (
	"context"

	api "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/gorm-audit/auditplugin/telemetry"
)

// scope is what instruments and spans are made under.
const scope = "github.com/gorm-audit/auditplugin/telemetry/otel"

// Telemetry has the instruments. What is to be asked when metrics are collected is added by
// WatchPlugin, WatchRelay and WatchAlerts, at any time. It starts no goroutine and is safe
// for concurrent use.
type Telemetry struct {
	telemetry.Sources
	instruments

	tracer       trace.Tracer
	registration metric.Registration
}

// Option changes what [New] makes.
type Option func(*options)

type options struct {
	meters  metric.MeterProvider
	tracers trace.TracerProvider
}

// MeterProvider sets where metrics go; the default is the global one.
func MeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// TracerProvider sets where the spans of [Telemetry.Sink] and [Telemetry.Channel] go; the
// default is the global one. Events are on the span of the context, whoever made it.
func TracerProvider(p trace.TracerProvider) Option { return func(o *options) { o.tracers = p } }

// New makes the instruments of one plugin. It fails where the provider does.
func New(opts ...Option) (*Telemetry, error) {
	o := options{meters: api.GetMeterProvider(), tracers: api.GetTracerProvider()}
	for _, opt := range opts {
		opt(&o)
	}
	t := &Telemetry{tracer: o.tracers.Tracer(scope)}
	meter := o.meters.Meter(scope)
	if err := t.make(meter); err != nil {
		return nil, err
	}
	var err error
	if t.registration, err = t.ask(meter); err != nil {
		return nil, err
	}
	return t, nil
}

// Close takes the callback back that asks the sources when metrics are collected.
func (t *Telemetry) Close() error { return t.registration.Unregister() }

// Trace returns the ids of the span in ctx, or two empty strings. It is for
// auditplugin.WithTraceFunc.
func Trace(ctx context.Context) (traceID, spanID string) {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return "", ""
	}
	return s.TraceID().String(), s.SpanID().String()
}
