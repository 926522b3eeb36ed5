package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
)

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs RUN | IMPORT",
		Short: "Show what happened to a run, oldest first",
		Long: `Show what happened to a run, oldest first: its states, attempts, retries, waits,
holds, commands, notes and errors. Of an import it is the newest run.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(runOrImportNames),
	}
	a.oneOf(cmd, "table", "json")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "show what happens until the run has ended")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		run, err := newestRun(ctx, c, args[0])
		if err != nil {
			return err
		}
		return a.showLog(ctx, c, run, follow)
	})
	return cmd
}

// newestRun is the run that is named, or the newest one of the import that is.
func newestRun(ctx context.Context, c *client.Client, name string) (string, error) {
	if schemas.ImportOf(name) != name {
		return name, nil
	}
	list, err := c.Runs(ctx, client.RunsQuery{Import: name, Size: 1})
	switch {
	case err != nil:
		return "", err
	case len(list.Items) == 0:
		return "", fmt.Errorf("%s has not run yet; tapline run %s runs it", name, name)
	}
	return list.Items[0].Run, nil
}

// showLog prints a run's log and, if it is followed, what is added until the run has ended.
func (a *app) showLog(ctx context.Context, c *client.Client, run string, follow bool) error {
	shown := map[client.LogEntry]bool{}
	silent := client.Silence{Tell: a.silent}
	for {
		log, err := c.RunLog(ctx, run)
		switch {
		case err != nil && follow && silent.Again(ctx, err):
			continue
		case err != nil:
			return err
		case a.output == "json" && !follow:
			return a.printJSON(log)
		}
		silent.Over()
		for _, entry := range log.Items {
			if shown[entry] {
				continue
			}
			shown[entry] = true
			if err := a.printLogEntry(entry); err != nil {
				return err
			}
		}
		if !follow || schemas.Terminal(log.State) {
			return nil
		}
		if backoff.Wait(ctx, watchEvery) != nil {
			return ctx.Err()
		}
	}
}

func (a *app) printLogEntry(e client.LogEntry) error {
	if a.output == "json" {
		return a.printLine(e)
	}
	_, err := fmt.Fprintf(a.io.Out, "%s  %-8s %s\n", moment(&e.Time), e.Kind, printable(e.Text))
	return err
}
