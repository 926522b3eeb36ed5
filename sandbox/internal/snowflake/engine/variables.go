package engine

import (
	"context"
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// setVariable runs SET name = expression. The value of $name is a text or a number.
func (st *statement) setVariable(ctx context.Context) (*resultset.Result, error) {
	if len(st.nodes) < 4 || !st.nodes[1].IsName() || !st.nodes[2].IsOp("=") {
		return nil, sferr.Unsupported("SET of anything but one variable")
	}
	text, err := st.rw.SQL(st.nodes[3:])
	if err != nil {
		return nil, err
	}
	var value any
	var kind string
	if err := st.ses.conn.QueryRowContext(ctx, "SELECT ("+text+")::VARCHAR, typeof("+text+")").Scan(&value, &kind); err != nil {
		return nil, err
	}
	node := sqltext.Node{Kind: sqltext.KindString, Text: fmt.Sprint(value)}
	switch {
	case value == nil:
		node = sqltext.Node{Kind: sqltext.KindWord, Text: "NULL"}
	case strings.HasSuffix(kind, "INT"), strings.HasPrefix(kind, "DECIMAL"), kind == "INTEGER", kind == "DOUBLE":
		node.Kind = sqltext.KindNumber
	case kind == "BOOLEAN":
		node.Kind = sqltext.KindWord
	}
	st.ses.variables[st.nodes[1].Name()] = node
	return resultset.StatusResult(resultset.SessionControl, "Statement executed successfully."), nil
}

func (st *statement) unsetVariable() (*resultset.Result, error) {
	if len(st.nodes) != 2 || !st.nodes[1].IsName() {
		return nil, sferr.Unsupported("UNSET of anything but one variable")
	}
	delete(st.ses.variables, st.nodes[1].Name())
	return resultset.StatusResult(resultset.SessionControl, "Statement executed successfully."), nil
}

// fillVariables replaces each $name by its value.
func (s *Session) fillVariables(nodes []sqltext.Node) error {
	for i := range nodes {
		if nodes[i].Kind == sqltext.KindVariable {
			value, ok := s.variables[strings.ToUpper(nodes[i].Text)]
			if !ok {
				return sferr.New("002211", "02000", "SQL compilation error:\nSession variable '$"+strings.ToUpper(nodes[i].Text)+"' does not exist")
			}
			value.Pos, value.End = nodes[i].Pos, nodes[i].End
			nodes[i] = value
		}
		if err := s.fillVariables(nodes[i].Kids); err != nil {
			return err
		}
	}
	return nil
}

// commentOn runs COMMENT [IF EXISTS] ON TABLE | VIEW name IS 'text'.
func (st *statement) commentOn(ctx context.Context) (*resultset.Result, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	p.Accept("IF", "EXISTS")
	if !p.Accept("ON") {
		return nil, p.Unexpected()
	}
	kind := p.Peek().Word()
	if kind != "TABLE" && kind != "VIEW" {
		return nil, sferr.Unsupported("COMMENT ON %s", kind)
	}
	p.I++
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	t, err := st.target(parts)
	if err != nil {
		return nil, err
	}
	if !p.Accept("IS") || p.Peek().Kind != sqltext.KindString {
		return nil, p.Unexpected()
	}
	if _, err := st.ses.conn.ExecContext(ctx, fmt.Sprintf("COMMENT ON %s %s IS %s", kind, t.sqlName(), sqltext.Literal(p.Peek().Text))); err != nil {
		return nil, err
	}
	st.e.catalog.invalidate()
	return resultset.StatusResult(resultset.Definition, "Statement executed successfully."), nil
}
