package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// runAsked asks for a run, with a person's agreement, and shows it or waits for it.
func (a *app) runAsked(ctx context.Context, c *client.Client, wait, yes bool, ask func(client.Agreement) (schemas.Run, error)) error {
	var run schemas.Run
	err := a.agree(yes, "nothing was started", func(agreed client.Agreement) (err error) {
		run, err = a.start(ctx, wait, func() (schemas.Run, error) { return ask(agreed) })
		return err
	})
	switch {
	case err != nil:
		return err
	case !wait:
		return a.showStarted(run)
	}
	return a.waitFor(ctx, c, run)
}

func (a *app) backfillCommand() *cobra.Command {
	var wait, yes bool
	var from, to, key string
	cmd := &cobra.Command{
		Use:   "backfill IMPORT --from INSTANT --to INSTANT",
		Short: "Read a span of an import's cursor again",
		Long: `Read the rows whose cursor is at or after --from and before --to, in a run of its
own that moves neither the watermark nor the ledger. With a zone, as in
2026-11-01T00:00:00Z, both are instants; without one, as in 2026-11-01, they are
values as the cursor itself has them.

Of a profile the newest version is sent, even if its cursor is later than the span.
Each event in the span is stored again. Before it sends to a production account or
stores events a second time, the command says how much that is and asks. Exit codes
are those of run.`,
		Args: cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	yesFlag(cmd.Flags(), &yes)
	waitFlags(cmd, &wait, &key)
	cmd.Flags().StringVar(&from, "from", "", "where the span begins, inclusive")
	cmd.Flags().StringVar(&to, "to", "", "where it ends, exclusive")
	checkFirst(cmd, func([]string) error {
		if from == "" || to == "" {
			return errors.New("say which span with --from and --to, such as --from 2026-11-01 --to 2026-11-08")
		}
		return nil
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		return a.runAsked(ctx, c, wait, yes, func(agreed client.Agreement) (schemas.Run, error) {
			return c.Backfill(ctx, args[0], from, to, keyOr(&key), agreed)
		})
	})
	return cmd
}

func waitFlags(cmd *cobra.Command, wait *bool, key *string) {
	cmd.Flags().BoolVar(wait, "wait", false, "show progress and return when the run ends")
	cmd.Flags().StringVar(key, "key", "", "idempotency key: a second request with the same key returns the first run")
}

// keyOr gives a request a key if it has none, and keeps it for its repetition.
func keyOr(key *string) string {
	if *key == "" {
		*key = uuid.NewString()
	}
	return *key
}

func (a *app) resendCommand() *cobra.Command {
	var wait, yes bool
	var runs, key string
	cmd := &cobra.Command{
		Use:   "resend IMPORT --runs 40..42",
		Short: "Send again what earlier runs have loaded, with the mapping of now",
		Long: `Send again what runs have loaded, mapped anew, after a wrong mapping has loaded
wrong values. The rows are those in Kafka; Snowflake is not asked. Of a profile
the newest version that was sent is sent. An event is stored a second time, and
the wrong one stays: the command says how many that are and asks.

A run whose rows or records Kafka has deleted (topic.rowsRetention,
topic.recordsRetention) cannot be sent again: nothing is sent then, and
tapline backfill reads the span from Snowflake. Exit codes are those of run.`,
		Args: cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	yesFlag(cmd.Flags(), &yes)
	waitFlags(cmd, &wait, &key)
	cmd.Flags().StringVar(&runs, "runs", "", "numbers of runs: 42, or 40..42")
	var first, last int
	checkFirst(cmd, func([]string) (err error) {
		first, last, err = runNumbers(runs)
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		return a.runAsked(ctx, c, wait, yes, func(agreed client.Agreement) (schemas.Run, error) {
			return c.Resend(ctx, args[0], first, last, keyOr(&key), agreed)
		})
	})
	return cmd
}

// runNumbers reads 42 and 40..42.
func runNumbers(text string) (first, last int, err error) {
	low, high, span := strings.Cut(text, "..")
	if !span {
		high = low
	}
	first, errFirst := strconv.Atoi(low)
	last, errLast := strconv.Atoi(high)
	if errFirst != nil || errLast != nil || first < 1 || last < first {
		return 0, 0, fmt.Errorf("--runs is a number such as 42, or a span such as 40..42, not %q", text)
	}
	return first, last, nil
}

func (a *app) cloneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "clone IMPORT NEW", Short: "Copy an import under another name, as a draft", Args: cobra.ExactArgs(2),
		Long: `Copy an import's definition under another name, as a draft: it has no topics and
never runs until it is applied without spec.draft. The copy shares nothing with
the original but the text: it has no watermark, so that its first run reads
everything, or what follows spec.source.cursor.initial.`,
	}
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if err := c.Clone(ctx, args[0], args[1]); err != nil {
			return err
		}
		a.say("%s is a draft with the definition of %s; change it, and apply it without spec.draft", args[1], args[0])
		return nil
	})
	return cmd
}
