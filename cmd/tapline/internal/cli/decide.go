package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

// decisionCommand approves or declines a held run.
func (a *app) decisionCommand(kind, short string) *cobra.Command {
	return &cobra.Command{
		Use: kind + " RUN", Short: short, Args: cobra.ExactArgs(1),
		Long: short + `.

A run is held when it would store events a second time: the definition, what its
references resolve to, or a reset makes the import read everything again.
tapline get run RUN says how many events that concerns.`,
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
			a.say("the open rejects of %s are given up", args[0])
			return nil
		}),
	})
	return rejects
}

// mayRepeat asks before a run that would store events a second time, because runs
// before it had stored them and did not succeed.
func (a *app) mayRepeat(ctx context.Context, c *client.Client, importName string, yes bool) error {
	list, err := c.Imports(ctx)
	if err != nil {
		return nil // the listing is not there, and runs go on without it
	}
	for _, l := range list.Items {
		if l.Import != importName || l.Unfinished == 0 {
			continue
		}
		a.say("runs of %s that did not succeed have stored %s events in CleverTap; the next run reads the same rows and may store them a second time", importName, number(l.Unfinished))
		if !yes && !a.confirmed("run it nevertheless? [yes/no] ") {
			return fmt.Errorf("nothing was started; --yes runs %s without asking", importName)
		}
	}
	return nil
}
