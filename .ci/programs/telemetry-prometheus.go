// A program that counts what the plugin does, for Prometheus.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gorm-audit/auditplugin"
	auditprom "github.com/gorm-audit/auditplugin/telemetry/prometheus"
)

func main() {
	metrics := auditprom.New()
	plugin := auditplugin.New(auditplugin.WithObserver(metrics.Observer()))
	metrics.WatchPlugin(plugin)
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	families, err := registry.Gather()
	if err == nil && len(families) == 0 {
		err = errors.New("nothing was gathered")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(len(families), "metrics")
}
