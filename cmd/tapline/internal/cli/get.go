package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) getCommand() *cobra.Command {
	get := &cobra.Command{
		Use:   "get",
		Short: "Show imports, runs, their rows, rejects, connections, accounts and defaults",
	}
	get.AddCommand(a.getImports(), a.getImport(), a.getRuns(), a.getRun(), a.getRejects(), a.getRows(), a.getFreezes())
	for _, r := range resourceKinds {
		get.AddCommand(a.getResources(r), a.getResource(r))
	}
	return get
}

// listFlags are those of a verb that lists.
type listFlags struct {
	labels labelSelector
	watch  bool
}

// listFlags adds -o, and -w and -l where the things have labels or change.
func (a *app) listFlags(cmd *cobra.Command, f *listFlags, labelled bool) {
	a.oneOf(cmd, "table", "wide", "json", "yaml", "name")
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "show each change until interrupted; -o json shows a line of JSON each")
	if labelled {
		cmd.Flags().VarP(&f.labels, "selector", "l", "only those with these labels, such as team=growth,tier!=gold")
	}
	checkFirst(cmd, func([]string) error {
		if f.watch && a.output == "yaml" {
			return fmt.Errorf("-w shows a table, names or JSON; leave -o yaml out")
		}
		return nil
	})
}

var importColumns = []column[schemas.Listing]{
	{head: "IMPORT", cell: func(l schemas.Listing) string { return l.Import }},
	{head: "STATUS", cell: status},
	{head: "HEALTH", cell: func(l schemas.Listing) string { return health(l.Health) }},
	{head: "LAST RUN", cell: func(l schemas.Listing) string { return orDash(l.LastRunState) }},
	{head: "AT", cell: func(l schemas.Listing) string { return moment(l.LastRunAt) }},
	{head: "NEXT", cell: func(l schemas.Listing) string { return moment(l.NextRunAt) }},
	{head: "CONDITION", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Condition) }},
	{head: "FRESH", wide: true, cell: fresh},
	{head: "OWNER", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Owner) }},
	{head: "NICKNAME", wide: true, cell: func(l schemas.Listing) string { return orDash(l.DisplayName) }},
	{head: "PARTNER", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Partner) }},
	{head: "DATASOURCE", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Datasource) }},
	{head: "FREQUENCY", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Frequency) }},
	{head: "CREATED", wide: true, cell: func(l schemas.Listing) string { return moment(l.CreatedAt) + " " + orDash(l.CreatedBy) }},
	{head: "UPDATED", wide: true, cell: func(l schemas.Listing) string { return moment(l.UpdatedAt) + " " + orDash(l.UpdatedBy) }},
	{head: "ACCOUNT", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Account) }},
	{head: "LABELS", wide: true, cell: func(l schemas.Listing) string { return labelsText(l.Labels) }},
	{head: "TYPE", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Type) }},
	{head: "QUEUE", wide: true, cell: func(l schemas.Listing) string {
		return atSnowflake(l, func(u schemas.SnowflakeUse) float64 { return u.QueueSeconds })
	}},
	{head: "EXECUTION", wide: true, cell: func(l schemas.Listing) string {
		return atSnowflake(l, func(u schemas.SnowflakeUse) float64 { return u.ExecutionSeconds })
	}},
	{head: "PER 1,000", wide: true, cell: func(l schemas.Listing) string {
		return atSnowflake(l, func(u schemas.SnowflakeUse) float64 { return u.SecondsPerThousand })
	}},
	{head: "PER DAY", wide: true, cell: func(l schemas.Listing) string {
		return atSnowflake(l, func(u schemas.SnowflakeUse) float64 { return u.SecondsPerDay })
	}},
	{head: "RUN", wide: true, cell: func(l schemas.Listing) string { return orDash(l.LastRun) }},
	{head: "SCHEDULE", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Schedule) }},
	{head: "WATERMARK", wide: true, cell: func(l schemas.Listing) string { return orDash(l.Watermark) }},
	{head: "OPEN REJECTS", wide: true, cell: func(l schemas.Listing) string { return number(l.OpenRejects) }},
}

func (a *app) getImports() *cobra.Command {
	var f listFlags
	var q importsQuery
	cmd := &cobra.Command{
		Use: "imports [NAME…]", Short: "List imports; -o yaml prints their definitions as apply takes them", ValidArgsFunction: a.completeAll(importNames),
		Long: "List imports. -o yaml prints their definitions as apply takes them.\n\n" +
			"Names for --filter, of which all that are given have to hold:\n" + filterHelp(),
	}
	a.listFlags(cmd, &f, true)
	q.flags(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		view := view[schemas.Listing]{
			columns: importColumns, name: func(l schemas.Listing) string { return l.Import },
			document: func(ctx context.Context, l schemas.Listing) ([]byte, error) {
				return definitionYAML(ctx, c, "imports", l.Import)
			},
			fetch: func(ctx context.Context) (client.List[schemas.Listing], error) {
				list, err := c.SomeImports(ctx, q.values())
				if err != nil {
					return list, err
				}
				list.Items, err = f.labels.imports(ctx, c, list.Items)
				return list, err
			},
		}
		return showList(ctx, a, view, args, f.watch)
	})
	return cmd
}

// fresh is how long ago the watermark was.
func fresh(l schemas.Listing) string {
	if l.FreshnessSeconds == nil {
		return "-"
	}
	age := time.Duration(*l.FreshnessSeconds * float64(time.Second))
	const day = 24 * time.Hour
	if age < 2*day {
		return age.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", age/day)
}

// status is the import's status, with what keeps it from being sent or on time.
func status(l schemas.Listing) string {
	text := l.Status
	if l.Late != nil {
		text += ", late since " + moment(l.Late)
	}
	if l.Waiting != nil {
		text += ", waits for " + l.Waiting.Account + ": " + l.Waiting.Reason
	}
	if l.Behind != "" {
		text += ", a run is queued behind " + l.Behind
	}
	if l.HeldBecause != nil {
		text += ", held: " + l.HeldBecause.Code
	}
	if ack := l.Acknowledged; ack != nil {
		text += ", acknowledged until " + moment(&ack.Until) + " by " + ack.By
	}
	if l.Frozen != nil {
		text += ", frozen"
	}
	if l.Future > 0 {
		text += ", " + number(l.Future) + " rows in the future"
	}
	if n := len(l.Approvals); n > 0 {
		text += ", " + strconv.Itoa(n) + " to approve"
	}
	return text
}

func (a *app) getImport() *cobra.Command {
	cmd := &cobra.Command{
		Use: "import NAME", Short: "Show an import's definition as applied; -o yaml as apply takes it", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(importNames),
	}
	a.oneOf(cmd, "json", "yaml", "name")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		return a.showDefinition(ctx, c, "imports", args[0])
	})
	return cmd
}

// showDefinition prints a definition: as the API shows it, or as apply takes it.
func (a *app) showDefinition(ctx context.Context, c *client.Client, plural, name string) error {
	if a.output == "yaml" {
		text, err := definitionYAML(ctx, c, plural, name)
		if err != nil {
			return err
		}
		_, err = a.io.Out.Write(text)
		return err
	}
	raw, _, err := c.Document(ctx, plural, name)
	switch {
	case err != nil:
		return err
	case a.output == "name":
		_, err := fmt.Fprintln(a.io.Out, name)
		return err
	}
	return a.printJSON(raw)
}

var runColumns = []column[schemas.Run]{
	{head: "RUN", cell: func(r schemas.Run) string { return orDash(r.Run) }},
	{head: "STATE", cell: func(r schemas.Run) string { return r.State }},
	{head: "MODE", wide: true, cell: func(r schemas.Run) string { return orDash(r.Mode) }},
	{head: "READ", cell: func(r schemas.Run) string { return number(r.Counts.Read) }},
	{head: "UNCHANGED", wide: true, cell: func(r schemas.Run) string { return number(r.Counts.Unchanged) }},
	{head: "FUTURE", wide: true, cell: func(r schemas.Run) string { return number(r.Counts.Future) }},
	{head: "REJECTED", cell: func(r schemas.Run) string { return number(r.Counts.Rejected()) }},
	{head: "LOADED", cell: func(r schemas.Run) string { return number(r.Counts.Loaded) }},
	{head: "SKIPPED", wide: true, cell: func(r schemas.Run) string { return number(r.Counts.Skipped()) }},
	{head: "TOOK", moving: true, cell: func(r schemas.Run) string { return elapsed(r).String() }},
	{head: "STARTED", cell: func(r schemas.Run) string { return moment(&r.StartedAt) }},
	{head: "WAITS FOR", cell: waitsFor},
	{head: "EXECUTION", wide: true, cell: func(r schemas.Run) string { return executed(r.Snowflake) }},
	{head: "EQUATION", wide: true, moving: true, cell: equationOf},
}

func (a *app) getRuns() *cobra.Command {
	var q client.RunsQuery
	var f listFlags
	cmd := &cobra.Command{Use: "runs", Short: "List runs, newest first", Args: cobra.NoArgs}
	a.listFlags(cmd, &f, false)
	cmd.Flags().StringVar(&q.Import, "import", "", "only runs of this import")
	cmd.Flags().StringVar(&q.State, "state", "", "only runs in this state")
	cmd.Flags().BoolVar(&q.Dry, "dry", false, "dry runs in place of runs")
	cmd.Flags().IntVar(&q.Size, "limit", 50, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	a.completeFlag(cmd, "import", importNames)
	checkFirst(cmd, func([]string) error { return checkLimit(q.Size) })
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		view := view[schemas.Run]{newestFirst: true,
			columns: runColumns, name: func(r schemas.Run) string { return r.Run },
			fetch: func(ctx context.Context) (client.List[schemas.Run], error) { return c.Runs(ctx, q) },
		}
		return showList(ctx, a, view, nil, f.watch)
	})
	return cmd
}

// checkLimit refuses a limit that the API would refuse, with a message that names
// the flag.
func checkLimit(n int) error {
	if n < 1 || n > 1000 {
		return fmt.Errorf("--limit is 1 to 1000, not %d; --all of get rejects and get rows prints all", n)
	}
	return nil
}

// printPage writes a table and, if there are more pages, how to get the next one.
func (a *app) printPage(head []string, rows [][]string, token string) error {
	if err := printTable(a.io.Out, head, rows); err != nil {
		return err
	}
	if token != "" {
		a.say("there are more: --page-token %s", token)
	}
	return nil
}

func (a *app) getRun() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run ID", Short: "Show a run such as customers.42", Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeOne(runNames),
	}
	a.oneOf(cmd, "table", "wide", "json", "yaml", "name")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		run, err := c.Run(ctx, args[0])
		if err != nil {
			return err
		}
		return a.showRun(run)
	})
	return cmd
}

func (a *app) showRun(run schemas.Run) error {
	switch a.output {
	case "json":
		return a.printJSON(run)
	case "yaml":
		return a.printYAML(run)
	case "name":
		_, err := fmt.Fprintln(a.io.Out, run.Run)
		return err
	}
	return printRun(a.io.Out, run)
}
