package rules

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Head stands above every file that is generated.
const Head = "# Written by `make observability` from tools/observability. Change it there, not here.\n"

type file struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// interval is how often the rules are evaluated.
const interval = 15 * time.Second

// Alerts is the file with every alert.
func Alerts(o Options) ([]byte, error) {
	var out file
	for _, g := range Groups() {
		made := group{Name: g.Name, Interval: o.Factor.Duration(interval)}
		for _, a := range g.Alerts {
			made.Rules = append(made.Rules, a.rule(o))
		}
		out.Groups = append(out.Groups, made)
	}
	return Encode(out)
}

func (a Alert) rule(o Options) rule {
	r := rule{
		Alert:  a.Name,
		Expr:   o.Factor.Text(a.Expr),
		Labels: map[string]string{"severity": a.severity(), "product": "tapline"},
		Annotations: map[string]string{
			"summary":     a.Summary,
			"description": o.Factor.Text(a.Description),
			"runbook_url": o.Runbooks + a.Name + ".md",
		},
	}
	if a.Scope != "" {
		r.Labels["scope"] = a.Scope
	}
	if a.For > 0 {
		r.For = o.Factor.Duration(a.For)
	}
	if link, ok := dashboardOf[a.Scope]; ok {
		r.Annotations["dashboard_url"] = o.Dashboards + link
	}
	return r
}

func (a Alert) severity() string {
	if !a.Own {
		return a.Severity
	}
	return `{{ if or (eq $labels.severity "page") (eq $labels.severity "ticket") }}{{ $labels.severity }}{{ else }}` + a.Severity + `{{ end }}`
}

// dashboardOf are the dashboards that show what an alert of a scope is about.
var dashboardOf = map[string]string{
	"import":     "d/tapline-import?var-import={{ $labels.import }}",
	"account":    "d/tapline-account?var-account={{ $labels.account }}",
	"connection": "d/tapline-connection?var-connection={{ $labels.connection }}",
	"pipeline":   "d/tapline-pipeline",
	"service":    "d/tapline-services",
}

// Encode writes a generated YAML file.
func Encode(v any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(Head)
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding YAML: %w", err)
	}
	return out.Bytes(), e.Close()
}
