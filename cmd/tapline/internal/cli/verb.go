package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

// online makes the RunE of a command that calls Import Center. Checks that need no
// server run before it: see checkFirst.
func (a *app) online(run func(ctx context.Context, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		c, err := a.client(ctx)
		if err != nil {
			return err
		}
		return run(ctx, c, args)
	}
}

// printFetched prints what a request has returned: as JSON with -o json, and as
// text does otherwise. err is the request's.
func (a *app) printFetched(value any, err error, text func() error) error {
	switch {
	case err != nil:
		return err
	case a.output == "json":
		return a.printJSON(value)
	}
	return text()
}

// checkFirst adds a check that needs no server. A verb's checks run in the order
// in which they were added, before the verb.
func checkFirst(cmd *cobra.Command, check func(args []string) error) {
	earlier := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if earlier != nil {
			if err := earlier(cmd, args); err != nil {
				return err
			}
		}
		return check(args)
	}
}
