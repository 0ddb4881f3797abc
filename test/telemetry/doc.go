// Package telemetry plays one scenario and compares what Prometheus and OpenTelemetry say
// of it. It is a module of its own, so that the SDK and the driver are no requirements of
// telemetry/prometheus and telemetry/otel.
package telemetry
