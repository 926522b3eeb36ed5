package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) approvalsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "approvals", Short: "List, approve and decline changes that wait for a second person",
		Long: `List, approve and decline changes that wait for a second person. Which imports
need one is the deployment's setting approvals.labels. (tapline approve and tapline
decline decide on a held run.)`,
	}
	cmd.AddCommand(a.approvalsList(),
		a.approvalVerb("show", "Show a change that waits, and what it would do now, as JSON", func(ctx context.Context, c *client.Client, name string) error {
			waits, err := c.Approval(ctx, name)
			if err != nil {
				return err
			}
			return a.printJSON(waits)
		}),
		a.approvalVerb("approve", "Approve and make a change that somebody else has asked for", func(ctx context.Context, c *client.Client, name string) error {
			made, err := c.ApproveChange(ctx, name)
			if err != nil {
				return err
			}
			a.say("the %s of %s that %s asked for is done", made.Action, concerns(made), made.By)
			return nil
		}),
		a.approvalVerb("decline", "Decline a change that waits for a second person", func(ctx context.Context, c *client.Client, name string) error {
			if err := c.DeclineChange(ctx, name); err != nil {
				return err
			}
			a.say("%s is declined; nothing of it was done", name)
			return nil
		}))
	return cmd
}

func (a *app) approvalVerb(verb, short string, do func(context.Context, *client.Client, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error { return do(ctx, c, args[0]) }),
	}
}

func (a *app) approvalsList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the changes that wait for a second person", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Approvals(ctx)
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.printJSON(list)
		}
		var rows [][]string
		for _, w := range list.Items {
			rows = append(rows, []string{w.Name, w.Action, concerns(w), w.By, moment(&w.Since), moment(&w.ExpiresAt)})
		}
		return printTable(a.io.Out, []string{"APPROVAL", "ACTION", "OF", "ASKED BY", "SINCE", "EXPIRES"}, rows)
	})
	return cmd
}

// concerns names what a change is about: a held run, or imports.
func concerns(w client.Approval) string { return cmp.Or(w.Run, strings.Join(w.Imports, ", ")) }
