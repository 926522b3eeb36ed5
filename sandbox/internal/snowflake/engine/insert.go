package engine

import (
	"context"
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// insertSQL rewrites an INSERT; with array binds its one row is a template for all rows.
func (st *statement) insertSQL(ctx context.Context, arrays [][]rewrite.BindValue) (string, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	overwrite := p.Accept("OVERWRITE")
	if !p.Accept("INTO") {
		return "", p.Unexpected()
	}
	if overwrite {
		return "", sferr.Unsupported("INSERT OVERWRITE")
	}
	parts, err := p.Path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	if err != nil {
		return "", err
	}
	columns := t.columns
	if g := p.Peek(); g.Kind == sqltext.KindGroup && !(len(g.Kids) > 0 && g.Kids[0].IsWord("SELECT", "WITH")) {
		if columns, err = chosen(t, g.Kids); err != nil {
			return "", err
		}
		p.I++
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Identifier()
	}
	head := "INSERT INTO " + t.sqlName() + " (" + strings.Join(names, ", ") + ") "
	if p.Accept("VALUES") {
		values, err := st.insertValues(p.Rest(), columns, arrays)
		return head + values, err
	}
	if arrays != nil {
		return "", sferr.Unsupported("array binds outside VALUES")
	}
	return st.insertQuery(ctx, head, p.Rest(), columns)
}

func chosen(t table, kids []sqltext.Node) ([]sftype.Column, error) {
	var out []sftype.Column
	for _, item := range sqltext.SplitComma(kids) {
		if len(item) != 1 || !item[0].IsName() {
			return nil, sferr.Syntax("syntax error in the column list.")
		}
		c, ok := t.column(item[0].Name())
		if !ok {
			return nil, sferr.InvalidIdentifier(item[0].Name())
		}
		out = append(out, c)
	}
	return out, nil
}

func (st *statement) insertValues(nodes []sqltext.Node, columns []sftype.Column, arrays [][]rewrite.BindValue) (string, error) {
	groups := sqltext.SplitComma(nodes)
	for _, g := range groups {
		if len(g) != 1 || g[0].Kind != sqltext.KindGroup {
			return "", sferr.Syntax("syntax error in VALUES.")
		}
	}
	if arrays != nil && len(groups) != 1 {
		return "", sferr.Unsupported("array binds with several rows in VALUES")
	}
	if arrays == nil {
		arrays = [][]rewrite.BindValue{st.binds}
	}
	var rows []string
	for _, binds := range arrays {
		st.rw.Rebind(binds)
		for _, g := range groups {
			row, err := st.rw.ValuesRow(sqltext.SplitComma(g[0].Kids), columns)
			if err != nil {
				return "", err
			}
			rows = append(rows, row)
		}
	}
	return "VALUES " + strings.Join(rows, ", "), nil
}

// insertQuery wraps conversions around the query of an INSERT … SELECT.
func (st *statement) insertQuery(ctx context.Context, head string, nodes []sqltext.Node, columns []sftype.Column) (string, error) {
	inner, err := st.rw.SQL(nodes)
	if err != nil {
		return "", err
	}
	sources, err := st.describeSQL(ctx, inner)
	if err != nil {
		return "", err
	}
	if len(sources) != len(columns) {
		return "", sferr.New("001031", "21S01", fmt.Sprintf("SQL compilation error:\nInsert value list does not match column list expecting %d but got %d", len(columns), len(sources)))
	}
	list, names := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = fmt.Sprintf("c%d", i+1)
		x, err := st.rw.Assign(sqltext.RawOf("src."+names[i], sources[i].Type.ValueKind()), c.Type)
		if err != nil {
			return "", err
		}
		list[i] = x.Text
	}
	return head + "SELECT " + strings.Join(list, ", ") + " FROM (" + inner + ") AS src(" + strings.Join(names, ", ") + ")", nil
}
