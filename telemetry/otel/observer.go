package otel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/telemetry"
)

// instruments are what the observer counts and times with.
type instruments struct {
	records, lost, refused   metric.Int64Counter
	capture, flush, announce metric.Float64Histogram
}

func (i *instruments) make(m metric.Meter) error {
	var errs [6]error
	i.records, errs[0] = m.Int64Counter("auditplugin.records", metric.WithUnit("{record}"), metric.WithDescription("Records that were committed."))
	i.lost, errs[1] = m.Int64Counter("auditplugin.lost", metric.WithUnit("{record}"), metric.WithDescription("Records that could not be written and whose changes were kept."))
	i.refused, errs[2] = m.Int64Counter("auditplugin.refused", metric.WithUnit("{write}"), metric.WithDescription("Writes that were refused."))
	seconds := func(name, description string) (metric.Float64Histogram, error) {
		return m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	}
	i.capture, errs[3] = seconds("auditplugin.capture.duration", "Statements that write to audited tables, with their images and records.")
	i.flush, errs[4] = seconds("auditplugin.flush.duration", "Writing records to the audit table inside a transaction.")
	i.announce, errs[5] = seconds("auditplugin.announce.duration", "Calls of emitters after a commit.")
	return errors.Join(errs[:]...)
}

// Observer is what auditplugin.WithObserver takes.
func (t *Telemetry) Observer() audit.Observer {
	return audit.Observer{
		Captured: func(ctx context.Context, c audit.Captured) {
			t.capture.Record(ctx, c.Took.Seconds(), metric.WithAttributes(attribute.String("auditplugin.operation", c.Operation)))
		},
		Committed: func(ctx context.Context, c audit.Committed) {
			n := 0
			for _, count := range c.Counts {
				n += count.Records
				t.records.Add(ctx, int64(count.Records), metric.WithAttributes(
					attribute.String("db.system.name", c.System),
					attribute.String("db.collection.name", telemetry.Table(count.Table)),
					attribute.String("auditplugin.action", telemetry.Action(count.Action))))
			}
			mention(trace.SpanFromContext(ctx), c.First, n)
		},
		Flushed: func(ctx context.Context, _ int, took time.Duration, err error) {
			t.flush.Record(ctx, took.Seconds(), metric.WithAttributes(outcome(err)...))
		},
		Announced: func(ctx context.Context, emitter string, _ int, took time.Duration, err error) {
			t.announce.Record(ctx, took.Seconds(), metric.WithAttributes(append(outcome(err), attribute.String("auditplugin.emitter", emitter))...))
		},
		Lost: func(ctx context.Context, records int, _ error) { t.lost.Add(ctx, int64(records)) },
		Refused: func(ctx context.Context, reason error) {
			t.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("error.type", telemetry.Reason(reason))))
		},
	}
}

// outcome is how the conventions say that something failed: by error.type, or not at all.
// The error's own text may quote values.
func outcome(err error) []attribute.KeyValue {
	if err == nil {
		return nil
	}
	return []attribute.KeyValue{attribute.String("error.type", "_OTHER")}
}

// mention puts n records on the span: the first of them each, the others as a number. A span
// holds few events, and its own count, too.
func mention(span trace.Span, first []audit.Mention, n int) {
	if !span.IsRecording() {
		return
	}
	for _, m := range first {
		span.AddEvent("audit.record", trace.WithAttributes(
			attribute.String("audit.record.id", m.ID),
			attribute.String("auditplugin.action", telemetry.Action(m.Action)),
			attribute.String("db.collection.name", telemetry.Table(m.Table))))
	}
	if more := n - len(first); more > 0 {
		span.AddEvent("audit.records", trace.WithAttributes(attribute.Int("auditplugin.records", more)))
	}
}
