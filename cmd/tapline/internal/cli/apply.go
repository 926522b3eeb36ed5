package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
)

func (a *app) applyCommand() *cobra.Command {
	var files []string
	var offline bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create or change imports, connections, accounts and defaults",
		Long: `Create or change what the files define, all of it or none. What does not
change is left alone. A paused import stays paused.

The queries of new and changed imports are described in Snowflake, and the
mappings compared with their columns, before anything is applied. --offline
leaves that to the first run, for when Snowflake cannot be reached now.

Accounts that are new or changed are tested after that, as by tapline account test;
what that finds is a warning.`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	filesFlag(cmd, &files)
	cmd.Flags().BoolVar(&offline, "offline", false, "do not ask Snowflake whether the queries' columns fit")
	var sources []definition.Source
	checkFirst(cmd, func([]string) (err error) {
		sources, err = a.sources(files)
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		applied, err := applySources(ctx, c, sources, offline)
		if err == nil && !offline {
			defer a.testApplied(ctx, c, applied)
		}
		return a.printFetched(client.List[client.Applied]{Items: applied}, err, func() error {
			var rows [][]string
			for _, r := range applied {
				rows = append(rows, []string{r.Kind, r.Name, r.Outcome, strconv.Itoa(r.Generation)})
				if r.Note != "" {
					a.say("note: %s", r.Note)
				}
			}
			return printTable(a.io.Out, []string{"KIND", "NAME", "OUTCOME", "GENERATION"}, rows)
		})
	})
	return cmd
}

func filesFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringSliceVarP(files, "file", "f", nil, "a file, a directory of *.yaml, or - for standard input; may be given again")
}

// applySources checks the files as far as that goes here and applies them.
func applySources(ctx context.Context, c *client.Client, sources []definition.Source, offline bool) ([]client.Applied, error) {
	defaults, err := c.Resources(ctx, "defaults")
	if err != nil {
		return nil, err
	}
	set, problems := definition.ParseAll(sources, definition.Options{Defaults: defaults.Items})
	sent, err := documents(&set)
	if err != nil {
		return nil, err
	}
	raw := make([]json.RawMessage, len(sent))
	for i, d := range sent {
		raw[i] = d.raw
	}
	if len(problems) > 0 {
		if !offline && len(raw) > 0 {
			// The files are refused in any case. The server is asked as well for
			// problems that only the query's columns show; an error of that request
			// would add nothing.
			if p, ok := errors.AsType[*client.Problem](c.Check(ctx, raw)); ok {
				problems = append(problems, inSources(p, &set, sent)...)
			}
		}
		return nil, refused(problems)
	}
	apply := c.Apply
	if offline {
		apply = c.ApplyOffline
	}
	applied, err := apply(ctx, raw)
	return applied, inFiles(err, &set, sent)
}

func (a *app) validateCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check definitions without a server",
		Long: `Check definitions without a server: keys, types, ranges, schedules and mappings.
Whether the connections and accounts they name exist, and whether the query's
columns fit the mapping, is checked by apply.`,
		Args: cobra.NoArgs,
	}
	filesFlag(cmd, &files)
	cmd.RunE = func(*cobra.Command, []string) error {
		sources, err := a.sources(files)
		if err != nil {
			return err
		}
		set, problems := definition.ParseAll(sources, definition.Options{})
		set.SettleExpressions(nil)
		problems = append(problems, set.CheckMappings(func(account string) mapping.Options { return accountOptions(&set, account) })...)
		if len(problems) > 0 {
			return refused(problems)
		}
		a.say("%d imports and %d resources are valid", len(set.Imports), len(set.Resources))
		return nil
	}
	return cmd
}
