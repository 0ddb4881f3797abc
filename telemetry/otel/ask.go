package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// ask registers what is asked when metrics are collected.
func (t *Telemetry) ask(m metric.Meter) (metric.Registration, error) {
	var errs []error
	gauge := func(name, unit, description string) metric.Int64ObservableGauge {
		g, err := m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return g
	}
	buffered := gauge("auditplugin.buffered", "{record}", "Records that open transactions hold in memory.")
	queued := gauge("auditplugin.emitter.queue", "{record}", "Records that wait in the queue of emitter.Async.")
	dropped, err := m.Int64ObservableCounter("auditplugin.emitter.dropped", metric.WithUnit("{record}"), metric.WithDescription("Records that the queue dropped."))
	errs = append(errs, err)
	lag := gauge("auditplugin.relay.lag", "{record}", "Records that wait for delivery, up to 100000.")
	behind, err := m.Float64ObservableGauge("auditplugin.relay.lag.duration", metric.WithUnit("s"), metric.WithDescription("Age of the oldest record that waits for delivery."))
	errs = append(errs, err)
	dead := gauge("auditplugin.relay.dead_letters", "{record}", "Records that were not accepted and were given up.")
	late := gauge("auditplugin.alert.late", "{alert}", "Alerts that should have been sent by now.")
	givenUp := gauge("auditplugin.alert.dead", "{alert}", "Alerts that were given up.")
	failed := gauge("auditplugin.collect.failed", "1", "1 if the relay's or the alerts' tables could not be read.")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		r := t.Read(ctx)
		o.ObserveInt64(buffered, r.Buffered)
		for name, q := range r.Queues {
			by := metric.WithAttributes(attribute.String("auditplugin.emitter", name))
			o.ObserveInt64(queued, int64(q.Queued), by)
			o.ObserveInt64(dropped, int64(q.Dropped), by)
		}
		for _, s := range r.Subscribers {
			by := metric.WithAttributes(attribute.String("auditplugin.subscriber", s.Name))
			o.ObserveInt64(lag, s.Lag, by)
			o.ObserveFloat64(behind, s.Behind.Seconds(), by)
			o.ObserveInt64(dead, s.Dead, by)
		}
		for _, c := range r.Channels {
			by := metric.WithAttributes(attribute.String("auditplugin.channel", c.Channel))
			o.ObserveInt64(late, int64(c.Late), by)
			o.ObserveInt64(givenUp, int64(c.Dead), by)
		}
		for source, is := range map[string]bool{"relay": r.RelayFailed, "alerts": r.AlertsFailed} {
			value := int64(0)
			if is {
				value = 1
			}
			o.ObserveInt64(failed, value, metric.WithAttributes(attribute.String("auditplugin.source", source)))
		}
		return nil
	}, buffered, queued, dropped, lag, behind, dead, late, givenUp, failed)
}
