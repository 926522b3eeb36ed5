package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) runCommand() *cobra.Command {
	var wait, yes bool
	var key string
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
	cmd.Flags().BoolVar(&wait, "wait", false, "show progress and return when the run ends")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key: a second request with the same key returns the first run")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if key == "" {
			key = uuid.NewString()
		}
		var run schemas.Run
		err := a.agree(yes, "nothing was started", func(agreed client.Agreement) (err error) {
			run, err = a.start(ctx, c, args[0], key, agreed, wait)
			return err
		})
		switch {
		case err != nil:
			return err
		case !wait:
			return a.showStarted(run)
		}
		return a.waitFor(ctx, c, run)
	})
	return cmd
}

// start asks for a run. Whoever waits for it anyway asks again if there is no answer: the
// key makes that harmless.
func (a *app) start(ctx context.Context, c *client.Client, name, key string, agreed client.Agreement, wait bool) (schemas.Run, error) {
	silent := client.Silence{Tell: a.silent}
	for {
		run, err := c.StartRun(ctx, name, key, agreed)
		if _, ok := errors.AsType[*client.Unanswered](err); !ok || !wait || !silent.Again(ctx, err) {
			return run, err
		}
	}
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
	return &cobra.Command{
		Use: "cancel RUN", Short: "Cancel a run such as customers.42", Args: cobra.ExactArgs(1),
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
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
		}),
	}
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
