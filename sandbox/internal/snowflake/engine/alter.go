package engine

import (
	"context"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// alter runs ALTER SESSION, ALTER USER, ALTER ACCOUNT and ALTER TABLE.
func (st *statement) alter(ctx context.Context) (*resultset.Result, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	switch {
	case p.Accept("SESSION"):
		return st.alterParameters(p, levelSession)
	case p.Accept("ACCOUNT"):
		return st.alterParameters(p, levelAccount)
	case p.Accept("USER"):
		if n := p.Peek(); n.IsName() && !n.IsWord("SET", "UNSET") {
			if n.Name() != st.ses.user {
				return nil, sferr.NotFound("User", n.Name())
			}
			p.I++
		}
		return st.alterParameters(p, levelUser)
	case p.Accept("TABLE"):
		return st.alterTable(ctx, p)
	}
	return nil, sferr.Unsupported("ALTER %s", p.Peek().Word())
}

// alterParameters reads SET name = value … and UNSET name, ….
func (st *statement) alterParameters(p *sqltext.Reader, level string) (*resultset.Result, error) {
	done := resultset.StatusResult(resultset.SessionControl, "Statement executed successfully.")
	if p.Accept("UNSET") {
		for _, item := range sqltext.SplitComma(p.Rest()) {
			if len(item) != 1 || !item[0].IsName() {
				return nil, p.Unexpected()
			}
			if err := st.ses.setParameter(level, item[0].Text, nil); err != nil {
				return nil, err
			}
		}
		return done, nil
	}
	if !p.Accept("SET") {
		return nil, p.Unexpected()
	}
	for p.More() {
		name := p.Peek()
		p.I++
		if !name.IsName() || !p.Peek().IsOp("=") || p.I+1 >= len(p.In) {
			return nil, p.Unexpected()
		}
		value := p.In[p.I+1]
		p.I += 2
		if value.Kind != sqltext.KindString && value.Kind != sqltext.KindNumber && value.Kind != sqltext.KindWord {
			return nil, p.Unexpected()
		}
		if err := st.ses.setParameter(level, name.Text, value.Text); err != nil {
			return nil, err
		}
		if p.Peek().IsOp(",") {
			p.I++
		}
	}
	return done, nil
}

// alterTable adds, drops and changes columns, and renames the table.
func (st *statement) alterTable(ctx context.Context, p *sqltext.Reader) (*resultset.Result, error) {
	if err := st.commitFirst(ctx); err != nil {
		return nil, err
	}
	defer st.e.catalog.invalidate()
	p.Accept("IF", "EXISTS")
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	t, err := st.target(parts)
	if err != nil {
		return nil, err
	}
	text, added, err := st.alterText(p, t)
	if err != nil {
		return nil, err
	}
	if _, err := st.ses.conn.ExecContext(ctx, "ALTER TABLE "+t.sqlName()+" "+text); err != nil {
		return nil, err
	}
	if err := st.comment(ctx, []string{t.database, t.schema, t.name}, added); err != nil {
		return nil, err
	}
	return resultset.StatusResult(resultset.Definition, "Statement executed successfully."), nil
}

func (st *statement) alterText(p *sqltext.Reader, t table) (string, []sftype.Column, error) {
	have := func(n sqltext.Node) (string, error) {
		if c, ok := t.column(n.Name()); ok {
			return c.Identifier(), nil
		}
		return "", sferr.InvalidIdentifier(n.Name())
	}
	switch {
	case p.Accept("ADD", "COLUMN"), p.Accept("ADD"):
		c, _, err := st.columnDef(p.Rest(), t.columns)
		if err == nil && !c.Nullable {
			err = sferr.Unsupported("ADD COLUMN with NOT NULL")
		}
		return "ADD COLUMN " + c.Identifier() + " " + c.Type.Duck(), []sftype.Column{c}, err
	case p.Accept("DROP", "COLUMN"):
		name, err := have(p.Peek())
		return "DROP COLUMN " + name, nil, err
	case p.Accept("RENAME", "COLUMN"):
		name, err := have(p.Peek())
		p.I++
		if err != nil || !p.Accept("TO") || !p.Peek().IsName() {
			return "", nil, orSyntaxError(err, p)
		}
		return "RENAME COLUMN " + name + " TO " + sqltext.Identifier(p.Peek().Name()), nil, nil
	case p.Accept("RENAME", "TO"):
		parts, err := p.Path()
		if err != nil {
			return "", nil, err
		}
		return "RENAME TO " + sqltext.Identifier(parts[len(parts)-1]), nil, nil
	}
	return "", nil, sferr.Unsupported("ALTER TABLE %s", p.Peek().Word())
}

func orSyntaxError(err error, p *sqltext.Reader) error {
	if err != nil {
		return err
	}
	return p.Unexpected()
}

// use runs USE [DATABASE | SCHEMA | ROLE | WAREHOUSE] name.
func (st *statement) use(ctx context.Context) (*resultset.Result, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	kind := "DATABASE"
	for _, k := range []string{"DATABASE", "SCHEMA", "ROLE", "WAREHOUSE"} {
		if len(p.In) > 2 && p.Accept(k) {
			kind = k
		}
	}
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	database, schema := st.ses.database, ""
	switch {
	case kind == "ROLE":
		st.ses.role = parts[0]
		return resultset.StatusResult(resultset.SessionControl, "Statement executed successfully."), nil
	case kind == "WAREHOUSE":
		st.ses.warehouse = parts[0]
		return resultset.StatusResult(resultset.SessionControl, "Statement executed successfully."), nil
	case len(parts) == 2:
		database, schema = parts[0], parts[1]
	case kind == "SCHEMA":
		schema = parts[0]
	default:
		database = parts[0]
		if st.snap.databases[database]["PUBLIC"] {
			schema = "PUBLIC"
		}
	}
	if _, ok := st.snap.databases[database]; !ok {
		return nil, sferr.New("002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed.")
	}
	if schema != "" && !st.snap.databases[database][schema] {
		return nil, sferr.New("002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed.")
	}
	if err := st.ses.use(ctx, database, schema); err != nil {
		return nil, err
	}
	return resultset.StatusResult(resultset.SessionControl, "Statement executed successfully."), nil
}
