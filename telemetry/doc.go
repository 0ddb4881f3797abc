// Package telemetry has what the modules telemetry/prometheus and telemetry/otel share: the
// values that labels may have, and what is asked when metrics are collected. Use it to send
// the same to another system; audit.Observer is what it hears, and [Sources] what it asks.
package telemetry
