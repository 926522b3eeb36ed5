package cli

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

var rejectColumns = []column[schemas.Reject]{
	{head: "RUN", cell: func(r schemas.Reject) string { return r.Run }},
	{head: "ROW", cell: rowOf},
	{head: "STAGE", cell: func(r schemas.Reject) string { return r.Stage }},
	{head: "CODE", cell: func(r schemas.Reject) string { return r.Code }},
	{head: "COLUMN", cell: func(r schemas.Reject) string { return orDash(r.Column) }},
	{head: "PROPERTY", cell: func(r schemas.Reject) string { return orDash(r.Property) }},
	{head: "ATTEMPT", wide: true, cell: func(r schemas.Reject) string { return strconv.Itoa(r.Attempt) }},
	{head: "AT", wide: true, cell: func(r schemas.Reject) string { return moment(&r.Time) }},
	{head: "REASON", cell: func(r schemas.Reject) string { return r.Reason }},
}

func rejectName(r schemas.Reject) string { return r.Run + "/" + r.ID }

// rejectsFlags adds the filters of rejects to a verb.
func (a *app) rejectsFlags(cmd *cobra.Command, q *client.RejectsQuery) {
	cmd.Flags().StringVar(&q.Import, "import", "", "the import; not needed with --run")
	cmd.Flags().StringVar(&q.Run, "run", "", "only rejects of this run")
	cmd.Flags().StringVar(&q.Code, "code", "", "only rejects with this code")
	cmd.Flags().StringVar(&q.Stage, "stage", "", "only rejects of this stage: extract, map or load")
	cmd.Flags().StringVar(&q.Column, "column", "", "only rejects because of this column")
	cmd.Flags().StringVar(&q.State, "state", "", "only open, replaying, replayed or dismissed ones")
	cmd.Flags().StringVar(&q.Since, "since", "", "from this instant on, such as 2026-11-28T09:00:00Z")
	cmd.Flags().StringVar(&q.Until, "until", "", "before this instant")
	cmd.Flags().IntVar(&q.Size, "limit", 100, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	a.completeFlag(cmd, "import", importNames)
	a.completeFlag(cmd, "run", runNames)
	checkFirst(cmd, func([]string) error { return checkLimit(q.Size) })
}

func (a *app) getRejects() *cobra.Command {
	var q client.RejectsQuery
	var f listFlags
	var all, groups, bom bool
	var format string
	cmd := &cobra.Command{
		Use: "rejects", Short: "List rejected rows with their reasons, newest first", Args: cobra.NoArgs,
		Long: `List rejected rows with their reasons, newest first. The largest groups that have
the same code, column and shape of the value are named before them, on standard
error; --groups lists all groups and no rows. With --export, write all of them as a
file to the standard output, oldest first.

Rejected rows hold what Snowflake held, personal data too: -o json shows it, and
so does tapline describe rejects.`,
	}
	a.listFlags(cmd, &f, false)
	a.rejectsFlags(cmd, &q)
	cmd.Flags().BoolVar(&all, "all", false, "print all as NDJSON, a line each")
	cmd.Flags().BoolVar(&groups, "groups", false, "show how many share code, column and shape of the value")
	cmd.Flags().StringVar(&q.Order, "order", "", "which come first: newest or oldest")
	cmd.Flags().StringVar(&format, "export", "", "write a file of all: ndjson, csv or parquet")
	cmd.Flags().BoolVar(&bom, "bom", false, "begin a CSV file with a byte order mark, for Excel")
	cmd.MarkFlagsMutuallyExclusive("all", "groups", "export")
	checkFirst(cmd, func([]string) error {
		if q.Import == "" && q.Run == "" {
			return errors.New("say whose rejects: --import IMPORT or --run RUN; tapline get imports shows who has some (-o wide)")
		}
		return a.exports(format)
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		if format != "" {
			return c.ExportRejects(ctx, q, format, bom, a.io.Out)
		}
		if groups {
			return a.rejectGroups(ctx, c, q)
		}
		if all {
			return a.streamRejects(ctx, c, q)
		}
		if !f.watch && (a.output == "table" || a.output == "wide") {
			a.sayGroups(ctx, c, q)
		}
		view := view[schemas.Reject]{newestFirst: true,
			columns: rejectColumns, name: rejectName,
			fetch: func(ctx context.Context) (client.List[schemas.Reject], error) { return c.Rejects(ctx, q) },
		}
		if err := showList(ctx, a, view, nil, f.watch); err != nil || a.output != "table" && a.output != "wide" {
			return err
		}
		return a.summarize(ctx, c, q.Run)
	})
	return cmd
}

// rowOf is the row's position in Snowflake's result, which -o json shows with the
// row itself.
func rowOf(r schemas.Reject) string {
	if id, ok := schemas.ParseRowID([]byte(r.ID)); ok {
		return strconv.FormatInt(id.Seq, 10)
	}
	return "-"
}

// summarize says how many rejects of a run have which code.
func (a *app) summarize(ctx context.Context, c *client.Client, id string) error {
	if id == "" {
		return nil
	}
	run, err := c.Run(ctx, id)
	if err != nil {
		return err
	}
	a.say("%s of %s rows read were rejected: %s", number(run.Counts.Rejected()), number(run.Counts.Read), countsByName(run.RejectsByCode))
	return nil
}

// saidGroups is how many groups are named before the rows.
const saidGroups = 5

// sayGroups names the largest groups: a person sees five causes before 40,000 rows. Without
// an answer the rows are shown alone.
func (a *app) sayGroups(ctx context.Context, c *client.Client, q client.RejectsQuery) {
	found, err := c.CountRejects(ctx, q)
	if err != nil || found.Groups < 2 {
		return
	}
	a.say("%s rejects in %d groups; the largest:", number(found.Total), found.Groups)
	for _, g := range found.Items[:min(saidGroups, len(found.Items))] {
		a.say("  %s %s, column %s, values %s: %s", number(g.Count), orDash(g.Code), orDash(g.Column), orDash(g.Shape), orDash(g.Action))
	}
}

func (a *app) streamRejects(ctx context.Context, c *client.Client, q client.RejectsQuery) error {
	encoder := a.encoder()
	return c.AllRejects(ctx, q, func(r schemas.Reject) error { return encoder.Encode(r) })
}

// rejectGroups shows the largest groups first.
func (a *app) rejectGroups(ctx context.Context, c *client.Client, q client.RejectsQuery) error {
	found, err := c.CountRejects(ctx, q)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(found)
	}
	var rows [][]string
	for _, g := range found.Items {
		rows = append(rows, []string{number(g.Count), orDash(g.Code), orDash(g.Column), orDash(g.Shape), orDash(g.Action)})
	}
	if err := printTable(a.io.Out, []string{"REJECTS", "CODE", "COLUMN", "VALUES", "WHAT TO DO"}, rows); err != nil {
		return err
	}
	if !found.Complete {
		a.say("these are not all: the index of rejects is being built, %.0f %% is done", found.Share*100)
	}
	a.say("%s rejects in %d groups", number(found.Total), found.Groups)
	return nil
}
