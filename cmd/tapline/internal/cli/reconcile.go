package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) reconcileCommand() *cobra.Command {
	var baseline bool
	cmd := &cobra.Command{
		Use: "reconcile IMPORT", Short: "Find and send rows that have come behind the watermark since the last time", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(importNames),
		Long: `Find and send rows that have come behind the watermark since the last time.
Snowflake counts and sums the rows of the query in one statement, by days of the
cursor and by parts of their hashes. The first time makes the baseline and sends
nothing: what had come before it stays unknown. Later ones compare with the baseline,
read the rows that have come, send them in a run, and make the next baseline. Days
that have fewer rows are reported, and not read for it.

Best after each run: what comes between a run and the next reconciliation within the
lookback is the next run's; what comes later is found by the next reconciliation.
--baseline only takes a new baseline. Exit codes are those of run.`,
	}
	cmd.Flags().BoolVar(&baseline, "baseline", false, "only take a new baseline; compare and send nothing")
	a.oneOf(cmd, "table", "json")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		run, err := c.Reconcile(ctx, args[0], uuid.NewString(), baseline)
		if err != nil {
			return err
		}
		if run, err = a.await(ctx, c, run.Run); err != nil {
			return err
		}
		if a.output == "json" {
			return errors.Join(a.printJSON(run), outcome(run))
		}
		_, err = fmt.Fprint(a.io.Out, reconciledText(run))
		return errors.Join(err, outcome(run))
	})
	return cmd
}

// reconciledText says what a reconciliation has found.
func reconciledText(run schemas.Run) string {
	var b strings.Builder
	r := run.Reconciled
	if r == nil {
		return ""
	}
	for _, d := range r.Days {
		text := "not read"
		if d.Read {
			text = "read again"
		}
		fmt.Fprintf(&b, "%s  %s rows, now %s: %s\n", d.Day, number(d.Before), number(d.Now), text)
	}
	if r.MoreDays > 0 {
		fmt.Fprintf(&b, "and %s more days\n", number(int64(r.MoreDays)))
	}
	switch {
	case r.Unknown != "":
		fmt.Fprintf(&b, "%s: a baseline of the rows before %s was taken, and nothing compared: %s\n", run.Run, r.Baseline.Below, printable(r.Unknown))
	case r.Exact:
		fmt.Fprintf(&b, "%s: since %s, %s rows have come before %s and %s have moved on or were deleted; %s records loaded\n",
			run.Run, r.Since, number(r.Came), r.Below, number(r.Left), number(run.Counts.Loaded))
	default:
		fmt.Fprintf(&b, "%s: since %s, at least %s rows have come before %s and at least %s have moved on or were deleted; too many differ to tell them apart, and days that have not fewer rows were read whole; %s records loaded\n",
			run.Run, r.Since, number(r.Came), r.Below, number(r.Left), number(run.Counts.Loaded))
	}
	return b.String()
}
