// Package prometheus counts and times what the audit plugin does, for Prometheus.
//
//	metrics := prometheus.New()
//	plugin := auditplugin.New(auditplugin.WithObserver(metrics.Observer()))
//	metrics.WatchPlugin(plugin)
//	registry.MustRegister(metrics)
//
// A process with several databases makes one [Metrics] for each, and registers them with
// WrapRegistererWith of Prometheus' own package, so that a label tells them apart.
//
// Labels are bounded: tables are those of models, everything else is "other"; no label has a
// value of a record. The metrics are listed in docs/telemetry.md.
package prometheus
