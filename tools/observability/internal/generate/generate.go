// Package generate makes every file that a deployment is watched with.
package generate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tapline.dev/tools/observability/internal/boards"
	"tapline.dev/tools/observability/internal/rules"
	"tapline.dev/tools/observability/internal/setup"
)

// Options are all that the files depend on.
type Options struct {
	Rules     rules.Options
	Receivers rules.Receivers
	// Page is the address of Import Center's page.
	Page string
}

// Production is what the committed files are written with. The addresses are those of
// `make observe`.
func Production() Options {
	return Options{
		Rules: rules.Options{Factor: 1, Runbooks: "http://127.0.0.1:19093/runbooks/", Dashboards: "http://127.0.0.1:19092/"},
		Receivers: rules.Receivers{
			Page: "http://127.0.0.1:19093/page", Ticket: "http://127.0.0.1:19093/ticket", DeadMansSwitch: "http://127.0.0.1:19093/heartbeat",
			Teams: map[string]string{"growth": "http://127.0.0.1:19093/growth"},
		},
		Page: "http://127.0.0.1:19000",
	}
}

const boardsFolder = "grafana/dashboards/"

// Files returns the rules, their tests, the routes and the dashboards, by path.
func (o Options) Files() (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, made := range map[string]func() ([]byte, error){
		"prometheus/alerts.yaml":         func() ([]byte, error) { return rules.Alerts(o.Rules) },
		"prometheus/slo.yaml":            func() ([]byte, error) { return rules.Promises(o.Rules) },
		"alertmanager/alertmanager.yaml": func() ([]byte, error) { return rules.Alertmanager(o.Rules, o.Receivers) },
	} {
		text, err := made()
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", name, err)
		}
		out[name] = text
	}
	tests, err := rules.Tests("alerts.yaml", "slo.yaml")
	if err != nil {
		return nil, err
	}
	for name, text := range tests {
		out["prometheus/"+name] = text
	}
	made, err := boards.All(o.Page)
	if err != nil {
		return nil, err
	}
	for name, text := range made {
		out[boardsFolder+name] = text
	}
	return out, nil
}

// Composed returns the further files that docker-compose.yml mounts.
func Composed() (map[string][]byte, error) {
	targets := map[string][]string{}
	for _, service := range []string{"scheduler", "extractor", "mapper", "loader", "importcenter"} {
		targets[service] = []string{service + ":19010"}
	}
	prometheus, err := setup.Prometheus(15*time.Second, 15*time.Second, targets, "alertmanager:9093")
	if err != nil {
		return nil, err
	}
	source, err := setup.Source("http://prometheus:9090")
	if err != nil {
		return nil, err
	}
	dashboards, err := setup.Dashboards("/etc/tapline/dashboards")
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"prometheus/prometheus.yaml":                    prometheus,
		"grafana/provisioning/datasources/tapline.yaml": source,
		"grafana/provisioning/dashboards/tapline.yaml":  dashboards,
	}, nil
}

// Write writes the files into a folder.
func Write(folder string, files map[string][]byte) error {
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder of %s: %w", name, err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// Compare says which files of a folder are not what Write would write.
func Compare(folder string, files map[string][]byte) error {
	var errs []error
	for name, text := range files {
		held, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(held, text) {
			errs = append(errs, fmt.Errorf("%s is not what tools/observability writes: run make observability", filepath.Join(folder, name)))
		}
	}
	held, err := fs.Glob(os.DirFS(folder), boardsFolder+"*.json")
	if err != nil {
		return err
	}
	for _, name := range held {
		if files[name] == nil {
			errs = append(errs, fmt.Errorf("%s is written by nothing: delete it", filepath.Join(folder, name)))
		}
	}
	return errors.Join(errs...)
}
