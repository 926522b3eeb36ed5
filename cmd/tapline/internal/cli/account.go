package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) accountCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Test CleverTap accounts"}
	test := &cobra.Command{
		Use:   "test NAME",
		Short: "Ask CleverTap whether credentials, region, clock and limits fit; nothing is stored",
		Long: `Have a loader ask the CleverTap account with requests that store nothing
(dryRun=1). Each check has a line of its own, and none hides the next. It uses the
account's slots, and waits for a free one.

Exit code 1 if a check failed.`,
		Args: cobra.ExactArgs(1),
	}
	a.oneOf(test, "table", "json")
	test.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		found, err := c.TestAccount(ctx, args[0])
		if err := a.printFetched(found, err, func() error { return a.printChecks(found.Checks) }); err != nil {
			return err
		}
		if n := countState(found.Checks, schemas.CheckFailed); n > 0 {
			return exit(ExitFailed, fmt.Errorf("account %s: %d of %d checks failed", args[0], n, len(found.Checks)))
		}
		return nil
	})
	cmd.AddCommand(test)
	return cmd
}

// printChecks prints a line for each check, and what to do under the table.
func (a *app) printChecks(checks []schemas.Check) error {
	rows := make([][]string, len(checks))
	for i, c := range checks {
		rows[i] = []string{c.Name, c.State, c.Finding}
	}
	err := printTable(a.io.Out, []string{"CHECK", "STATE", "FINDING"}, rows)
	for _, c := range checks {
		if c.Action != "" && c.State != schemas.CheckOK {
			a.say("%s: %s", c.Name, c.Action)
		}
	}
	return err
}

func countState(checks []schemas.Check, state string) (n int) {
	for _, c := range checks {
		if c.State == state {
			n++
		}
	}
	return n
}

// applyTestTimeout is how long apply waits for the answer to an account test: it must
// not hold up whoever applies without a loader.
const applyTestTimeout = 30 * time.Second

// testApplied tests the accounts that an apply has made or changed, so that a passcode
// that CleverTap refuses shows before a run waits for it. What it finds is said and
// undoes nothing.
func (a *app) testApplied(ctx context.Context, c *client.Client, applied []client.Applied) {
	for _, r := range applied {
		if r.Kind != schemas.KindCleverTapAccount || r.Outcome == "unchanged" {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, applyTestTimeout)
		found, err := c.TestAccount(ctx, r.Name)
		cancel()
		if err != nil {
			a.say("note: account %s was not tested; run: tapline account test %s", r.Name, r.Name)
			continue
		}
		for _, check := range found.Checks {
			switch check.State {
			case schemas.CheckFailed, schemas.CheckWarning:
				a.say("warning: account %s: %s: %s; %s", r.Name, check.Name, check.Finding, check.Action)
			case schemas.CheckOK:
				if check.Name == "credentials" {
					a.say("account %s: %s", r.Name, check.Finding)
				}
			}
		}
	}
}
