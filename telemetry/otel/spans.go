package otel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// mostLinks is how many traces a delivery's span is linked to.
const mostLinks = 32

// Sink returns next with a span audit.deliver around each call, linked to the traces of the
// records. It is for relay.Subscribe, which finds in it what it would find in next. The span
// has the subscriber's name and the number of records, and of an error its Go type: its text
// may quote values.
func (t *Telemetry) Sink(subscriber string, next audit.Emitter) audit.Emitter {
	switch next.(type) {
	case nil, audit.TxEmitter, *emitter.AsyncEmitter:
		return next // the relay refuses it
	case emitter.Binder:
		return &bindingSink{sink{t, subscriber, next}}
	}
	return &sink{t, subscriber, next}
}

type sink struct {
	t          *Telemetry
	subscriber string
	next       audit.Emitter
}

// Emit calls the sink.
func (s *sink) Emit(ctx context.Context, records []audit.Record) error {
	ctx, span := s.t.tracer.Start(ctx, "audit.deliver", trace.WithSpanKind(trace.SpanKindProducer), trace.WithLinks(links(records)...),
		trace.WithAttributes(attribute.String("auditplugin.subscriber", s.subscriber), attribute.Int("auditplugin.records", len(records))))
	defer span.End()
	return ended(span, s.next.Emit(ctx, records))
}

// bindingSink is a sink that has to be bound to the database.
type bindingSink struct{ sink }

// Bind binds the sink.
func (s *bindingSink) Bind(db *gorm.DB) (audit.Emitter, error) {
	bound, err := s.next.(emitter.Binder).Bind(db)
	if err != nil {
		return nil, err
	}
	if _, ok := bound.(audit.TxEmitter); ok {
		return bound, nil
	}
	return &sink{s.t, s.subscriber, bound}, nil
}

// links are to the spans of the records, each trace once.
func links(records []audit.Record) []trace.Link {
	var all []trace.Link
	seen := map[string]bool{}
	for i := range records {
		r := &records[i]
		if r.TraceID == "" || seen[r.TraceID] || len(all) == mostLinks {
			continue
		}
		seen[r.TraceID] = true
		traceID, err := trace.TraceIDFromHex(r.TraceID)
		spanID, serr := trace.SpanIDFromHex(r.SpanID)
		if err != nil || serr != nil {
			continue
		}
		all = append(all, trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, Remote: true})})
	}
	return all
}

// Channel returns next with a span audit.alert around each message. The span has the rule's
// name, the channel's and the number of the attempt, nothing of what the message says.
func (t *Telemetry) Channel(name string, next alert.Channel) alert.Channel {
	if next == nil {
		return nil
	}
	return alert.Func(func(ctx context.Context, m alert.Message) error {
		ctx, span := t.tracer.Start(ctx, "audit.alert", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("auditplugin.rule", m.Rule), attribute.String("auditplugin.channel", name), attribute.Int("auditplugin.attempt", m.Attempt)))
		defer span.End()
		return ended(span, next.Send(ctx, m))
	})
}

func ended(span trace.Span, err error) error {
	if err != nil {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(attribute.String("error.type", fmt.Sprintf("%T", err)))
	}
	return err
}
