// A program that counts and traces what the plugin does, for OpenTelemetry.
package main

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel/trace"

	"github.com/gorm-audit/auditplugin"
	auditotel "github.com/gorm-audit/auditplugin/telemetry/otel"
)

func main() {
	telemetry, err := auditotel.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	telemetry.WatchPlugin(auditplugin.New(auditplugin.WithObserver(telemetry.Observer()), auditplugin.WithTraceFunc(auditotel.Trace)))
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	traceID, spanID := auditotel.Trace(trace.ContextWithSpanContext(context.Background(), span))
	if len(traceID) != 32 || len(spanID) != 16 {
		fmt.Fprintln(os.Stderr, "trace:", traceID, spanID)
		os.Exit(1)
	}
	fmt.Println(traceID, spanID)
}
