// Command observability writes what a deployment is watched with: Prometheus' rules and
// their tests, an example configuration of Alertmanager, and Grafana's dashboards.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"

	"tapline.dev/tools/observability/internal/generate"
	"tapline.dev/tools/observability/internal/window"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "observability:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	o := generate.Production()
	flags := flag.NewFlagSet("observability", flag.ContinueOnError)
	out := flags.String("out", "deploy/observability", "the `folder` for the files")
	check := flags.Bool("check", false, "write nothing; fail if a file differs, or if a metric is named that no program has")
	factor := flags.Float64("factor", 1, "what every window is multiplied by, for a test")
	flags.StringVar(&o.Page, "page", o.Page, "the `address` of Import Center's page")
	flags.StringVar(&o.Rules.Runbooks, "runbooks", o.Rules.Runbooks, "the `address` of docs/runbooks, with a slash at its end")
	flags.StringVar(&o.Rules.Dashboards, "grafana", o.Rules.Dashboards, "the `address` of Grafana, with a slash at its end")
	flags.StringVar(&o.Receivers.Page, "pages", o.Receivers.Page, "the `address` of the webhook for what wakes somebody")
	flags.StringVar(&o.Receivers.Ticket, "tickets", o.Receivers.Ticket, "the `address` of the webhook for what can wait")
	flags.StringVar(&o.Receivers.DeadMansSwitch, "heartbeats", o.Receivers.DeadMansSwitch, "the `address` of the webhook for the dead man's switch")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.Rules.Factor = window.Factor(*factor)
	files, err := o.Files()
	if err != nil {
		return err
	}
	composed, err := generate.Composed()
	if err != nil {
		return err
	}
	maps.Copy(files, composed)
	if *check {
		return errors.Join(generate.Compare(*out, files), generate.Known(files))
	}
	return generate.Write(*out, files)
}
