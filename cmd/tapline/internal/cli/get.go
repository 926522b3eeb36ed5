package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) getCommand() *cobra.Command {
	get := &cobra.Command{
		Use:   "get",
		Short: "Show imports, runs, rejects, connections and accounts",
	}
	get.AddCommand(a.getImports(), a.getImport(), a.getRuns(), a.getRun(), a.getRejects(), a.getFreezes(),
		a.getResources("connections", "Snowflake connections"),
		a.getResources("accounts", "CleverTap accounts"),
		a.getResources("defaults", "defaults of imports"))
	return get
}

func (a *app) getImports() *cobra.Command {
	cmd := &cobra.Command{Use: "imports", Short: "List imports", Args: cobra.NoArgs}
	a.oneOf(cmd, "table", "wide", "json")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Imports(ctx)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, l := range list.Items {
				rows = append(rows, []string{
					l.Import, status(l), health(l.Health), orDash(l.LastRunState), moment(l.LastRunAt), moment(l.NextRunAt),
					l.Type, orDash(l.LastRun), orDash(l.Schedule), orDash(l.Watermark), number(l.OpenRejects),
				})
			}
			head := []string{"IMPORT", "STATUS", "HEALTH", "LAST RUN", "AT", "NEXT", "TYPE", "RUN", "SCHEDULE", "WATERMARK", "OPEN REJECTS"}
			if a.output != "wide" {
				// What fits into 100 columns with names of usual length.
				const narrow = 6
				head = head[:narrow]
				for i := range rows {
					rows[i] = rows[i][:narrow]
				}
			}
			return printTable(a.io.Out, head, rows)
		})
	})
	return cmd
}

// status is the import's status, with what keeps it from being sent.
func status(l schemas.Listing) string {
	text := l.Status
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
		Use: "import NAME", Short: "Show an import's definition as applied, as JSON", Args: cobra.ExactArgs(1),
	}
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		d, err := c.Import(ctx, args[0])
		if err != nil {
			return err
		}
		return a.printJSON(d)
	})
	return cmd
}

func (a *app) getRuns() *cobra.Command {
	var q client.RunsQuery
	cmd := &cobra.Command{Use: "runs", Short: "List runs, newest first", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.Flags().StringVar(&q.Import, "import", "", "only runs of this import")
	cmd.Flags().StringVar(&q.State, "state", "", "only runs in this state")
	cmd.Flags().BoolVar(&q.Dry, "dry", false, "dry runs in place of runs")
	cmd.Flags().IntVar(&q.Size, "limit", 50, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	checkFirst(cmd, func([]string) error { return checkLimit(q.Size) })
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Runs(ctx, q)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, r := range list.Items {
				rows = append(rows, runRow(r))
			}
			return a.printPage(runHead, rows, list.NextPageToken)
		})
	})
	return cmd
}

// checkLimit refuses a limit that the API would refuse, with a message that names
// the flag.
func checkLimit(n int) error {
	if n < 1 || n > 1000 {
		return fmt.Errorf("--limit is 1 to 1000, not %d; rejects --all prints all", n)
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
	cmd := &cobra.Command{Use: "run ID", Short: "Show a run such as customers.42", Args: cobra.ExactArgs(1)}
	a.outputFlag(cmd)
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
	if a.output == "json" {
		return a.printJSON(run)
	}
	return printRun(a.io.Out, run)
}

func (a *app) getRejects() *cobra.Command {
	var q client.RejectsQuery
	var all bool
	cmd := &cobra.Command{
		Use: "rejects", Short: "List rejected rows with their reasons, newest first", Args: cobra.NoArgs,
		Long: `List rejected rows with their reasons, newest first.

Rejected rows hold what Snowflake held, personal data too: -o json shows it.`,
	}
	a.outputFlag(cmd)
	cmd.Flags().StringVar(&q.Import, "import", "", "the import; not needed with --run")
	cmd.Flags().StringVar(&q.Run, "run", "", "only rejects of this run")
	cmd.Flags().StringVar(&q.Code, "code", "", "only rejects with this code")
	cmd.Flags().IntVar(&q.Size, "limit", 100, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	cmd.Flags().BoolVar(&all, "all", false, "print all as NDJSON, a line each")
	checkFirst(cmd, func([]string) error { return checkLimit(q.Size) })
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		if all {
			return a.streamRejects(ctx, c, q)
		}
		list, err := c.Rejects(ctx, q)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, r := range list.Items {
				rows = append(rows, []string{
					r.Run, rowOf(r), r.Stage, r.Code, orDash(r.Column), orDash(r.Property), r.Reason,
				})
			}
			if err := a.printPage([]string{"RUN", "ROW", "STAGE", "CODE", "COLUMN", "PROPERTY", "REASON"}, rows, list.NextPageToken); err != nil {
				return err
			}
			return a.summarize(ctx, c, q.Run)
		})
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

func (a *app) getResources(plural, what string) *cobra.Command {
	cmd := &cobra.Command{Use: plural, Short: "List " + what, Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Resources(ctx, plural)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, r := range list.Items {
				rows = append(rows, []string{r.Metadata.Name, r.Kind, strconv.Itoa(r.Generation), moment(&r.AppliedAt)})
			}
			return printTable(a.io.Out, []string{"NAME", "KIND", "GENERATION", "APPLIED"}, rows)
		})
	})
	return cmd
}
