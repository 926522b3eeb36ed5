package snowflake

import (
	"context"
	"strings"
)

// alter runs ALTER SESSION and ALTER TABLE.
func (st *statement) alter(ctx context.Context) (*result, error) {
	p := &nodeReader{in: st.nodes, i: 1}
	switch {
	case p.accept("SESSION", "SET"):
		return st.alterSession(p)
	case p.accept("SESSION", "UNSET"):
		for _, item := range splitComma(p.rest()) {
			if len(item) != 1 || !item[0].isName() {
				return nil, p.unexpected()
			}
			name := strings.ToUpper(item[0].text)
			if err := st.ses.set(name, defaultParams()[name]); err != nil {
				return nil, err
			}
		}
		return statusResult(typeSCL, "Statement executed successfully."), nil
	case p.accept("TABLE"):
		return st.alterTable(ctx, p)
	}
	return nil, unsupported("ALTER %s", p.peek().word())
}

func (st *statement) alterSession(p *nodeReader) (*result, error) {
	for p.more() {
		name := p.peek()
		p.i++
		if !name.isName() || !p.peek().isOp("=") || p.i+1 >= len(p.in) {
			return nil, p.unexpected()
		}
		value := p.in[p.i+1]
		p.i += 2
		p.more()
		var v any = value.text
		switch {
		case value.isWord("TRUE"):
			v = true
		case value.isWord("FALSE"):
			v = false
		case value.kind != kindString && value.kind != kindNumber && value.kind != kindWord:
			return nil, p.unexpected()
		}
		if err := st.ses.set(name.text, v); err != nil {
			return nil, err
		}
		if p.peek().isOp(",") {
			p.i++
		}
	}
	return statusResult(typeSCL, "Statement executed successfully."), nil
}

// alterTable knows the changes of columns and the new name.
func (st *statement) alterTable(ctx context.Context, p *nodeReader) (*result, error) {
	if err := st.commitFirst(ctx); err != nil {
		return nil, err
	}
	defer st.s.catalog.touch()
	p.accept("IF", "EXISTS")
	parts, err := p.path()
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
	return statusResult(typeDDL, "Statement executed successfully."), nil
}

func (st *statement) alterText(p *nodeReader, t table) (string, []column, error) {
	have := func(n node) (string, error) {
		if c, ok := t.column(n.name()); ok {
			return sqlName(c.Name), nil
		}
		return "", invalidIdentifier(n.name())
	}
	switch {
	case p.accept("ADD", "COLUMN"), p.accept("ADD"):
		c, _, err := st.columnDef(p.rest())
		if err == nil && !c.Nullable {
			err = unsupported("ADD COLUMN with NOT NULL")
		}
		return "ADD COLUMN " + sqlName(c.Name) + " " + c.Type.duck(), []column{c}, err
	case p.accept("DROP", "COLUMN"):
		name, err := have(p.peek())
		return "DROP COLUMN " + name, nil, err
	case p.accept("RENAME", "COLUMN"):
		name, err := have(p.peek())
		p.i++
		if err != nil || !p.accept("TO") || !p.peek().isName() {
			return "", nil, orUnexpected(err, p)
		}
		return "RENAME COLUMN " + name + " TO " + sqlName(p.peek().name()), nil, nil
	case p.accept("RENAME", "TO"):
		parts, err := p.path()
		if err != nil {
			return "", nil, err
		}
		return "RENAME TO " + sqlName(parts[len(parts)-1]), nil, nil
	}
	return "", nil, unsupported("ALTER TABLE %s", p.peek().word())
}

func orUnexpected(err error, p *nodeReader) error {
	if err != nil {
		return err
	}
	return p.unexpected()
}

// use runs USE [DATABASE | SCHEMA | ROLE | WAREHOUSE] name.
func (st *statement) use(ctx context.Context) (*result, error) {
	p := &nodeReader{in: st.nodes, i: 1}
	kind := "DATABASE"
	for _, k := range []string{"DATABASE", "SCHEMA", "ROLE", "WAREHOUSE"} {
		if len(p.in) > 2 && p.accept(k) {
			kind = k
		}
	}
	parts, err := p.path()
	if err != nil {
		return nil, err
	}
	database, schema := st.ses.database, ""
	switch {
	case kind == "ROLE":
		st.ses.role = parts[0]
		return statusResult(typeSCL, "Statement executed successfully."), nil
	case kind == "WAREHOUSE":
		st.ses.warehouse = parts[0]
		return statusResult(typeSCL, "Statement executed successfully."), nil
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
		return nil, &Error{"002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."}
	}
	if schema != "" && !st.snap.databases[database][schema] {
		return nil, &Error{"002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."}
	}
	if err := st.ses.use(ctx, database, schema); err != nil {
		return nil, err
	}
	return statusResult(typeSCL, "Statement executed successfully."), nil
}
