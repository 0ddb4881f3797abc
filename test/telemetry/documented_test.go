package telemetry

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	auditotel "github.com/gorm-audit/auditplugin/telemetry/otel"
	auditprom "github.com/gorm-audit/auditplugin/telemetry/prometheus"
)

// What docs/telemetry.md shows of the modules, word for word; see docs_test.go.

func install(db *gorm.DB) error {
	metrics := auditprom.New()
	plugin := auditplugin.New(auditplugin.WithObserver(metrics.Observer()))
	metrics.WatchPlugin(plugin)
	prometheus.MustRegister(metrics)
	return db.Use(plugin)
}

func installTraced(db *gorm.DB) error {
	telemetry, err := auditotel.New()
	if err != nil {
		return err
	}
	plugin := auditplugin.New(
		auditplugin.WithObserver(telemetry.Observer()),
		auditplugin.WithTraceFunc(auditotel.Trace),
	)
	telemetry.WatchPlugin(plugin)
	return db.Use(plugin)
}

func watch(metrics *auditprom.Metrics, r *relay.Relay, alerts *alert.Engine) {
	metrics.WatchRelay(r)
	metrics.WatchAlerts(alerts)
}

func deliver(telemetry *auditotel.Telemetry, r *relay.Relay, sink audit.Emitter) error {
	return r.Subscribe("warehouse", telemetry.Sink("warehouse", sink))
}

func send(telemetry *auditotel.Telemetry, chat alert.Channel) map[string]alert.Channel {
	return map[string]alert.Channel{"chat": telemetry.Channel("chat", chat)}
}

func logs() audit.Emitter {
	return emitter.Slog(slog.New(otelslog.NewHandler("audit")))
}

var _ = []any{install, installTraced, watch, deliver, send, logs}
