package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) tablesCommand() *cobra.Command {
	var q client.TablesQuery
	var named, pattern string
	cmd := &cobra.Command{
		Use:   "tables [CONNECTION] [PATTERN]",
		Short: "List the tables that a connection sees, and a named table's columns",
		Long: `List the databases, schemas or tables that a connection sees. Nothing is read of
the tables, and no warehouse is used.

PATTERN is TABLE, DATABASE.TABLE or DATABASE.SCHEMA.TABLE, written as in SQL: "…"
keeps small letters. * stands for any characters in TABLE. A table that is named
without * is shown with its columns. CONNECTION may be left out if there is one.`,
		Args: cobra.MaximumNArgs(2),
	}
	a.oneOf(cmd, "table", "json", "name")
	cmd.Flags().StringVar(&q.Level, "level", schemas.LevelTable, "database, schema or table: what to list")
	cmd.Flags().IntVar(&q.Size, "limit", 200, "how many to show, 1 to 1000")
	cmd.Flags().StringVar(&q.Token, "page-token", "", "nextPageToken of the previous page")
	checkFirst(cmd, func(args []string) error {
		if q.Size < 1 || q.Size > schemas.MaxTablesPage {
			return fmt.Errorf("--limit is 1 to %d, not %d", schemas.MaxTablesPage, q.Size)
		}
		switch q.Level {
		case schemas.LevelDatabase, schemas.LevelSchema, schemas.LevelTable:
		default:
			return fmt.Errorf("--level is database, schema or table, not %q", q.Level)
		}
		named, pattern = splitTablesArgs(args)
		if pattern == "" {
			return nil
		}
		return readPattern(pattern, &q)
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		connection, err := connectionOf(ctx, c, named)
		if err != nil {
			return err
		}
		found, err := c.Tables(ctx, connection, q)
		return a.printFetched(found, err, func() error { return a.showTables(found) })
	})
	return cmd
}

// splitTablesArgs tells a connection from a pattern: a connection's name has neither a
// dot, a star, a quote nor a capital letter.
func splitTablesArgs(args []string) (connection, pattern string) {
	switch {
	case len(args) == 2:
		return args[0], args[1]
	case len(args) == 1 && (strings.ContainsAny(args[0], `.*"`) || args[0] != strings.ToLower(args[0])):
		return "", args[0]
	case len(args) == 1:
		return args[0], ""
	}
	return "", ""
}

// connectionOf is the connection that is named, or the only one that there is.
func connectionOf(ctx context.Context, c *client.Client, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	list, err := c.Resources(ctx, "connections")
	switch {
	case err != nil:
		return "", err
	case len(list.Items) == 1:
		return list.Items[0].Metadata.Name, nil
	case len(list.Items) == 0:
		return "", errors.New("there is no connection; apply one")
	}
	names := make([]string, len(list.Items))
	for i, r := range list.Items {
		names[i] = r.Metadata.Name
	}
	return "", fmt.Errorf("name one of the connections: %s", strings.Join(names, ", "))
}

// readPattern reads a name such as SHOP.PUBLIC."Mixed"; a part without quotes is in
// capital letters, as in SQL.
func readPattern(pattern string, q *client.TablesQuery) error {
	var parts []string
	rest := pattern
	for {
		part, after, err := firstPart(rest)
		if err != nil {
			return fmt.Errorf("the pattern %s: %w", pattern, err)
		}
		parts = append(parts, part)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	switch {
	case len(parts) > 3:
		return fmt.Errorf("the pattern %s has more than three parts; write DATABASE.SCHEMA.TABLE", pattern)
	case q.Level == schemas.LevelDatabase && len(parts) > 1, q.Level == schemas.LevelSchema && len(parts) > 2:
		return fmt.Errorf("the pattern %s names more than a %s; leave the rest out", pattern, q.Level)
	}
	q.Table = parts[len(parts)-1]
	if len(parts) > 1 {
		q.Database = parts[0]
	}
	if len(parts) > 2 {
		q.Schema = parts[1]
	}
	if strings.Contains(q.Database+q.Schema, "*") {
		return errors.New("* may stand in the last part of a pattern only")
	}
	return nil
}

// firstPart splits the first part of a name off. after is empty or begins with the dot.
func firstPart(text string) (part, after string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		if end == 0 {
			return "", "", errors.New("a part of it is empty")
		}
		return strings.ToUpper(text[:end]), text[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
			b.WriteByte(text[i])
		case strings.HasPrefix(text[i+1:], `"`):
			b.WriteByte('"')
			i++
		case text[i+1:] == "" || text[i+1] == '.':
			return b.String(), text[i+1:], nil
		default:
			return "", "", errors.New("a dot must follow a closing quote")
		}
	}
	return "", "", errors.New("a quote is not closed")
}

func (a *app) showTables(found client.Tables) error {
	if found.Incomplete != "" {
		defer a.say("%s", found.Incomplete)
	}
	if a.output == "name" {
		return printNames(a.io.Out, found.Items, sqlName)
	}
	var rows [][]string
	for _, t := range found.Items {
		if len(t.Columns) > 0 {
			return a.showColumns(found)
		}
		rows = append(rows, []string{sqlName(t), t.Kind, rowsOf(t)})
	}
	return a.printPage([]string{"NAME", "KIND", "ROWS"}, rows, found.NextPageToken)
}

// showColumns prints tables with their columns, one below the other.
func (a *app) showColumns(found client.Tables) error {
	var rows [][]string
	for _, t := range found.Items {
		for _, c := range t.Columns {
			rows = append(rows, []string{sqlName(t), c.Name, c.Type, yesNo(c.Nullable)})
		}
		a.say("%s is a %s of %s rows", sqlName(t), strings.ToLower(t.Kind), rowsOf(t))
	}
	return a.printPage([]string{"TABLE", "COLUMN", "TYPE", "NULLABLE"}, rows, found.NextPageToken)
}

func rowsOf(t schemas.Table) string {
	if t.Rows == nil {
		return "-"
	}
	return number(*t.Rows)
}

// sqlName is a table's name as it is written in a query.
func sqlName(t schemas.Table) string {
	var parts []string
	for _, part := range []string{t.Database, t.Schema, t.Name} {
		if part != "" {
			parts = append(parts, storedIdentifier(part))
		}
	}
	return strings.Join(parts, ".")
}

// storedIdentifier writes a name as Snowflake stores it so that SQL reads this name.
func storedIdentifier(name string) string {
	for i, r := range name {
		plain := r >= 'A' && r <= 'Z' || r == '_' || i > 0 && (r >= '0' && r <= '9' || r == '$')
		if !plain {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	return name
}
