package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) runCommand() *cobra.Command {
	var wait, yes bool
	var key, from, at string
	cmd := &cobra.Command{
		Use:   "run IMPORT",
		Short: "Run an import now",
		Long: `Run an import now. While a run is active, the next one is queued; at most one is.
A run that sends to a production account for the first time, or may store events a
second time, says how much and asks; without a terminal it needs --yes.

--wait returns when the run ends. Neither interrupting it nor a restart of Import
Center ends the run. Exit codes: 0 all rows are loaded or unchanged, 1 the run
failed or was cancelled, 3 some rows were rejected, 5 nobody answers, so how the
run ends is not known, 6 it is held until somebody approves or declines it.`,
		Args: cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	yesFlag(cmd.Flags(), &yes)
	waitFlags(cmd, &wait, &key)
	cmd.Flags().StringVar(&from, "from", "", "of a first run: where it begins in the order of the cursor; nothing before is ever read, until a reset")
	cmd.Flags().StringVar(&at, "at", "", "begin at this instant, such as 2026-12-01T09:00:00Z, once")
	var instant time.Time
	checkFirst(cmd, func([]string) (err error) {
		if at == "" {
			return nil
		}
		if wait || from != "" {
			return errors.New("--at plans a run; it goes with neither --wait nor --from")
		}
		instant, err = parseInstant("--at", at)
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if at != "" {
			return a.planRun(ctx, c, args[0], instant, keyOr(&key), yes)
		}
		return a.runAsked(ctx, c, wait, yes, func(agreed client.Agreement) (schemas.Run, error) {
			if from != "" {
				return c.StartFirstRun(ctx, args[0], from, keyOr(&key), agreed)
			}
			return c.StartRun(ctx, args[0], keyOr(&key), agreed)
		})
	})
	return cmd
}

// start asks for a run. Whoever waits for it anyway asks again if there is no answer: the
// key makes that harmless.
func (a *app) start(ctx context.Context, wait bool, ask func() (schemas.Run, error)) (schemas.Run, error) {
	silent := client.Silence{Tell: a.silent}
	for {
		run, err := ask()
		_, unanswered := errors.AsType[*client.Unanswered](err)
		if !wait || !unanswered && !client.InFlight(err) || !silent.Again(ctx, err) {
			return run, err
		}
	}
}

func (a *app) planRun(ctx context.Context, c *client.Client, importName string, at time.Time, key string, yes bool) error {
	err := a.agree(yes, "nothing was planned", func(agreed client.Agreement) error {
		return c.PlanRun(ctx, importName, at, key, agreed)
	})
	if err != nil {
		return err
	}
	a.say("a run of %s is planned for %s; tapline cancel %s --at %s takes it back", importName, at.Format(time.RFC3339), importName, at.Format(time.RFC3339))
	return nil
}

func parseInstant(flag, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s is an instant such as 2026-12-01T09:00:00Z, not %q", flag, text)
	}
	return t, nil
}

func (a *app) showStarted(run schemas.Run) error {
	if a.output == "json" {
		return a.printJSON(run)
	}
	what := "started"
	if run.State == schemas.StateQueued {
		what = "queued until the runs that it comes after have ended"
	}
	a.say("%s; tapline get run %s shows it", what, run.Run)
	_, err := fmt.Fprintln(a.io.Out, run.Run)
	return err
}

// waitFor shows the progress of a run until it has ended.
func (a *app) waitFor(ctx context.Context, c *client.Client, run schemas.Run) error {
	if run.State == schemas.StateQueued {
		a.say("%s is queued: it starts when the runs that it comes after have ended", run.Run)
	}
	run, err := a.await(ctx, c, run.Run)
	if err != nil {
		return err
	}
	if err := a.showRun(run); err != nil {
		return err
	}
	return outcome(run)
}

// outcome returns an error with the exit code for how a run ended, or nil.
func outcome(run schemas.Run) error {
	switch {
	case run.State == schemas.StateHeld && run.HeldBecause != nil:
		return exit(ExitHeld, fmt.Errorf("%s is held: %s\ntapline approve %s lets it continue, tapline decline %s ends it", run.Run, run.HeldBecause.Reason, run.Run, run.Run))
	case run.State == schemas.StateHeld:
		return exit(ExitHeld, fmt.Errorf("%s is held; tapline approve %s lets it continue, tapline decline %s ends it", run.Run, run.Run, run.Run))
	case run.State == schemas.StateFailed && run.Error != nil:
		return fmt.Errorf("%s failed: %s", run.Run, run.Error.Reason)
	case run.State == schemas.StateFailed, run.State == schemas.StateCancelled:
		return fmt.Errorf("%s ended as %s", run.Run, run.State)
	case run.Counts.Rejected() > 0:
		return exit(ExitRejects, fmt.Errorf("%s rejected; tapline get rejects --run %s shows why",
			rowsWere(run.Counts.Rejected()), run.Run))
	}
	return nil
}

func (a *app) cancelCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use: "cancel RUN", Short: "Cancel a run such as customers.42, or a planned run", Args: cobra.ExactArgs(1),
		Long: `Cancel a run such as customers.42: rows not yet sent are skipped and counted.
With --at take back the run of an import that tapline run IMPORT --at has planned.`,
	}
	cmd.Flags().StringVar(&at, "at", "", "the instant of a planned run; RUN is then the import")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if at != "" {
			instant, err := parseInstant("--at", at)
			if err != nil {
				return err
			}
			if err := c.CancelPlannedRun(ctx, args[0], instant); err != nil {
				return err
			}
			a.say("the run of %s that was planned for %s is taken back", args[0], at)
			return nil
		}
		run, err := c.Run(ctx, args[0])
		if err != nil {
			return err
		}
		if schemas.Terminal(run.State) {
			return fmt.Errorf("%s has already ended as %s; there is nothing to cancel", run.Run, run.State)
		}
		if err := c.Cancel(ctx, args[0]); err != nil {
			return err
		}
		a.say("the cancellation of %s is accepted; tapline get run %s shows when it has ended", args[0], args[0])
		return nil
	})
	return cmd
}

func (a *app) stateCommand(kind, short string) *cobra.Command {
	return &cobra.Command{
		Use: kind + " IMPORT", Short: short, Args: cobra.ExactArgs(1),
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.Command(ctx, args[0], kind); err != nil {
				return err
			}
			a.say("%s of %s is accepted", kind, args[0])
			return nil
		}),
	}
}
