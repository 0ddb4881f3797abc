// Package otel counts, times and traces what the audit plugin does, for OpenTelemetry.
//
//	t, err := otel.New()
//	plugin := auditplugin.New(
//		auditplugin.WithObserver(t.Observer()),
//		auditplugin.WithTraceFunc(otel.Trace),
//	)
//	t.WatchPlugin(plugin)
//
// Records then have the trace and the span of the service, which win over a client's
// traceparent header, and the span in whose context the transaction began has an event
// audit.record for each record that was committed.
//
// Names follow the semantic conventions. Attributes of metrics are bounded: tables are those
// of models, everything else is "other". Nothing has a value of a record. What there is is
// listed in docs/telemetry.md.
package otel
