package snowflake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// tablesWithColumns bounds for how many tables of one name the columns are read: each
// takes a statement.
const tablesWithColumns = 20

// Tables lists the databases, schemas or tables that the session's role sees. It uses
// SHOW, which needs no warehouse and so costs nothing. A table that is named exactly is
// listed with its columns.
func (s *Session) Tables(ctx context.Context, q schemas.TablesQuery) (schemas.TableList, error) {
	out := schemas.TableList{Items: []schemas.Table{}}
	found, whole, err := s.visible(ctx, q)
	if err != nil {
		return out, err
	}
	if !whole {
		out.Incomplete = "there is more than one answer of Snowflake holds; name a database and a schema, or a longer pattern"
	}
	slices.SortFunc(found, func(a, b schemas.Table) int { return comparePlaces(a.TablePlace, b.TablePlace) })
	for _, t := range found {
		if q.After != nil && comparePlaces(t.TablePlace, *q.After) <= 0 {
			continue
		}
		if len(out.Items) == max(q.Rows, 1) {
			out.Next = &out.Items[len(out.Items)-1].TablePlace
			break
		}
		out.Items = append(out.Items, t)
	}
	if q.Level != schemas.LevelTable || q.Name == "" || strings.Contains(q.Name, "*") {
		return out, nil
	}
	if len(out.Items) > tablesWithColumns {
		out.Items = out.Items[:tablesWithColumns]
		out.Next = &out.Items[tablesWithColumns-1].TablePlace
	}
	for i := range out.Items {
		if out.Items[i].Columns, err = s.columnsOfTable(ctx, out.Items[i]); err != nil {
			return out, err
		}
	}
	return out, nil
}

func comparePlaces(a, b schemas.TablePlace) int {
	return cmp.Or(strings.Compare(a.Database, b.Database), strings.Compare(a.Schema, b.Schema), strings.Compare(a.Name, b.Name))
}

// visible lists what the query asks for, in Snowflake's order.
func (s *Session) visible(ctx context.Context, q schemas.TablesQuery) ([]schemas.Table, bool, error) {
	kind, name := "OBJECTS", "name"
	switch q.Level {
	case schemas.LevelDatabase:
		kind = "DATABASES"
	case schemas.LevelSchema:
		kind = "SCHEMAS"
	}
	rows, whole, err := s.show(ctx, "listing what the role sees", "SHOW "+kind+likeClause(q.Name)+scopeClause(q), name)
	if refused := new(Error); errors.As(err, &refused) && refused.Code == CodeQuery && q.Database != "" {
		return nil, false, &Error{Code: CodeQuery, Permanent: true, Number: refused.Number, State: refused.State,
			Reason: "there is no " + strings.TrimPrefix(scopeClause(q), " IN ") + " in Snowflake, or the connection's role may not see it"}
	}
	if err != nil {
		return nil, false, err
	}
	matches := nameMatcher(q.Name)
	var out []schemas.Table
	for _, row := range rows {
		var t schemas.Table
		switch q.Level {
		case schemas.LevelDatabase:
			t = schemas.Table{TablePlace: schemas.TablePlace{Database: row["name"]}, Kind: "DATABASE"}
		case schemas.LevelSchema:
			t = schemas.Table{TablePlace: schemas.TablePlace{Database: row["database_name"], Schema: row["name"]}, Kind: "SCHEMA"}
		default:
			t = schemas.Table{TablePlace: schemas.TablePlace{Database: row["database_name"], Schema: row["schema_name"], Name: row["name"]}, Kind: row["kind"]}
			if n, err := strconv.ParseInt(row["rows"], 10, 64); err == nil && t.Kind != "VIEW" {
				t.Rows = &n
			}
		}
		// Snowflake lists its own description of each database as well: nobody imports it.
		if !matches(row["name"]) || t.Schema == "INFORMATION_SCHEMA" && q.Schema != t.Schema {
			continue
		}
		out = append(out, t)
	}
	return out, whole, nil
}

// scopeClause is where SHOW looks. A session with a database sees only that one unless the
// account is named.
func scopeClause(q schemas.TablesQuery) string {
	switch {
	case q.Level == schemas.LevelDatabase:
		return ""
	case q.Database == "":
		return " IN ACCOUNT"
	case q.Schema == "" || q.Level == schemas.LevelSchema:
		return " IN DATABASE " + quoted(q.Database)
	}
	return " IN SCHEMA " + quoted(q.Database) + "." + quoted(q.Schema)
}

// likeClause narrows what Snowflake lists to a little more than the pattern selects: in
// LIKE an underscore stands for any character. nameMatcher is exact.
func likeClause(pattern string) string {
	if pattern == "" {
		return ""
	}
	// What could end or escape the literal stands for any character too.
	return " LIKE '" + strings.NewReplacer("*", "%", "'", "_", `\`, "_").Replace(pattern) + "'"
}

func nameMatcher(pattern string) func(string) bool {
	if pattern == "" {
		return func(string) bool { return true }
	}
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?is)^` + strings.Join(parts, ".*") + `$`).MatchString
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// columnsOfTable lists a table's columns in their order.
func (s *Session) columnsOfTable(ctx context.Context, t schemas.Table) ([]schemas.TableColumn, error) {
	kind := "TABLE"
	if strings.HasSuffix(t.Kind, "VIEW") {
		kind = "VIEW"
	}
	at := quoted(t.Database) + "." + quoted(t.Schema) + "." + quoted(t.Name)
	rows, whole, err := s.show(ctx, "reading the table's columns", "SHOW COLUMNS IN "+kind+" "+at, "column_name", "data_type")
	if err != nil {
		return nil, err
	}
	if !whole {
		return nil, &Error{Code: CodeUnreadable, Permanent: true, Reason: "the table has more columns than one answer of Snowflake holds"}
	}
	out := make([]schemas.TableColumn, 0, len(rows))
	for _, row := range rows {
		var c struct {
			Type             string
			Precision, Scale int
			Nullable         bool
		}
		if err := json.Unmarshal([]byte(row["data_type"]), &c); err != nil {
			return nil, &Error{Code: CodeUnreadable, Permanent: true, Reason: "the answer to SHOW COLUMNS describes a type in another form than it should"}
		}
		if c.Type == "FIXED" {
			c.Type = fmt.Sprintf("NUMBER(%d,%d)", c.Precision, c.Scale)
		}
		out = append(out, schemas.TableColumn{Name: row["column_name"], Type: c.Type, Nullable: c.Nullable})
	}
	return out, nil
}

// show runs a SHOW statement and returns its rows by column, and whether these are all.
// SHOW is answered as JSON, of which the driver gives the first part.
func (s *Session) show(ctx context.Context, doing, sql string, needed ...string) (out []map[string]string, whole bool, err error) {
	loader, err := s.arrow.QueryArrowStream(ctx, sql)
	if err != nil {
		return nil, false, s.translate(ctx, doing, err)
	}
	names := make([]string, 0, len(columnsOf(loader)))
	for _, c := range columnsOf(loader) {
		names = append(names, strings.ToLower(c.Name))
	}
	for _, name := range needed {
		if !slices.Contains(names, name) {
			return nil, false, &Error{Code: CodeUnreadable, Permanent: true, Reason: "an answer to SHOW has other columns than it should"}
		}
	}
	rows := loader.JSONData()
	for _, row := range rows {
		values := map[string]string{}
		for i, cell := range row {
			if i < len(names) && cell != nil {
				values[names[i]] = *cell
			}
		}
		out = append(out, values)
	}
	return out, int64(len(rows)) >= loader.TotalRows(), nil
}
