package prometheus_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gorm-audit/auditplugin"
	auditprom "github.com/gorm-audit/auditplugin/telemetry/prometheus"
)

// Give the observer to the plugin and the metrics to a registry.
func ExampleNew() {
	metrics := auditprom.New()
	plugin := auditplugin.New(auditplugin.WithObserver(metrics.Observer())) // db.Use(plugin)
	metrics.WatchPlugin(plugin)

	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics) // promhttp.HandlerFor(registry, …) serves it

	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		fmt.Println(f.GetName())
	}
	// Output:
	// auditplugin_buffered_records
	// auditplugin_lost_total
	// auditplugin_scrape_failed
}
