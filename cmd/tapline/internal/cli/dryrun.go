package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/cmd/tapline/internal/progress"
	"tapline.dev/schemas"
)

type dryRunFlags struct {
	rows int
	sync bool
	yes  bool
}

func (a *app) dryRunCommand() *cobra.Command {
	var f dryRunFlags
	cmd := &cobra.Command{
		Use:   "dryrun IMPORT | DRYRUN",
		Short: "Try an import with a random sample of rows; CleverTap stores nothing",
		Long: `Try an import with a random sample of rows, through the same services as a run.
CleverTap checks the records and stores nothing; the watermark stays. Interrupting
the command does not end the dry run; tapline cancel does.

--sync sends exactly the records shown, of each identity the newest, as a run. With
the name of a dry run, such as customers.d3, that one is shown again or sent, within
an hour and if no run of the import has ended since.
Exit codes: 0 every row is fine, 1 the dry run failed, 3 some rows were rejected.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().IntVar(&f.rows, "rows", 1000, fmt.Sprintf("size of the sample in rows, at most %d", schemas.MaxDryRunRows))
	cmd.Flags().BoolVar(&f.sync, "sync", false, "send the records shown")
	yesFlag(cmd.Flags(), &f.yes)
	a.oneOf(cmd, "table", "json", "rows")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		return a.dryRun(ctx, c, args[0], f)
	})
	return cmd
}

func (a *app) dryRun(ctx context.Context, c *client.Client, name string, f dryRunFlags) error {
	if !schemas.IsDryRun(name) {
		run, err := c.StartDryRun(ctx, name, uuid.NewString(), f.rows)
		if err != nil {
			return err
		}
		name = run.Run
	}
	if _, err := a.await(ctx, c, name); err != nil {
		return err
	}
	d, err := c.DryRun(ctx, name)
	if err != nil {
		return err
	}
	if err := a.showDryRun(d); err != nil {
		return err
	}
	if d.Run.State == schemas.StateFailed || d.Run.State == schemas.StateCancelled {
		return outcome(d.Run)
	}
	var result error
	if d.Run.Counts.Rejected() > 0 {
		result = exit(ExitRejects, fmt.Errorf("%d of %d rows were rejected", d.Run.Counts.Rejected(), d.Run.Counts.Read))
	}
	if !f.sync {
		return result
	}
	sent, err := a.sendSample(ctx, c, name, f.yes)
	if err != nil {
		return err
	}
	if err := outcome(sent); err != nil {
		return err
	}
	return result
}

// await shows progress until a run is over.
func (a *app) await(ctx context.Context, c *client.Client, run string) (schemas.Run, error) {
	display := progress.New(a.io.Err)
	ended, err := c.Wait(ctx, run, client.Waiter{
		Show: display.Show, Silent: a.silent,
		Enough: func(r schemas.Run) bool { return r.State == schemas.StateHeld },
	})
	display.Close()
	switch {
	case ctx.Err() != nil:
		a.say("%s continues; tapline get run %s shows it, tapline cancel %s ends it", run, run, run)
	case err != nil && client.MayPass(err):
		return ended, exit(ExitUnknown, fmt.Errorf("%w\nit is not known how %s ends; tapline get run %s shows it once Import Center answers", err, run, run))
	}
	return ended, err
}

// silent says that the server does not answer, or does so again.
func (a *app) silent(err error) {
	if err == nil {
		a.say("Import Center answers again")
		return
	}
	a.say("%v", err)
	a.say("asking again for %s", client.Patience)
}

// sendSample sends the records that a dry run has shown.
func (a *app) sendSample(ctx context.Context, c *client.Client, dryRun string, yes bool) (schemas.Run, error) {
	d, err := c.Import(ctx, schemas.ImportOf(dryRun))
	if err != nil {
		return schemas.Run{}, err
	}
	if d.Spec.Destination.Type == schemas.TypeEvent {
		a.say("these are events, and CleverTap stores each one that it gets: the next run reads the same rows and sends their events a second time")
		if !yes && !a.confirmed("send them nevertheless? [yes/no] ") {
			return schemas.Run{}, errors.New("nothing was sent; --yes sends without asking")
		}
	}
	var run schemas.Run
	key := uuid.NewString()
	err = a.agree(yes, "nothing was sent", func(agreed client.Agreement) (err error) {
		run, err = c.Sync(ctx, dryRun, key, agreed)
		return err
	})
	if err != nil {
		return run, err
	}
	a.say("sending the records shown as %s", run.Run)
	return a.await(ctx, c, run.Run)
}

func (a *app) showDryRun(d client.DryRun) error {
	switch a.output {
	case "json":
		return a.printJSON(d)
	case "rows":
		for _, row := range d.Rows {
			if _, err := fmt.Fprintf(a.io.Out, "%s\n", row); err != nil {
				return err
			}
		}
		return nil
	}
	if len(d.Properties) > 0 {
		var rows [][]string
		for _, p := range d.Properties {
			reason := "-"
			if p.Code != "" {
				reason = p.Code + ": " + p.Reason
			}
			rows = append(rows, []string{p.Result, orDash(p.Column), p.Property, orDash(p.Type), number(p.Failing), number(p.Omitted), reason})
		}
		if err := printTable(a.io.Out, []string{"RESULT", "DATABASE NICKNAME", "PROPERTY", "TYPE", "FAILING", "OMITTED", "FOR EXAMPLE"}, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(a.io.Out, dryRunSummary(d))
	return err
}

// duration prints an estimate, rounded to seconds.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Second {
		return "less than a second"
	}
	return "about " + d.Round(time.Second).String()
}

// dryRunSummary says how many rows were tried, with what result, and how many records
// and calls a run would need.
func dryRunSummary(d client.DryRun) string {
	var b strings.Builder
	counts := d.Run.Counts
	fmt.Fprintf(&b, "\n%s: %s rows read, %s records accepted, %s rows rejected; nothing was stored\n",
		d.Run.Run, number(counts.Read), number(counts.Loaded), number(counts.Rejected()))
	if counts.Read == 0 && d.Run.State == schemas.StateSucceeded {
		b.WriteString("the query returns no row now, so the mapping was not tried on any\n")
		return b.String()
	}
	if counts.Future > 0 {
		fmt.Fprintf(&b, "warning: %s rows have a cursor in the future, and are left for a later run\n", number(counts.Future))
	}
	if counts.Skipped() > 0 {
		fmt.Fprintf(&b, "%s rows skipped: %s\n", number(counts.Skipped()), countsByName(d.Run.SkippedByReason))
	}
	if p := d.Profiles; p != nil {
		fmt.Fprintf(&b, "profiles: %s new, %s updated, %s unknown\n", number(p.New), number(p.Updated), number(p.Unknown))
	}
	for _, note := range d.Run.Notes {
		fmt.Fprintf(&b, "note: %s\n", printable(note))
	}
	if d.Older > 0 {
		fmt.Fprintf(&b, "%s of the records are of rows that are not the newest of their identity; --sync does not send them\n", number(d.Older))
	}
	if e := d.Estimate; e != nil {
		fmt.Fprintf(&b, "a run that reads everything: %s, about %s in %s, %s at the account's limit; later runs do not send unchanged rows again\n",
			numbered(e.Rows, "row"), numbered(e.Records, "record"), numbered(e.Calls, "call"), duration(e.Seconds))
	}
	return b.String()
}
