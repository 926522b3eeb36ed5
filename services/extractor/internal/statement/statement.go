// Package statement writes the SQL that reads an import's window: the user's
// query wrapped as a sub-query, the cursor's bounds, and the order.
package statement

import (
	"fmt"
	"strconv"
	"strings"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/sqlguard"
)

// CursorAlias names the column that carries a cursor that is not simply a
// column of the query. It never gets into a row.
const CursorAlias = "TAPLINE_CURSOR"

// TotalAlias names the column that says how many rows a sample was drawn from.
// It never gets into a row.
const TotalAlias = "TAPLINE_TOTAL"

// VersionAlias names the column that numbers the rows of an identity in a sample, the
// newest first. It never gets into a row.
const VersionAlias = "TAPLINE_VERSION"

// Source is a checked source.
type Source struct {
	text   string // the user's query
	cursor string // SQL of the cursor over src, "" without one
	column string // the cursor's column, as the definition writes it; "" for an expression
	// coalesce is SQL that stands in for a NULL cursor.
	coalesce string
	hidden   bool // the cursor needs a column of its own
}

// Statement is SQL and what is bound to it.
type Statement struct {
	SQL  string
	Args []string
}

// Parse checks the user's text. Its errors are for the user: they say where and
// what, and repeat nothing of the text but a keyword.
func Parse(spec schemas.Source) (*Source, error) {
	s := &Source{}
	var err error
	switch {
	case spec.Table != "":
		var table string
		if table, err = sqlguard.Table(spec.Table); err != nil {
			return nil, fmt.Errorf("source.table: %w", err)
		}
		s.text = "SELECT * FROM " + table
	default:
		if s.text, err = sqlguard.Query(spec.Query); err != nil {
			return nil, fmt.Errorf("source.query: %w", err)
		}
	}
	if spec.Cursor == nil {
		return s, nil
	}
	s.column = spec.Cursor.Column
	if expr := spec.Cursor.Expr; expr != "" {
		if s.cursor, err = sqlguard.Expression(expr); err != nil {
			return nil, fmt.Errorf("source.cursor.expr: %w", err)
		}
		s.hidden = true
	}
	if c := spec.Cursor.Nulls.Coalesce; c != "" {
		if s.coalesce, err = sqlguard.Expression(c); err != nil {
			return nil, fmt.Errorf("source.cursor.nulls.coalesce: %w", err)
		}
		s.hidden = true
	}
	return s, nil
}

// Describe is the statement that Snowflake describes and never runs: the columns must be
// known before the window's statement can be written.
func (s *Source) Describe() string {
	return "SELECT src.* FROM (\n" + s.text + "\n) AS src"
}

// Bind finds the cursor's column among the query's columns. It returns its
// index, -1 for an expression.
func (s *Source) Bind(columns []schemas.Column) (int, error) {
	if s.column == "" {
		return -1, nil
	}
	i, ok := Resolve(columns, s.column)
	if !ok {
		return -1, fmt.Errorf("cursor column %s is not among the query's columns", s.column)
	}
	s.column = columns[i].Name
	return i, nil
}

// Hidden reports whether the cursor needs a column of its own behind the
// query's columns.
func (s *Source) Hidden() bool { return s.hidden }

// DescribeCursor returns a statement that shows the type of such a column. Bind comes first.
func (s *Source) DescribeCursor() string {
	return "SELECT " + s.cursorSQL() + " AS " + quote(CursorAlias) + " FROM (\n" + s.text + "\n) AS src"
}

// Resolve finds a column by its exact name, or without regard to case if that
// is unique.
func Resolve(columns []schemas.Column, name string) (int, bool) {
	found := -1
	for i, c := range columns {
		if c.Name == name {
			return i, true
		}
		if strings.EqualFold(c.Name, name) {
			if found >= 0 {
				found = -2
				continue
			}
			if found == -1 {
				found = i
			}
		}
	}
	return found, found >= 0
}

func (s *Source) cursorSQL() string {
	sql := "src." + quote(s.column)
	if s.cursor != "" {
		// The newlines end a comment that the user's text may end with.
		sql = "(\n" + s.cursor + "\n)"
	}
	if s.coalesce != "" {
		sql = "COALESCE(" + sql + ", (\n" + s.coalesce + "\n))"
	}
	return sql
}

// Window writes the statement that reads rows with a cursor at or after from
// ("" reads everything) and, in a backfill, before to; NULLs come with it
// unless it is a backfill. columns are the described ones, and last the cursor's
// own if it is hidden.
//
// Where only the newest version of an identity matters, identity names its column. A
// row from before the window is then read together with every newer row of the same
// identity; otherwise an older version would be the last one to arrive.
func (s *Source) Window(columns []schemas.Column, cur *Cursor, from, to, identity string) (Statement, error) {
	visible := columns
	if s.hidden {
		visible = columns[:len(columns)-1]
	}
	var b strings.Builder
	b.WriteString("SELECT " + list(visible))
	if cur == nil {
		b.WriteString(" FROM (\n" + s.text + "\n) AS src")
		return Statement{SQL: b.String()}, nil
	}
	c := s.cursorSQL()
	if s.hidden {
		b.WriteString(", " + c + " AS " + quote(CursorAlias))
	}
	b.WriteString(" FROM (\n" + s.text + "\n) AS src")
	key := ""
	if identity != "" {
		key = identitySQL(identity)
	}
	where, args, err := cur.where(selected{cursor: c, key: key, text: s.text}, from, to)
	if err != nil {
		return Statement{}, err
	}
	b.WriteString(where)
	// The order makes the last version of an identity the last to arrive and
	// history load oldest first.
	b.WriteString(" ORDER BY " + c + " NULLS FIRST")
	return Statement{SQL: b.String(), Args: args}, nil
}

// First writes the statement that reads the first rows that come.
func (s *Source) First(columns []schemas.Column, limit int) Statement {
	return Statement{SQL: "SELECT " + list(columns) + " FROM (\n" + s.text + "\n) AS src LIMIT " + strconv.Itoa(limit)}
}

// Sample writes the statement that reads rows at random, out of all that the
// query gives: which window a run would read does not matter to it. Each row is as
// likely as any other, so that a share of the sample is about the same share of all
// rows, however often an identity is repeated. Behind the columns come the cursor's
// own if it is hidden, the row's version, and the number of all rows.
//
// identity is as in Window. With it each row says which version of its identity it is,
// because a sync may send the sample later, after other rows have been sent, and must
// send the newest only.
//
// With keys only the rows of these people are read, whose identity is the column at.
func (s *Source) Sample(columns []schemas.Column, limit int, identity string, at schemas.Column, keys []string) Statement {
	behind := ""
	if s.hidden {
		columns = columns[:len(columns)-1]
		behind = ", " + s.cursorSQL() + " AS " + quote(CursorAlias)
	}
	if s.numbered(identity) {
		behind += ", ROW_NUMBER() OVER (PARTITION BY " + identitySQL(identity) + " ORDER BY " + s.cursorSQL() + " DESC NULLS LAST) AS " + quote(VersionAlias)
	}
	where, args := "", []string(nil)
	if keys != nil {
		condition, bound, ok := isOneOf(at, keys)
		if !ok {
			condition, bound = "1 = 0", nil
		}
		where, args = " WHERE "+condition, bound
	}
	return Statement{SQL: "SELECT " + list(columns) + behind + ", COUNT(*) OVER () AS " + quote(TotalAlias) +
		" FROM (\n" + s.text + "\n) AS src" + where + " ORDER BY RANDOM() LIMIT " + strconv.Itoa(limit), Args: args}
}

// numbered reports whether the rows of one identity are versions with an order.
func (s *Source) numbered(identity string) bool {
	return identity != "" && (s.column != "" || s.cursor != "")
}

// identitySQL is what is equal for rows of one identity: blanks around it do not
// tell two users apart.
func identitySQL(column string) string { return "TRIM(TO_VARCHAR(src." + quote(column) + "))" }

func list(columns []schemas.Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = "src." + quote(c.Name) + " AS " + quote(c.Name)
	}
	return strings.Join(names, ", ")
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
