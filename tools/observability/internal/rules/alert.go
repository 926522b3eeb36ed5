// Package rules holds every alert, its tests and who is told.
package rules

import (
	"time"

	"tapline.dev/tools/observability/internal/window"
)

// Severities say what a person does: get up, look at it in working hours, or nothing.
const (
	Page   = "page"
	Ticket = "ticket"
	None   = "none"
)

// Alert is one rule. In Expr, {5m} is a duration and {=5m} its seconds, so that a factor
// can shorten both.
type Alert struct {
	Name     string
	Severity string
	// Own says that the label severity of an import decides, where it has one.
	Own bool
	// For is how long the expression holds before somebody is told.
	For  time.Duration
	Expr string
	// Summary is one line: what is wrong with what.
	Summary string
	// Description is what it costs, and the first command.
	Description string
	// Scope names the labels by which an alert that is the cause mutes those that follow.
	Scope string
	// Fires and Quiet are series, one sample every minute. The alert fires at the minute At of
	// the first, and not of the second.
	Fires, Quiet []Series
	At           time.Duration
	// Every is the time between the samples, if it is not a minute: a day of minutes takes
	// promtool a minute.
	Every time.Duration
	// Labels are what the alert that fires must carry besides its name and severity.
	Labels map[string]string
}

// Series is an input series in promtool's notation.
type Series struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// Group is a set of alerts that are evaluated together.
type Group struct {
	Name   string
	Alerts []Alert
}

// Options say how the files are written.
type Options struct {
	Factor window.Factor
	// Runbooks is the address under which the runbooks lie, with a slash at its end.
	Runbooks string
	// Dashboards is the address of Grafana, with a slash at its end.
	Dashboards string
}

// All returns every alert of every group.
func All() []Alert {
	var out []Alert
	for _, g := range Groups() {
		out = append(out, g.Alerts...)
	}
	return out
}
