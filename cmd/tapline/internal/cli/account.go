package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) accountCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Test CleverTap accounts"}
	test := &cobra.Command{
		Use:   "test NAME",
		Short: "Check credentials, region, clock and limits; CleverTap stores nothing",
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
		return failedChecks("account "+args[0], found.Checks)
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

// failedChecks is the error of checks of which some have failed, with what they found.
func failedChecks(of string, checks []schemas.Check) error {
	var failed []string
	for _, c := range checks {
		if c.State == schemas.CheckFailed {
			failed = append(failed, c.Name+": "+c.Finding)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return exit(ExitFailed, fmt.Errorf("%s: %d of %d checks failed: %s", of, len(failed), len(checks), strings.Join(failed, "; ")))
}

func countState(checks []schemas.Check, state string) (n int) {
	for _, c := range checks {
		if c.State == state {
			n++
		}
	}
	return n
}
