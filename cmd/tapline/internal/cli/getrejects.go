package cli

import (
	"context"
	"encoding/json"
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
	cmd.Flags().IntVar(&q.Size, "limit", 100, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	a.completeFlag(cmd, "import", importNames)
	a.completeFlag(cmd, "run", runNames)
	checkFirst(cmd, func([]string) error { return checkLimit(q.Size) })
}

func (a *app) getRejects() *cobra.Command {
	var q client.RejectsQuery
	var f listFlags
	var all bool
	cmd := &cobra.Command{
		Use: "rejects", Short: "List rejected rows with their reasons, newest first", Args: cobra.NoArgs,
		Long: `List rejected rows with their reasons, newest first.

Rejected rows hold what Snowflake held, personal data too: -o json shows it, and
so does tapline describe rejects.`,
	}
	a.listFlags(cmd, &f, false)
	a.rejectsFlags(cmd, &q)
	cmd.Flags().BoolVar(&all, "all", false, "print all as NDJSON, a line each")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		if all {
			return a.streamRejects(ctx, c, q)
		}
		view := view[schemas.Reject]{
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

func (a *app) streamRejects(ctx context.Context, c *client.Client, q client.RejectsQuery) error {
	encoder := json.NewEncoder(a.io.Out)
	encoder.SetEscapeHTML(false)
	return c.AllRejects(ctx, q, func(r schemas.Reject) error { return encoder.Encode(r) })
}
