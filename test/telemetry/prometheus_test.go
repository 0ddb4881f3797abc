package telemetry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
	auditprom "github.com/gorm-audit/auditplugin/telemetry/prometheus"
)

// short are the names in want, by those of Prometheus.
var short = map[string]string{
	"auditplugin_records_total":         "records",
	"auditplugin_lost_total":            "lost",
	"auditplugin_refused_total":         "refused",
	"auditplugin_capture_seconds":       "capture",
	"auditplugin_flush_seconds":         "flush",
	"auditplugin_announce_seconds":      "announce",
	"auditplugin_buffered_records":      "buffered",
	"auditplugin_emitter_queue":         "queue",
	"auditplugin_emitter_dropped_total": "dropped",
	"auditplugin_relay_lag_records":     "relay lag",
	"auditplugin_relay_dead_letters":    "relay dead",
	"auditplugin_alert_due_late":        "alert late",
	"auditplugin_alert_dead":            "alert dead",
	"auditplugin_scrape_failed":         "failed",
}

func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		name := short[f.GetName()]
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			key := name
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			switch {
			case f.GetName() == "auditplugin_relay_lag_seconds":
				if m.GetGauge().GetValue() <= 0 {
					t.Errorf("%s is %v", f.GetName(), m)
				}
			case m.GetHistogram() != nil:
				got[key] = float64(m.GetHistogram().GetSampleCount())
			default:
				got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return got
}

func scrape(registry *prometheus.Registry) string {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text")
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	return w.Body.String()
}

func TestPrometheusCountsTheScenario(t *testing.T) {
	metrics := auditprom.New()
	s := open(t, auditplugin.WithObserver(metrics.Observer()))
	s.watch(&metrics.Sources)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics)
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	s.play(audit.WithTrace(t.Context(), traceID, "00f067aa0ba902b7"), t)
	compare(t, gather(t, registry), want())

	text := scrape(registry)
	for _, line := range []string{
		`auditplugin_records_total{action="create",table="accounts"} 2.0 # {trace_id="` + traceID + `"} 2.0`,
		`auditplugin_lost_total 3.0`,
		`auditplugin_refused_total{reason="actor_required"} 1.0`,
		`auditplugin_capture_seconds_count{op="create"} 4`,
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("the text lacks %s", line)
		}
	}
	noSecret(t, "the text", text)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

// A trace that is none of W3C's is the application's text.
func TestPrometheusExemplarsAreTraces(t *testing.T) {
	metrics := auditprom.New()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics)
	s := open(t, auditplugin.WithObserver(metrics.Observer()))
	for i, id := range []string{secret, strings.Repeat(secret, 20), "\xff"} {
		ctx := audit.WithTrace(t.Context(), id, "")
		if err := s.db.WithContext(ctx).Create(&account{}).Error; err != nil {
			t.Fatal(err)
		}
		noSecret(t, "the text", scrape(registry))
		if n := gather(t, registry)["records{create,accounts}"]; n != float64(i+1) {
			t.Errorf("%v records", n)
		}
	}
}

// What can not be asked is left out, and the rest is there.
func TestPrometheusWithoutTheRelaysTables(t *testing.T) {
	metrics := auditprom.New()
	s := open(t, auditplugin.WithObserver(metrics.Observer()))
	s.watch(&metrics.Sources)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics)
	pool, err := s.db.DB()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("ALTER TABLE audit_relay_positions RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	got := gather(t, registry)
	if got["failed{relay}"] != 1 || got["failed{alerts}"] != 0 {
		t.Errorf("failed: %v", got)
	}
	if _, there := got["relay lag{warehouse}"]; there {
		t.Error("a lag that nobody knows")
	}
	if _, there := got["alert late{inbox}"]; !there {
		t.Error("the alerts are left out, too")
	}
}

func TestHealthAnswerHasNoSecret(t *testing.T) {
	s := open(t)
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		audithttp.Health(s.checks()...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
		return w.Code, w.Body.String()
	}
	if code, body := ask(); code != http.StatusOK || body != "audit: ok\nrelay: ok\nalerts: ok\n" {
		t.Errorf("%d %q", code, body)
	}
	s.play(t.Context(), t)
	code, body := ask()
	if code != http.StatusServiceUnavailable || body != "audit: failing\nrelay: ok\nalerts: ok\n" {
		t.Errorf("%d %q", code, body)
	}
	noSecret(t, "the reason", s.plugin.Health(t.Context()))
}
