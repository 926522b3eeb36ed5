package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) freezeCommand() *cobra.Command {
	var f client.NewFreeze
	var selector selectorFlags
	cmd := &cobra.Command{
		Use: "freeze", Short: "Stop sending to an account, or for some imports, at once", Args: cobra.NoArgs,
		Long: `Stop sending to an account, or for some imports, at once: within two seconds no loader
starts an upload, also while Redis does not answer. Requests in flight end and are
counted. Runs that are under way wait, lose nothing, and continue after tapline
unfreeze. tapline get freezes shows what is frozen.

Records wait in Kafka for topic.recordsRetention (7 days) at most; a run whose
records were deleted meanwhile fails, and the next one reads them again.`,
		Example: `  tapline freeze --account main --reason "wrong campaign is live"
  tapline freeze --import customers
  tapline freeze --label team=crm`,
	}
	a.outputFlag(cmd)
	cmd.Flags().StringVar(&f.Account, "account", "", "the CleverTap account")
	cmd.Flags().StringVar(&f.Reason, "reason", "", "why; shown wherever the account or the imports are")
	selector.add(cmd)
	checkFirst(cmd, func([]string) (err error) {
		if f.Selector, err = selector.read(); err != nil {
			return err
		}
		if f.Account == "" && f.Selector == nil {
			return errors.New("name what to freeze: --account, --import or --label")
		}
		return nil
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		frozen, err := c.Freeze(ctx, f)
		return a.printFetched(frozen, err, func() error {
			a.say("frozen: nothing more is sent for %s; tapline unfreeze %s ends the freeze", importsOrNone(frozen.Imports), frozen.Name)
			_, err := fmt.Fprintln(a.io.Out, frozen.Name)
			return err
		})
	})
	return cmd
}

func (a *app) unfreezeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unfreeze NAME", Short: "Remove a freeze: the runs that it held continue", Args: cobra.ExactArgs(1),
		Example: "  tapline unfreeze account-main",
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.Unfreeze(ctx, args[0]); err != nil {
				return err
			}
			a.say("the freeze %s is removed: the runs that it held continue", args[0])
			return nil
		}),
	}
}

func (a *app) getFreezes() *cobra.Command {
	cmd := &cobra.Command{Use: "freezes", Short: "List what is frozen, by whom and why", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Freezes(ctx)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, f := range list.Items {
				rows = append(rows, []string{f.Name, orDash(f.Account), selected(f.Selector), orDash(strings.Join(f.Imports, ", ")), f.By, moment(&f.Since), orDash(f.Reason)})
			}
			return printTable(a.io.Out, []string{"FREEZE", "ACCOUNT", "SELECTOR", "HOLDS NOW", "BY", "SINCE", "REASON"}, rows)
		})
	})
	return cmd
}

func importsOrNone(names []string) string {
	if len(names) == 0 {
		return "imports that it selects later (none now)"
	}
	return strings.Join(names, ", ")
}
