package rules

import (
	"maps"
	"slices"
	"time"
)

type amConfig struct {
	Global       map[string]any `yaml:"global,omitempty"`
	Route        amRoute        `yaml:"route"`
	InhibitRules []amInhibit    `yaml:"inhibit_rules"`
	Receivers    []amReceiver   `yaml:"receivers"`
}

type amRoute struct {
	Receiver       string    `yaml:"receiver"`
	Matchers       []string  `yaml:"matchers,omitempty,flow"`
	GroupBy        []string  `yaml:"group_by,omitempty,flow"`
	GroupWait      string    `yaml:"group_wait,omitempty"`
	GroupInterval  string    `yaml:"group_interval,omitempty"`
	RepeatInterval string    `yaml:"repeat_interval,omitempty"`
	Continue       bool      `yaml:"continue,omitempty"`
	Routes         []amRoute `yaml:"routes,omitempty"`
}

type amInhibit struct {
	Source []string `yaml:"source_matchers,flow"`
	Target []string `yaml:"target_matchers,flow"`
	Equal  []string `yaml:"equal,omitempty,flow"`
}

type amReceiver struct {
	Name    string      `yaml:"name"`
	Webhook []amWebhook `yaml:"webhook_configs,omitempty"`
}

type amWebhook struct {
	URL          string `yaml:"url"`
	SendResolved bool   `yaml:"send_resolved"`
}

// Receivers are where messages go: the addresses of webhooks.
type Receivers struct {
	Page, Ticket, DeadMansSwitch string
	// Teams are addresses by the label team of an import.
	Teams map[string]string
}

// Alertmanager is an example configuration: pages and tickets go different ways, an alert
// of an import goes to its team, and one cause is told once.
func Alertmanager(o Options, to Receivers) ([]byte, error) {
	hook := func(url string) []amWebhook { return []amWebhook{{URL: url, SendResolved: true}} }
	config := amConfig{
		Route: amRoute{
			Receiver:      "ticket",
			GroupBy:       []string{"alertname", "import", "account", "connection"},
			GroupWait:     o.Factor.Duration(30 * time.Second),
			GroupInterval: o.Factor.Duration(5 * time.Minute), RepeatInterval: o.Factor.Duration(4 * time.Hour),
			Routes: []amRoute{{
				Receiver: "dead-mans-switch", Matchers: []string{`alertname="TaplineDeadMansSwitch"`},
				GroupWait: "0s", GroupInterval: o.Factor.Duration(time.Minute), RepeatInterval: o.Factor.Duration(time.Minute),
			}},
		},
		InhibitRules: inhibitions(),
		Receivers: []amReceiver{
			{Name: "page", Webhook: hook(to.Page)},
			{Name: "ticket", Webhook: hook(to.Ticket)},
			{Name: "dead-mans-switch", Webhook: []amWebhook{{URL: to.DeadMansSwitch}}},
		},
	}
	// A team gets what is its own; whoever runs Tapline is woken all the same.
	for _, team := range slices.Sorted(maps.Keys(to.Teams)) {
		name := "team-" + team
		config.Route.Routes = append(config.Route.Routes, amRoute{Receiver: name, Matchers: []string{`team="` + team + `"`}, Continue: true})
		config.Receivers = append(config.Receivers, amReceiver{Name: name, Webhook: hook(to.Teams[team])})
	}
	config.Route.Routes = append(config.Route.Routes, amRoute{Receiver: "page", Matchers: []string{`severity="page"`}})
	return Encode(config)
}
