package prometheus

import (
	"context"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/telemetry"
)

// Metrics is a collector of Prometheus. What it is to ask when it is scraped is added by
// WatchPlugin, WatchRelay and WatchAlerts, at any time. It starts no goroutine and is safe
// for concurrent use.
type Metrics struct {
	telemetry.Sources

	trace    func(ctx context.Context) (traceID, spanID string)
	records  *prom.CounterVec
	capture  *prom.HistogramVec
	flush    *prom.HistogramVec
	announce *prom.HistogramVec
	lost     prom.Counter
	refused  *prom.CounterVec
}

var _ prom.Collector = (*Metrics)(nil)

// Option changes what [New] makes.
type Option func(*Metrics)

// Trace sets how the trace of a context is found, for exemplars; the default is
// [audit.TraceFrom]. Give the same function to auditplugin.WithTraceFunc.
func Trace(f func(ctx context.Context) (traceID, spanID string)) Option {
	return func(m *Metrics) {
		if f != nil {
			m.trace = f
		}
	}
}

// buckets are seconds: of a write, and of emitters that should not be called there.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// New makes the metrics of one plugin.
func New(opts ...Option) *Metrics {
	counter := func(name, help string) prom.CounterOpts { return prom.CounterOpts{Name: name, Help: help} }
	histogram := func(name, help string, labels ...string) *prom.HistogramVec {
		return prom.NewHistogramVec(prom.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		trace:    audit.TraceFrom,
		records:  prom.NewCounterVec(counter("auditplugin_records_total", "Records that were committed."), []string{"action", "table"}),
		capture:  histogram("auditplugin_capture_seconds", "Statements that write to audited tables, with their images and records.", "op"),
		flush:    histogram("auditplugin_flush_seconds", "Writing records to the audit table inside a transaction.", "outcome"),
		announce: histogram("auditplugin_announce_seconds", "Calls of emitters after a commit.", "emitter", "outcome"),
		lost:     prom.NewCounter(counter("auditplugin_lost_total", "Records that could not be written and whose changes were kept.")),
		refused:  prom.NewCounterVec(counter("auditplugin_refused_total", "Writes that were refused."), []string{"reason"}),
	}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// Observer is what auditplugin.WithObserver takes.
func (m *Metrics) Observer() audit.Observer {
	return audit.Observer{
		Captured: func(ctx context.Context, c audit.Captured) {
			m.observe(ctx, m.capture.WithLabelValues(c.Operation), c.Took)
		},
		Committed: func(ctx context.Context, c audit.Committed) {
			for _, n := range c.Counts {
				m.add(ctx, m.records.WithLabelValues(telemetry.Action(n.Action), valid(telemetry.Table(n.Table))), n.Records)
			}
		},
		Flushed: func(ctx context.Context, _ int, took time.Duration, err error) {
			m.observe(ctx, m.flush.WithLabelValues(telemetry.Outcome(err)), took)
		},
		Announced: func(ctx context.Context, emitter string, _ int, took time.Duration, err error) {
			m.observe(ctx, m.announce.WithLabelValues(valid(emitter), telemetry.Outcome(err)), took)
		},
		Lost: func(ctx context.Context, records int, _ error) { m.add(ctx, m.lost, records) },
		Refused: func(ctx context.Context, reason error) {
			m.add(ctx, m.refused.WithLabelValues(telemetry.Reason(reason)), 1)
		},
	}
}
