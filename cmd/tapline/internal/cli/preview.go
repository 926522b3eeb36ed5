package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
)

func (a *app) previewCommand() *cobra.Command {
	var files []string
	var q client.PreviewQuery
	cmd := &cobra.Command{
		Use:   "preview IMPORT | -f FILE",
		Short: "Show the columns and first rows of an import's query; nothing is imported",
		Long: `Show the columns and the first rows of an import's query. Nothing is imported.
With -f the definition need not be applied, nor the connection if the file holds
it.

-o json prints the columns as "tapline map --columns" reads them, -o rows the
rows as "tapline map --rows" does. Both hold what Snowflake holds, personal data
too.`,
		Args: cobra.MaximumNArgs(1),
	}
	filesFlag(cmd, &files)
	cmd.Flags().IntVar(&q.Rows, "rows", 50, "how many rows, at most "+strconv.Itoa(schemas.MaxPreviewRows))
	a.oneOf(cmd, "table", "json", "rows")
	checkFirst(cmd, func(args []string) error {
		if len(args) == 1 {
			q.Import = args[0]
		}
		if q.Import == "" && len(files) == 0 {
			return errors.New("name an import, or a file with -f")
		}
		return nil
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		var set definition.Set
		var sent []document
		if len(files) > 0 {
			var err error
			if set, sent, err = a.previewed(files); err != nil {
				return err
			}
			for _, d := range sent {
				q.Documents = append(q.Documents, d.raw)
			}
		}
		p, err := c.Preview(ctx, q)
		if err != nil {
			return inFiles(err, &set, sent)
		}
		return a.showPreview(p, &set, sent)
	})
	return cmd
}

// previewed reads definitions of which only the source must be valid.
func (a *app) previewed(files []string) (definition.Set, []document, error) {
	sources, err := a.sources(files)
	if err != nil {
		return definition.Set{}, nil, err
	}
	set, problems := definition.ParseAll(sources, definition.Options{})
	if len(problems) > 0 {
		return set, nil, refused(problems)
	}
	sent, err := documents(&set)
	return set, sent, err
}

func (a *app) showPreview(p client.Preview, set *definition.Set, sent []document) error {
	for _, d := range p.Problems {
		text := d.Location + ": " + d.Message
		if found, ok := locate(d, set, sent); ok && len(found) > 0 {
			text = found[0].Error()
		}
		a.say("%s", text)
	}
	if n := len(p.Suppressed); n > 0 {
		a.say("%d of the rows shown are of suppressed people: no run sends them", n)
	}
	switch a.output {
	case "json":
		columns := make([]shownColumn, len(p.Columns))
		for i, c := range p.Columns {
			columns[i] = shownColumn{c.Name, c.Type, c.Precision, c.Scale, c.Nullable}
		}
		return a.printJSON(columns)
	case "rows":
		for _, row := range p.Rows {
			if _, err := fmt.Fprintf(a.io.Out, "%s\n", row); err != nil {
				return err
			}
		}
		return nil
	}
	var columns [][]string
	head := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		head[i] = c.Name
		columns = append(columns, []string{c.Name, columnType(c.Column), yesNo(c.Nullable), number(c.Nulls)})
	}
	if _, err := fmt.Fprintf(a.io.Out, "%s: %d rows in %.1f s, query id %s\n\n", p.Import, len(p.Rows), float64(p.Millis)/1000, orDash(p.QueryID)); err != nil {
		return err
	}
	if err := printTable(a.io.Out, []string{"COLUMN", "TYPE", "NULLABLE", "NULLS"}, columns); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.io.Out); err != nil {
		return err
	}
	var rows [][]string
	for _, row := range p.Rows {
		cells, err := cellsOf(row, head)
		if err != nil {
			return err
		}
		rows = append(rows, cells)
	}
	return printTable(a.io.Out, head, rows)
}

// shownColumn is a column with every key written, as people edit such files.
type shownColumn struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Precision int    `json:"precision"`
	Scale     int    `json:"scale"`
	Nullable  bool   `json:"nullable"`
}

func columnType(c schemas.Column) string {
	if c.Type == "FIXED" {
		return fmt.Sprintf("NUMBER(%d,%d)", c.Precision, c.Scale)
	}
	return c.Type
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// cellsOf writes a row's values in the order of the columns, shortened.
func cellsOf(row json.RawMessage, columns []string) ([]string, error) {
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal(row, &values); err != nil {
		return nil, fmt.Errorf("reading a row: %w", err)
	}
	cells := make([]string, len(columns))
	for i, name := range columns {
		cells[i] = cell(values[name])
	}
	return cells, nil
}

func cell(raw json.RawMessage) string {
	const width = 30
	text := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			text = string(raw)
		}
	}
	if bytes.Equal(raw, []byte("null")) {
		text = "NULL"
	}
	// A row's value must not reach the terminal as a control sequence.
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) > width {
		text = string([]rune(text)[:width-1]) + "…"
	}
	return text
}
