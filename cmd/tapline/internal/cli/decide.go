package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

// decisionCommand approves or declines a held run.
func (a *app) decisionCommand(kind, short string) *cobra.Command {
	return &cobra.Command{
		Use: kind + " RUN", Short: short, Args: cobra.ExactArgs(1),
		Long: short + `.

A run is held before its first row is sent: tapline get run RUN says why, with the
figures. It is held if its result is beyond a limit (limits.hold, onColumnChange),
if the import has used limits.warehouseTime today, or if it would store events a
second time, because the import reads everything again: after a reset, with another
definition, or if its references now resolve to another account. Approved, it
continues with the same result of Snowflake; declined, it ends as cancelled.`,
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.Decide(ctx, args[0], kind); err != nil {
				return err
			}
			a.say("%s of %s is accepted", kind, args[0])
			return nil
		}),
	}
}

func (a *app) resetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "reset IMPORT", Short: "Remove an import's watermark: its next run reads everything again", Args: cobra.ExactArgs(1),
	}
	yesFlag(cmd.Flags(), &yes)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		err := a.agree(yes, "nothing was reset", func(agreed client.Agreement) error {
			return c.Reset(ctx, args[0], agreed)
		})
		if err != nil {
			return err
		}
		a.say("reset of %s is accepted", args[0])
		return nil
	})
	return cmd
}

func (a *app) rejectsCommand() *cobra.Command {
	rejects := &cobra.Command{Use: "rejects", Short: "Dismiss rejects; tapline get rejects shows them"}
	rejects.AddCommand(&cobra.Command{
		Use: "dismiss IMPORT", Short: "Dismiss an import's open rejects: they no longer count against its health", Args: cobra.ExactArgs(1),
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.Dismiss(ctx, args[0]); err != nil {
				return err
			}
			a.say("the open rejects of %s are dismissed", args[0])
			return nil
		}),
	})
	return rejects
}
