package main

import (
	"os"
	"path/filepath"
	"time"

	"tapline.dev/tools/observability/internal/generate"
	"tapline.dev/tools/observability/internal/rules"
	"tapline.dev/tools/observability/internal/setup"
	"tapline.dev/tools/observability/internal/window"
)

// write writes the rules, the dashboards and the configuration of each program.
func (c config) write() error {
	options := generate.Options{
		Rules: rules.Options{Factor: window.Factor(c.factor), Runbooks: c.url(portHooks) + "/runbooks/", Dashboards: c.url(portGrafana) + "/"},
		Receivers: rules.Receivers{
			Page: c.url(portHooks) + "/page", Ticket: c.url(portHooks) + "/ticket", DeadMansSwitch: c.url(portHooks) + "/heartbeat",
		},
		Page: c.page,
	}
	files, err := options.Files()
	if err != nil {
		return err
	}
	folder, err := filepath.Abs(c.dir)
	if err != nil {
		return err
	}
	evaluate := max(time.Second, time.Duration(c.factor*float64(15*time.Second)))
	for name, make := range map[string]func() ([]byte, error){
		"prometheus/prometheus.yaml": func() ([]byte, error) {
			return setup.Prometheus(c.scrape, evaluate, c.targets, c.addr(portAlertmanager))
		},
		"grafana/provisioning/datasources/tapline.yaml": func() ([]byte, error) { return setup.Source(c.url(portPrometheus)) },
		"grafana/provisioning/dashboards/tapline.yaml": func() ([]byte, error) {
			return setup.Dashboards(filepath.Join(folder, "grafana/dashboards"))
		},
	} {
		if files[name], err = make(); err != nil {
			return err
		}
	}
	// What an earlier version wrote must not be read.
	if err := os.RemoveAll(filepath.Join(folder, "grafana/dashboards")); err != nil {
		return err
	}
	return generate.Write(folder, files)
}
