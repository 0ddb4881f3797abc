package otel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/trace"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	auditotel "github.com/gorm-audit/auditplugin/telemetry/otel"
)

// Give the observer and the trace function to the plugin.
func ExampleNew() {
	telemetry, err := auditotel.New() // with the global providers
	if err != nil {
		panic(err)
	}
	defer telemetry.Close()
	plugin := auditplugin.New( // db.Use(plugin)
		auditplugin.WithObserver(telemetry.Observer()),
		auditplugin.WithTraceFunc(auditotel.Trace),
	)
	telemetry.WatchPlugin(plugin)
	fmt.Println(plugin.Name())
	// Output: auditplugin
}

// A sink with a span for each delivery, linked to the traces in which the records were made.
func ExampleTelemetry_Sink() {
	telemetry, err := auditotel.New()
	if err != nil {
		panic(err)
	}
	defer telemetry.Close()
	sink := telemetry.Sink("warehouse", emitter.Func(func(_ context.Context, records []audit.Record) error {
		fmt.Println(len(records), "delivered")
		return nil
	}))
	// err = r.Subscribe("warehouse", sink)
	fmt.Println(sink.Emit(context.Background(), []audit.Record{{TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", SpanID: "00f067aa0ba902b7"}}))
	// Output:
	// 1 delivered
	// <nil>
}

// The trace of a context, as records have it.
func ExampleTrace() {
	traceID, err := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	if err != nil {
		panic(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: trace.SpanID{1}})
	fmt.Println(auditotel.Trace(trace.ContextWithSpanContext(context.Background(), span)))
	// Output: 4bf92f3577b34da6a3ce929d0e0e4736 0100000000000000
}
