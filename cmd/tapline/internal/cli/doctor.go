package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/libs/daemon"
	"tapline.dev/schemas"
)

// ExitWarnings is the exit code of doctor if nothing stops work and somebody should look.
const ExitWarnings = ExitRejects

// lateAfter is how long after its due instant a run may begin.
const lateAfter = 5 * time.Minute

// diagnosis is everything that was checked.
type diagnosis struct {
	Checks []schemas.Check `json:"checks"`
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what the deployment stands on, and say what to do about each finding",
		Long: `Check Kafka, Redis, the running services, clocks, each connection, each account and
the imports that are late. Each check is made where it can be: Import Center looks at
Kafka, Redis and the services, an extractor signs in to Snowflake, a loader asks
CleverTap with requests that store nothing. Nothing here needs their credentials.

Exit code 0 if all is well, 1 with findings that stop work, 3 with warnings only.`,
		Args: cobra.NoArgs,
	}
	a.oneOf(cmd, "table", "json")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		var d diagnosis
		if err := d.examine(ctx, c); err != nil {
			return err
		}
		if err := a.printFetched(d, nil, func() error { return a.printChecks(d.Checks) }); err != nil {
			return err
		}
		switch failed, warned := countState(d.Checks, schemas.CheckFailed), countState(d.Checks, schemas.CheckWarning)+countState(d.Checks, schemas.CheckUnknown); {
		case failed > 0:
			return exit(ExitFailed, fmt.Errorf("%d findings stop work; what to do about each stands above", failed))
		case warned > 0:
			return exit(ExitWarnings, fmt.Errorf("nothing stops work; %d findings are to be looked at", warned))
		}
		return nil
	})
	return cmd
}

func (d *diagnosis) add(name, state, finding, action string) {
	d.Checks = append(d.Checks, schemas.Check{Name: name, State: state, Finding: finding, Action: action})
}

// examine makes every check, whatever the others find. The error is that of Import Center
// itself: without it nothing can be said.
func (d *diagnosis) examine(ctx context.Context, c *client.Client) error {
	began := time.Now()
	deployment, err := c.Deployment(ctx)
	if err != nil {
		return err
	}
	d.importCenter(deployment, began)
	d.Checks = append(d.Checks, deployment.Checks...)
	clocks, err := c.CompareClocks(ctx)
	if err != nil {
		d.add("clocks", schemas.CheckUnknown, "schedulers and mappers were not asked: "+err.Error(), "use an Import Center of this program's version, with Kafka")
	}
	d.Checks = append(d.Checks, clocks...)
	connections, err := c.Resources(ctx, "connections")
	if err != nil {
		d.add("connections", schemas.CheckUnknown, "they cannot be listed: "+err.Error(), "it needs the role editor")
	}
	for _, r := range connections.Items {
		d.connection(ctx, c, r.Metadata.Name)
	}
	accounts, err := c.Resources(ctx, "accounts")
	if err != nil {
		d.add("accounts", schemas.CheckUnknown, "they cannot be listed: "+err.Error(), "it needs the role editor")
	}
	for _, r := range accounts.Items {
		d.account(ctx, c, r.Metadata.Name)
	}
	d.imports(ctx, c, deployment.Now)
	return nil
}

func (d *diagnosis) importCenter(found client.Deployment, began time.Time) {
	if found.Version == daemon.Version() {
		d.add("importcenter", schemas.CheckOK, "answers, version "+found.Version, "")
	} else {
		d.add("importcenter", schemas.CheckWarning, fmt.Sprintf("its version is %s, this program's %s", found.Version, daemon.Version()), "use a tapline of the same version")
	}
	// Import Center read its clock between the request and its answer.
	var skew time.Duration
	switch ended := time.Now(); {
	case found.Now.Before(began):
		skew = began.Sub(found.Now)
	case found.Now.After(ended):
		skew = found.Now.Sub(ended)
	}
	if skew > skewWarned {
		d.add("clock here", schemas.CheckWarning, fmt.Sprintf("differs from Import Center's by %s", skew.Round(time.Second)), "set both by NTP")
		return
	}
	d.add("clock here", schemas.CheckOK, "agrees with Import Center's", "")
}

func (d *diagnosis) connection(ctx context.Context, c *client.Client, name string) {
	found, err := c.TestConnection(ctx, name)
	for _, check := range connectionChecks(name, found, err) {
		check.Name = "connection " + name + ": " + check.Name
		d.Checks = append(d.Checks, check)
	}
}

func (d *diagnosis) account(ctx context.Context, c *client.Client, name string) {
	found, err := c.TestAccount(ctx, name)
	if err != nil {
		d.add("account "+name, schemas.CheckFailed, err.Error(), "then: tapline account test "+name)
		return
	}
	for _, check := range found.Checks {
		check.Name = "account " + name + ": " + check.Name
		d.Checks = append(d.Checks, check)
	}
}

// imports finds those whose run is due and has not begun.
func (d *diagnosis) imports(ctx context.Context, c *client.Client, now time.Time) {
	list, err := c.Imports(ctx)
	if err != nil {
		d.add("imports", schemas.CheckUnknown, "they cannot be listed: "+err.Error(), "")
		return
	}
	late := 0
	for _, l := range list.Items {
		if l.NextRunAt == nil || l.Status == "Paused" || l.Status == "Running" || now.Sub(*l.NextRunAt) <= lateAfter {
			continue
		}
		late++
		d.add("import "+l.Import, schemas.CheckFailed, "its run has been due since "+l.NextRunAt.UTC().Format(time.RFC3339)+" and has not begun", "look for a scheduler that runs, and at its log")
	}
	if late == 0 {
		d.add("imports", schemas.CheckOK, fmt.Sprintf("none of %d is late", len(list.Items)), "")
	}
}
