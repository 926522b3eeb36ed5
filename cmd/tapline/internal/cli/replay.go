package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// replayFlags are the words by which rejects are selected.
type replayFlags struct {
	run, code, stage, column, since, until string
	rejects                                []string
	asSent, decline                        bool
}

func (r *replayFlags) register(f *pflag.FlagSet) {
	f.StringVar(&r.run, "run", "", "rejects of this run")
	f.StringVar(&r.code, "code", "", "rejects with this code")
	f.StringVar(&r.stage, "stage", "", "rejects of this stage: extract, map or load")
	f.StringVar(&r.column, "column", "", "rejects of this column")
	f.StringVar(&r.since, "since", "", "rejects at or after this instant")
	f.StringVar(&r.until, "until", "", "rejects before this instant")
	f.StringSliceVar(&r.rejects, "reject", nil, "single rejects, such as 3-18273")
	f.BoolVar(&r.asSent, "as-sent", false, "send the records of events as they were")
	f.BoolVar(&r.decline, "decline", false, "send nothing; they count as dealt with")
}

// asked is the request that the flags make.
func (r *replayFlags) asked() (client.Replay, error) {
	out := client.Replay{Run: r.run, Code: r.code, Stage: r.stage, Column: r.column}
	switch {
	case r.asSent && r.decline:
		return out, errors.New("--as-sent and --decline exclude each other")
	case r.asSent:
		out.How = schemas.ReplayAsSent
	case r.decline:
		out.How = schemas.ReplayDeclined
	}
	for _, t := range []struct {
		name, text string
		to         **time.Time
	}{{"--since", r.since, &out.Since}, {"--until", r.until, &out.Until}} {
		if t.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, t.text)
		if err != nil {
			return out, fmt.Errorf("%s is an instant such as 2026-11-01T00:00:00Z, not %q", t.name, t.text)
		}
		*t.to = &at
	}
	for _, text := range r.rejects {
		ref, err := schemas.ParseRejectRef(text)
		if err != nil {
			return out, fmt.Errorf("--reject: %w", err)
		}
		out.Refs = append(out.Refs, ref)
	}
	return out, nil
}

func (a *app) replayCommand() *cobra.Command {
	var wait, yes, planOnly bool
	var key string
	var flags replayFlags
	cmd := &cobra.Command{
		Use:   "replay IMPORT",
		Short: "Send what earlier runs have rejected, with the mapping of now",
		Long: `Send the rows that earlier runs have rejected, in a run of its own that moves
neither the watermark nor the ledger. Without a filter it takes all rejects that
no replay has dealt with.

The row of an event comes from Kafka and is mapped anew; Snowflake is not asked.
--as-sent sends the record that CleverTap did not take once more. A profile is
read from Snowflake again, a thousand in a statement, so that an old version
never follows a newer one. Of events that CleverTap may hold (code ambiguous)
only those are taken that --code or --reject names: look them up, then send
them, or settle them with --decline.

--plan says how many there are and how many would map now, and sends nothing.
Exit codes are those of run.`,
		Args: cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	yesFlag(cmd.Flags(), &yes)
	waitFlags(cmd, &wait, &key)
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&planOnly, "plan", false, "only say what it would do")
	var asked client.Replay
	checkFirst(cmd, func([]string) (err error) {
		asked, err = flags.asked()
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if planOnly {
			p, err := c.PlanReplay(ctx, args[0], asked)
			if err != nil {
				return err
			}
			return a.showReplayPlan(p)
		}
		return a.runAsked(ctx, c, wait, yes, func(agreed client.Agreement) (schemas.Run, error) {
			return c.Replay(ctx, args[0], asked, keyOr(&key), agreed)
		})
	})
	return cmd
}

// showReplayPlan prints what a replay would do.
func (a *app) showReplayPlan(p client.ReplayPlan) error {
	if a.output == "json" {
		return a.printJSON(p)
	}
	var rows [][]string
	for _, g := range p.Groups {
		rows = append(rows, []string{g.Code, number(g.Rejects), number(g.WouldMap)})
	}
	if err := printTable(a.io.Out, []string{"CODE", "REJECTS", "WOULD MAP NOW"}, rows); err != nil {
		return err
	}
	a.say("%d rejects would be taken, of which %d would map now; about %d uploads, at most %d statements of Snowflake", p.Rejects, p.WouldMap, p.Calls, p.Queries)
	if p.Unknown > 0 {
		a.say("%d have no row that could be mapped here", p.Unknown)
	}
	if p.Replayed > 0 {
		a.say("%d were replayed already", p.Replayed)
	}
	for _, note := range p.Notes {
		a.say("%s", note)
	}
	return nil
}
