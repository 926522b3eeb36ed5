package engine

import (
	"context"
	"database/sql"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// selectStatement runs a query, or only describes it.
func (st *statement) selectStatement(ctx context.Context, describe bool) (*resultset.Result, error) {
	if r, ok, err := st.storedResult(describe); ok || err != nil {
		return r, err
	}
	nodes := st.nodes
	if call, ok := systemCall(nodes); ok {
		message, err := "", error(nil)
		if !describe {
			if message, err = st.system(ctx, call); err != nil {
				return nil, err
			}
		}
		// The answer replaces the call in the rewritten SQL; the column is named after the call.
		answer := sqltext.Node{Kind: sqltext.KindString, Text: message, Pos: call[0].Pos, End: call[1].End}
		nodes = append([]sqltext.Node{nodes[0], answer}, nodes[3:]...)
	}
	text, err := st.rw.SQL(nodes)
	if err != nil {
		return nil, err
	}
	columns, err := st.describeSQL(ctx, text)
	if err != nil {
		return nil, err
	}
	asArrow := st.arrowWanted()
	if describe {
		return &resultset.Result{Columns: columns, Statement: resultset.Select, Arrow: asArrow, Rows: [][]*string{}}, nil
	}
	builder := resultset.NewBuilder(columns, asArrow, st.e.cfg.InlineRows, st.e.cfg.ChunkRows)
	builder.VaryCarriers, builder.Limit, builder.Indent = st.in.VaryCarriers, st.ses.number("ROWS_PER_RESULTSET"), st.ses.number("JSON_INDENT")
	if err := queryArrow(ctx, st.ses.conn, text, builder.Add); err != nil {
		return nil, err
	}
	return builder.Finish()
}

// systemCall finds the call in SELECT SYSTEM$…(…).
func systemCall(nodes []sqltext.Node) ([]sqltext.Node, bool) {
	if len(nodes) >= 3 && strings.HasPrefix(nodes[1].Word(), "SYSTEM$") && nodes[2].Kind == sqltext.KindGroup && nodes[1].Word() != "SYSTEM$TYPEOF" {
		return nodes[1:3], true
	}
	return nil, false
}

// arrowWanted reports whether to answer in Arrow: always, unless the driver's own parameter
// says JSON.
func (st *statement) arrowWanted() bool {
	for _, name := range []string{"GO_QUERY_RESULT_FORMAT", "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT"} {
		if strings.EqualFold(st.ses.Param(name), "JSON") {
			return false
		}
	}
	return true
}

// describeSQL asks DuckDB for the columns of a query and finds their Snowflake types:
// from DuckDB's, and for plain columns of a table from their declaration.
func (st *statement) describeSQL(ctx context.Context, text string) ([]sftype.Column, error) {
	if err := st.rw.CheckDuplicates(); err != nil {
		return nil, err
	}
	rows, err := st.ses.conn.QueryContext(ctx, "DESCRIBE "+text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []sftype.Column
	for rows.Next() {
		var name, duck string
		var null, key, def, extra sql.NullString
		if err := rows.Scan(&name, &duck, &null, &key, &def, &extra); err != nil {
			return nil, err
		}
		t, ok := st.e.catalog.types.Parse(duck)
		if !ok {
			return nil, sferr.Unsupported("a result column of DuckDB's type %s", duck)
		}
		c := sftype.Column{Name: st.resultName(name), Type: t, Nullable: true}
		if c.Name != name {
			c.Stored = name
		}
		out = append(out, declare(c, st.tables))
	}
	return out, rows.Err()
}

// resultName returns the name of a result's column in Snowflake: DuckDB appends a number to
// columns of the same name.
func (st *statement) resultName(name string) string {
	name = rewrite.Unmarked(name)
	if base, number, ok := cutAtLast(name, "_"); ok && values.IsAllDigits(number) && st.rw.IsDuplicate(base) {
		return base
	}
	return name
}

func cutAtLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// declare gives a result column the type of the table column of its name, if there is
// exactly one.
func declare(c sftype.Column, tables []table) sftype.Column {
	var found []sftype.Column
	for _, t := range tables {
		if d, ok := t.column(c.Name); ok && d.Type.Duck() == c.Type.Duck() {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		return c
	}
	c.Type = found[0].Type
	c.Nullable = found[0].Nullable || len(tables) > 1
	return c
}
