package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
)

// describedRuns is how many runs the description of an import shows.
const describedRuns = 5

func (a *app) describeCommand() *cobra.Command {
	describe := &cobra.Command{Use: "describe", Short: "Show all about an import, run, connection, account, defaults or rejects"}
	describe.AddCommand(a.describeImport(), a.describeRun(), a.describeRejects())
	for _, kind := range resourceKinds {
		describe.AddCommand(a.describeResource(kind))
	}
	return describe
}

// describeFlags adds -o with the forms of a description.
func (a *app) describeFlags(cmd *cobra.Command) {
	a.oneOf(cmd, "table", "wide", "json", "yaml", "name")
}

func (a *app) describeImport() *cobra.Command {
	cmd := &cobra.Command{
		Use: "import NAME", Short: "Show an import's state, its newest runs and its definition", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(importNames),
	}
	a.describeFlags(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if a.output != "table" && a.output != "wide" {
			return a.showDefinition(ctx, c, "imports", args[0])
		}
		raw, _, err := c.Document(ctx, "imports", args[0])
		if err != nil {
			return err
		}
		var d schemas.Definition
		if err := json.Unmarshal(raw, &d); err != nil {
			return fmt.Errorf("reading the definition of %s: %w", args[0], err)
		}
		list, err := c.Imports(ctx)
		if err != nil {
			return err
		}
		for _, l := range list.Items {
			if l.Import == d.Metadata.Name {
				if err := printPairs(a.io.Out, describedListing(d, l)); err != nil {
					return err
				}
			}
		}
		stats, err := c.Stats(ctx, args[0])
		if err != nil {
			return err
		}
		if err := printPairs(a.io.Out, describedStats(stats)); err != nil {
			return err
		}
		runs, err := c.Runs(ctx, client.RunsQuery{Import: args[0], Size: describedRuns})
		if err != nil {
			return err
		}
		return a.describeDefinition(raw, runs.Items)
	})
	return cmd
}

// describeDefinition prints the newest runs of an import and its definition.
func (a *app) describeDefinition(raw json.RawMessage, runs []schemas.Run) error {
	view := view[schemas.Run]{columns: runColumns}
	rows := make([][]string, len(runs))
	for i, r := range runs {
		rows[i] = view.row(r, a.output == "wide")
	}
	if len(runs) > 0 {
		if _, err := fmt.Fprintln(a.io.Out); err != nil {
			return err
		}
		if err := printTable(a.io.Out, view.head(a.output == "wide"), rows); err != nil {
			return err
		}
	}
	text, err := definition.YAML(raw)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.io.Out, "\n%s", text)
	return err
}

func describedListing(d schemas.Definition, l schemas.Listing) [][2]string {
	rows := [][2]string{
		{"import", l.Import},
		{"nickname", orDash(l.DisplayName)},
		{"owner", orDash(d.Metadata.Owner)},
		{"labels", labelsText(d.Metadata.Labels)},
		{"status", status(l)},
		{"schedule", orDash(l.Schedule)},
		{"next run", moment(l.NextRunAt)},
		{"health", health(l.Health)},
		{"open rejects", number(l.OpenRejects)},
		{"last run", orDash(l.LastRun) + "  " + orDash(l.LastRunState) + "  " + moment(l.LastRunAt)},
		{"watermark", orDash(l.Watermark)},
		{"generation", strconv.Itoa(d.Generation) + ", applied " + moment(&d.AppliedAt)},
	}
	if l.Unfinished > 0 {
		rows = append(rows, [2]string{"may repeat", number(l.Unfinished) + " events that runs without success have stored"})
	}
	if l.HeldBecause != nil {
		rows = append(rows, [2]string{"held", l.HeldBecause.Reason})
	}
	for _, m := range l.Missing {
		rows = append(rows, [2]string{"lacks", m.Location + ": " + m.Message})
	}
	if u := l.Snowflake; u != nil {
		rows = append(rows, [2]string{"snowflake", warehouse(*u)})
	}
	return rows
}

func (a *app) describeRun() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run ID", Short: "Show all about a run such as customers.42", Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeOne(runNames),
	}
	a.describeFlags(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		run, err := c.Run(ctx, args[0])
		if err != nil {
			return err
		}
		return a.showRun(run)
	})
	return cmd
}

func (a *app) describeResource(kind resourceKind) *cobra.Command {
	cmd := &cobra.Command{
		Use: kind.singular + " NAME", Short: "Show " + kind.about + ": owner, labels, generation and definition", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(resourceNames(kind)),
	}
	a.describeFlags(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if a.output != "table" && a.output != "wide" {
			return a.showDefinition(ctx, c, kind.plural, args[0])
		}
		raw, _, err := c.Document(ctx, kind.plural, args[0])
		if err != nil {
			return err
		}
		var r schemas.Resource
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("reading the definition of %s: %w", args[0], err)
		}
		text, err := definition.YAML(raw)
		if err != nil {
			return err
		}
		err = printPairs(a.io.Out, [][2]string{
			{kind.singular, r.Metadata.Name}, {"owner", orDash(r.Metadata.Owner)}, {"labels", labelsText(r.Metadata.Labels)},
			{"generation", strconv.Itoa(r.Generation) + ", applied " + moment(&r.AppliedAt)},
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.io.Out, "\n%s", text)
		return err
	})
	return cmd
}

func (a *app) describeRejects() *cobra.Command {
	var q client.RejectsQuery
	cmd := &cobra.Command{
		Use: "rejects", Short: "Show rejected rows in full, newest first: personal data too", Args: cobra.NoArgs,
	}
	a.describeFlags(cmd)
	a.rejectsFlags(cmd, &q)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Rejects(ctx, q)
		if err != nil || a.output != "table" && a.output != "wide" {
			fetched := func(context.Context) (client.List[schemas.Reject], error) { return list, err }
			return showList(ctx, a, view[schemas.Reject]{name: rejectName, fetch: fetched}, nil, false)
		}
		for _, r := range list.Items {
			if err := printPairs(a.io.Out, describedReject(r)); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(a.io.Out); err != nil {
				return err
			}
		}
		if list.NextPageToken != "" {
			a.say("there are more: --page-token %s", list.NextPageToken)
		}
		return nil
	})
	return cmd
}

func describedReject(r schemas.Reject) [][2]string {
	rows := [][2]string{
		{"reject", rejectName(r)}, {"at", moment(&r.Time)}, {"stage", r.Stage}, {"code", r.Code}, {"reason", r.Reason},
		{"column", orDash(r.Column)}, {"property", orDash(r.Property)},
	}
	if r.Topic != "" {
		rows = append(rows, [2]string{"lies in", fmt.Sprintf("%s, partition %d, offset %d", r.Topic, r.Partition, r.Offset)})
	}
	if len(r.Row) > 0 {
		rows = append(rows, [2]string{"row", string(r.Row)})
	}
	if len(r.Record) > 0 {
		rows = append(rows, [2]string{"record", string(r.Record)})
	}
	return rows
}
