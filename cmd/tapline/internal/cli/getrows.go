package cli

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

var rowColumns = []column[client.Row]{
	{head: "ROW", cell: func(r client.Row) string { return orDash(r.ID) }},
	{head: "RESULT", cell: func(r client.Row) string { return r.Result }},
	{head: "IDENTITY", cell: func(r client.Row) string { return orDash(cmp.Or(r.Identity, r.CleverTapID)) }},
	{head: "EVENT", wide: true, cell: func(r client.Row) string { return orDash(r.Event) }},
	{head: "STAGE", cell: func(r client.Row) string { return orDash(r.Stage) }},
	{head: "CODE", cell: func(r client.Row) string { return orDash(r.Code) }},
	{head: "COLUMN", wide: true, cell: func(r client.Row) string { return orDash(r.Column) }},
	{head: "PROPERTY", wide: true, cell: func(r client.Row) string { return orDash(r.Property) }},
	{head: "UPLOAD", wide: true, cell: func(r client.Row) string { return orDash(r.Upload) }},
	{head: "AT", wide: true, cell: func(r client.Row) string { return moment(&r.Time) }},
	{head: "REF", wide: true, cell: func(r client.Row) string { return r.Ref }},
	{head: "REASON", cell: func(r client.Row) string { return orDash(r.Reason) }},
}

func (a *app) getRows() *cobra.Command {
	var q client.RowsQuery
	var f listFlags
	var all, bom bool
	var format, ref string
	cmd := &cobra.Command{
		Use: "rows", Short: "List the rows of a run: what was loaded, rejected and skipped", Args: cobra.NoArgs,
		Long: `List the rows of a run: what was loaded, rejected and skipped, with identities,
which are personal data. Of unchanged rows and of rows in the future the topics
hold nothing: they are counted only. With --export, write all as a file to the
standard output. With --open, show one row as JSON with the person's CleverTap
IDs, which a loader looks up.`,
	}
	a.listFlags(cmd, &f, false)
	cmd.Flags().StringVar(&q.Run, "run", "", "the run, such as customers.42")
	cmd.Flags().StringVar(&q.Result, "result", "", "only rows with this result: loaded, rejected or skipped")
	cmd.Flags().IntVar(&q.Size, "limit", 100, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	cmd.Flags().BoolVar(&all, "all", false, "print all as NDJSON, a line each")
	cmd.Flags().StringVar(&format, "export", "", "write a file of all: ndjson, csv or parquet")
	cmd.Flags().BoolVar(&bom, "bom", false, "begin a CSV file with a byte order mark, for Excel")
	cmd.Flags().StringVar(&ref, "open", "", "show the row of this name, such as records-3-18273 (-o wide shows names)")
	cmd.MarkFlagsMutuallyExclusive("all", "export", "open")
	_ = cmd.MarkFlagRequired("run") // the flag is defined above
	a.completeFlag(cmd, "run", runNames)
	checkFirst(cmd, func([]string) error { return errors.Join(checkLimit(q.Size), a.exports(format)) })
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		if all {
			encoder := a.encoder()
			return c.AllRows(ctx, q, func(r client.Row) error { return encoder.Encode(r) })
		}
		if format != "" {
			note, err := c.ExportRows(ctx, q, format, bom, a.io.Out)
			if err == nil && note != "" {
				a.say("%s", note)
			}
			return err
		}
		if ref != "" {
			text, err := c.OpenRow(ctx, q.Run, ref)
			if err != nil {
				return err
			}
			return a.printJSON(text)
		}
		var unlisted map[string]int64
		view := view[client.Row]{
			columns: rowColumns, name: func(r client.Row) string { return r.Ref },
			fetch: func(ctx context.Context) (client.List[client.Row], error) {
				page, err := c.Rows(ctx, q)
				unlisted = page.Unlisted
				return page.List, err
			},
		}
		if err := showList(ctx, a, view, nil, f.watch); err != nil || a.output != "table" && a.output != "wide" {
			return err
		}
		if text := countsByName(unlisted); text != "" {
			a.say("not listed, because the topics hold nothing of them: %s", text)
		}
		return nil
	})
	return cmd
}
