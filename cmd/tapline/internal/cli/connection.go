package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

// skewWarned is the difference of clocks from which a warning is printed.
const skewWarned = 5 * time.Second

func (a *app) connectionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "connection", Short: "Test connections to Snowflake"}
	test := &cobra.Command{
		ValidArgsFunction: a.completeOne(resourceNames(resourceKinds[0])),
		Use:               "test NAME",
		Short:             "Sign in and show role, warehouse, region, clock and privileges; nothing is read",
		Args:              cobra.ExactArgs(1),
	}
	a.oneOf(test, "table", "json")
	test.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		found, err := c.TestConnection(ctx, args[0])
		return a.printFetched(found, err, func() error {
			skew := time.Duration(found.SkewMillis) * time.Millisecond
			err = printTable(a.io.Out, []string{"CONNECTION", "USER", "ROLE", "WAREHOUSE", "REGION", "VERSION", "CLOCK"}, [][]string{{
				found.Connection, orDash(found.User), orDash(found.Role), orDash(found.Warehouse), orDash(found.Region), orDash(found.Version), fmt.Sprintf("%+.1f s", skew.Seconds()),
			}})
			for _, p := range found.Privileges {
				a.say("warning: the role may do more than read: %s; revoke it, USAGE and SELECT are enough", p)
			}
			if found.Unseen != "" {
				a.say("warning: %s", found.Unseen)
			}
			if found.Warehouse == "" {
				a.say("warning: no warehouse is active; name one in the connection that the role may use")
			}
			if skew.Abs() > skewWarned {
				a.say("warning: the clocks of Snowflake and the extractor differ by %s; runs go by Snowflake's", skew.Abs().Round(time.Second))
			}
			return err
		})
	})
	cmd.AddCommand(test)
	return cmd
}
