package prometheus

import (
	"context"

	prom "github.com/prometheus/client_golang/prometheus"
)

// What is asked when metrics are scraped.
var (
	buffered = prom.NewDesc("auditplugin_buffered_records", "Records that open transactions hold in memory.", nil, nil)
	queued   = prom.NewDesc("auditplugin_emitter_queue", "Records that wait in the queue of emitter.Async.", []string{"emitter"}, nil)
	dropped  = prom.NewDesc("auditplugin_emitter_dropped_total", "Records that the queue dropped.", []string{"emitter"}, nil)
	lag      = prom.NewDesc("auditplugin_relay_lag_records", "Records that wait for delivery, up to 100000.", []string{"subscriber"}, nil)
	behind   = prom.NewDesc("auditplugin_relay_lag_seconds", "Age of the oldest record that waits for delivery.", []string{"subscriber"}, nil)
	dead     = prom.NewDesc("auditplugin_relay_dead_letters", "Records that were not accepted and were given up.", []string{"subscriber"}, nil)
	late     = prom.NewDesc("auditplugin_alert_due_late", "Alerts that should have been sent by now.", []string{"channel"}, nil)
	givenUp  = prom.NewDesc("auditplugin_alert_dead", "Alerts that were given up.", []string{"channel"}, nil)
	failed   = prom.NewDesc("auditplugin_scrape_failed", "1 if the relay's or the alerts' tables could not be read for this scrape.", []string{"source"}, nil)

	asked = []*prom.Desc{buffered, queued, dropped, lag, behind, dead, late, givenUp, failed}
)

// Describe implements Prometheus' Collector.
func (m *Metrics) Describe(to chan<- *prom.Desc) {
	for _, c := range m.counted() {
		c.Describe(to)
	}
	for _, d := range asked {
		to <- d
	}
}

// Collect implements Prometheus' Collector. It asks the relays and alert engines that are
// watched, which takes a few queries and at most 5 seconds; where they can not be read, their
// metrics are left out and auditplugin_scrape_failed is 1.
func (m *Metrics) Collect(to chan<- prom.Metric) {
	for _, c := range m.counted() {
		c.Collect(to)
	}
	send := func(d *prom.Desc, kind prom.ValueType, value float64, labels ...string) {
		for i := range labels {
			labels[i] = valid(labels[i])
		}
		to <- prom.MustNewConstMetric(d, kind, value, labels...)
	}
	r := m.Read(context.Background())
	send(buffered, prom.GaugeValue, float64(r.Buffered))
	for name, q := range r.Queues {
		send(queued, prom.GaugeValue, float64(q.Queued), name)
		send(dropped, prom.CounterValue, float64(q.Dropped), name)
	}
	for _, s := range r.Subscribers {
		send(lag, prom.GaugeValue, float64(s.Lag), s.Name)
		send(behind, prom.GaugeValue, s.Behind.Seconds(), s.Name)
		send(dead, prom.GaugeValue, float64(s.Dead), s.Name)
	}
	for _, c := range r.Channels {
		send(late, prom.GaugeValue, float64(c.Late), c.Channel)
		send(givenUp, prom.GaugeValue, float64(c.Dead), c.Channel)
	}
	for source, is := range map[string]bool{"relay": r.RelayFailed, "alerts": r.AlertsFailed} {
		value := 0.0
		if is {
			value = 1
		}
		send(failed, prom.GaugeValue, value, source)
	}
}

// counted are the metrics that the observer counts.
func (m *Metrics) counted() []prom.Collector {
	return []prom.Collector{m.records, m.capture, m.flush, m.announce, m.lost, m.refused}
}
