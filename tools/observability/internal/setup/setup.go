// Package setup holds the configurations of Prometheus and of Grafana.
package setup

import (
	"maps"
	"slices"
	"time"

	"tapline.dev/tools/observability/internal/rules"
	"tapline.dev/tools/observability/internal/window"
)

type promConfig struct {
	Global        map[string]string `yaml:"global"`
	RuleFiles     []string          `yaml:"rule_files"`
	Alerting      promAlerting      `yaml:"alerting"`
	ScrapeConfigs []promScrape      `yaml:"scrape_configs"`
}

type promAlerting struct {
	Alertmanagers []promStatic `yaml:"alertmanagers"`
}

type promStatic struct {
	Configs []promTargets `yaml:"static_configs"`
}

type promTargets struct {
	Targets []string          `yaml:"targets,flow"`
	Labels  map[string]string `yaml:"labels,omitempty"`
}

type promScrape struct {
	JobName string        `yaml:"job_name"`
	Configs []promTargets `yaml:"static_configs"`
}

// Prometheus is the configuration of a Prometheus that scrapes the services' admin
// addresses, which targets names by service, and tells an Alertmanager.
func Prometheus(scrape, evaluate time.Duration, targets map[string][]string, alertmanager string) ([]byte, error) {
	config := promConfig{
		Global:    map[string]string{"scrape_interval": window.Print(scrape), "evaluation_interval": window.Print(evaluate)},
		RuleFiles: []string{"alerts.yaml", "slo.yaml"},
		Alerting:  promAlerting{[]promStatic{{[]promTargets{{Targets: []string{alertmanager}}}}}},
	}
	job := promScrape{JobName: "tapline"}
	for _, service := range slices.Sorted(maps.Keys(targets)) {
		job.Configs = append(job.Configs, promTargets{Targets: targets[service], Labels: map[string]string{"service": service}})
	}
	config.ScrapeConfigs = []promScrape{job}
	return rules.Encode(config)
}

type grafanaSources struct {
	APIVersion  int             `yaml:"apiVersion"`
	Datasources []grafanaSource `yaml:"datasources"`
}

type grafanaSource struct {
	Name      string `yaml:"name"`
	Type      string `yaml:"type"`
	Access    string `yaml:"access"`
	URL       string `yaml:"url"`
	IsDefault bool   `yaml:"isDefault"`
}

// Source tells Grafana where Prometheus is.
func Source(prometheus string) ([]byte, error) {
	return rules.Encode(grafanaSources{1, []grafanaSource{{"Prometheus", "prometheus", "proxy", prometheus, true}}})
}

type grafanaProviders struct {
	APIVersion int               `yaml:"apiVersion"`
	Providers  []grafanaProvider `yaml:"providers"`
}

type grafanaProvider struct {
	Name    string            `yaml:"name"`
	Folder  string            `yaml:"folder"`
	Type    string            `yaml:"type"`
	Options map[string]string `yaml:"options"`
}

// Dashboards tells Grafana in which folder the dashboards lie.
func Dashboards(folder string) ([]byte, error) {
	return rules.Encode(grafanaProviders{1, []grafanaProvider{{"tapline", "Tapline", "file", map[string]string{"path": folder}}}})
}
