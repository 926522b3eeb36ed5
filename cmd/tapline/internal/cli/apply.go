package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

func (a *app) applyCommand() *cobra.Command {
	var flags changeFlags
	var yes, untested, replay bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE | --generation N IMPORT",
		Short: "Create or change imports, connections, accounts and defaults",
		Long: `Create or change what the files define, all of it or none. What does not
change is left alone. A paused import stays paused. tapline plan shows what would
be done.

The queries of new and changed imports are described in Snowflake, and the
mappings compared with their columns, before anything is applied. With --offline
the first run does that; use it when Snowflake cannot be reached now.

--prune, --generation and --drop-unknown show what they change and ask. What is
applied is what was shown, or nothing.

Connections and accounts that are new or changed are tested after that, as by tapline
connection test and tapline account test; what fails is a warning. --no-test skips this.

--replay sends what earlier runs have rejected and a changed mapping makes records of,
in a run of each such import, as tapline replay does.`,
	}
	a.outputFlag(cmd)
	flags.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do what --prune, --generation or --drop-unknown shows without being asked")
	cmd.Flags().BoolVar(&untested, "no-test", false, "do not test new and changed connections and accounts")
	cmd.Flags().BoolVar(&replay, "replay", false, "replay the rejects of imports that are changed, if some would map now")
	sources := a.changeSources(cmd, &flags)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		p, err := a.prepare(ctx, c, &flags, *sources, args)
		if err == nil && (flags.prune || flags.generation > 0 || flags.dropUnknown) {
			err = a.agreeToPlan(ctx, c, &p, yes)
		}
		if err != nil {
			return err
		}
		applied, err := c.ApplySet(ctx, p.change)
		if err == nil && !flags.offline && !untested {
			defer a.testApplied(ctx, c, applied)
		}
		failed := a.printFetched(client.List[client.Applied]{Items: applied}, p.inFiles(err), func() error { return a.printApplied(applied) })
		if failed != nil || !replay {
			return failed
		}
		return a.replayApplied(ctx, c, applied, yes)
	})
	return cmd
}

// replayApplied replays the rejects of the changed imports, where some would map now.
func (a *app) replayApplied(ctx context.Context, c *client.Client, applied []client.Applied, yes bool) error {
	var failed error
	for _, r := range applied {
		if r.Kind != schemas.KindImport || r.Outcome != "updated" {
			continue
		}
		p, err := c.PlanReplay(ctx, r.Name, client.Replay{})
		if err == nil && p.WouldMap == 0 {
			a.say("%s: %s rejects are open, and none would map now: nothing is replayed", r.Name, number(p.Rejects))
			continue
		}
		if err == nil {
			key := ""
			err = a.agree(yes, "nothing of "+r.Name+" was replayed", func(agreed client.Agreement) error {
				run, err := c.Replay(ctx, r.Name, client.Replay{}, keyOr(&key), agreed)
				if err == nil {
					a.say("%s replays %s rejects, of which %s would map now", run.Run, number(p.Rejects), number(p.WouldMap))
				}
				return err
			})
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (a *app) printApplied(applied []client.Applied) error {
	var rows [][]string
	for _, r := range applied {
		rows = append(rows, []string{r.Kind, r.Name, r.Outcome, strconv.Itoa(r.Generation)})
		if r.Note != "" {
			a.say("note: %s", r.Note)
		}
		for _, m := range r.Missing {
			_, place, within := strings.Cut(m.Location, "].") // of documents[0].spec.mapping
			if !within || !strings.HasPrefix(m.Location, "documents[") {
				place = m.Location
			}
			a.say("%s lacks: %s: %s", r.Name, place, m.Message)
		}
	}
	return printTable(a.io.Out, []string{"KIND", "NAME", "OUTCOME", "GENERATION"}, rows)
}

// agreeToPlan shows what a set changes and asks for it. The set then does that and
// nothing else.
func (a *app) agreeToPlan(ctx context.Context, c *client.Client, p *prepared, yes bool) error {
	planned, err := c.Plan(ctx, p.change)
	if err != nil {
		return refusedPlan(p.inFiles(err))
	}
	if err := printPlan(a.io.Err, p, planned); err != nil {
		return err
	}
	if planned.Refused {
		return exit(ExitRefused, errors.New("nothing was applied: the plan says what is refused"))
	}
	if changes(planned) > 0 && !yes && !a.confirmed("apply this? [yes/no] ") {
		return errors.New("nothing was applied; --yes applies without asking")
	}
	p.change.Plan = planned.Plan
	return nil
}

func filesFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringSliceVarP(files, "file", "f", nil, "a file, a directory of *.yaml, or - for standard input; may be given again")
}

func (a *app) validateCommand() *cobra.Command {
	var files []string
	var valuesFile string
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check definitions without a server",
		Long: `Check definitions without a server: keys, types, ranges, schedules and mappings.
Whether the connections and accounts they name exist, and whether the query's
columns fit the mapping, is checked by apply.`,
		Args: cobra.NoArgs,
	}
	filesFlag(cmd, &files)
	cmd.Flags().StringVar(&valuesFile, "values", "", "a file with what ${vars.NAME} stands for; by default that of the context")
	cmd.RunE = func(*cobra.Command, []string) error {
		sources, err := a.sources(files)
		if err != nil {
			return err
		}
		values, err := a.readValues(valuesFile)
		if err != nil {
			return err
		}
		set, problems := definition.ParseAll(sources, definition.Options{Values: values})
		problems = append(problems, values.Unused()...)
		set.SettleExpressions(nil)
		problems = append(problems, set.CheckMappings(func(account string) mapping.Options { return accountOptions(&set, account) })...)
		if len(problems) > 0 {
			return refused(problems)
		}
		for _, d := range set.Imports {
			for _, p := range set.Missing(d.Metadata.Name) {
				a.say("the draft %s lacks: %s", d.Metadata.Name, p.Error())
			}
		}
		a.say("valid: %s and %s", numbered(int64(len(set.Imports)), "import"), numbered(int64(len(set.Resources)), "resource"))
		return nil
	}
	return cmd
}
