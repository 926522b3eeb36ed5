package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "history IMPORT", Short: "List the generations of an import, with who made each and when", Args: cobra.ExactArgs(1),
		Long: `List the generations of an import, newest first, with who made each and when. The
newest 100 are kept; those of a deleted import are kept for a year.

tapline diff --generation N IMPORT shows what going back to one would change, and
tapline apply --generation N IMPORT goes back.`,
	}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		list, err := c.Generations(ctx, args[0])
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, g := range list.Items {
				rows = append(rows, []string{strconv.Itoa(g.Generation), g.Action, moment(&g.At), orDash(g.By), orDash(g.Role), orDash(g.ApprovedBy)})
			}
			return printTable(a.io.Out, []string{"GENERATION", "ACTION", "AT", "BY", "ROLE", "APPROVED BY"}, rows)
		})
	})
	return cmd
}

func (a *app) unmanageCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unmanage IMPORT | KIND/NAME", Short: "Take off the mark that a definition comes from Git: it may be changed here", Args: cobra.ExactArgs(1),
		Long: `Take off the mark that a definition comes from Git: it may be changed here.
Only an admin may do so, and the audit names them. The next apply from the
repository with --managed-by git sets the mark again.`,
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			kind, name, ok := strings.Cut(args[0], "/")
			plural := schemas.ResourceKinds[kind]
			if kind == schemas.KindImport {
				plural = "imports"
			}
			switch {
			case !ok:
				plural, name = "imports", kind
			case plural == "":
				return errors.New("name an import, or a kind and a name such as SnowflakeConnection/warehouse")
			}
			if err := c.Unmanage(ctx, plural, name); err != nil {
				return err
			}
			a.say("%s may be changed here", args[0])
			return nil
		}),
	}
}
