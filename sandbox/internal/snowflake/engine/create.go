package engine

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// create runs CREATE DATABASE, SCHEMA, TABLE and VIEW.
func (st *statement) create(ctx context.Context) (*resultset.Result, error) {
	if err := st.commitFirst(ctx); err != nil {
		return nil, err
	}
	defer st.e.catalog.invalidate()
	p := &sqltext.Reader{In: st.nodes, I: 1}
	replace := p.Accept("OR", "REPLACE")
	temporary := p.Accept("TEMPORARY") || p.Accept("TEMP") || p.Accept("LOCAL", "TEMPORARY") || p.Accept("VOLATILE")
	p.Accept("TRANSIENT")
	switch {
	case p.Accept("TABLE"):
		return st.createTable(ctx, p, replace, temporary)
	case p.Accept("VIEW"):
		return st.createView(ctx, p, replace)
	case p.Accept("DATABASE"):
		return st.createDatabase(ctx, p)
	case p.Accept("SCHEMA"):
		return st.createSchema(ctx, p, replace)
	}
	return nil, sferr.Unsupported("CREATE %s", p.Peek().Word())
}

func (st *statement) createTable(ctx context.Context, p *sqltext.Reader, replace, temporary bool) (*resultset.Result, error) {
	optional := p.Accept("IF", "NOT", "EXISTS")
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	full, err := st.full(parts)
	if err != nil {
		return nil, err
	}
	if _, found, exact := st.snap.find(full, "", ""); found && !replace {
		if optional && exact {
			return resultset.StatusResult(resultset.Definition, full[2]+" already exists, statement succeeded."), nil
		}
		return nil, sferr.New("002002", "42710", "SQL compilation error:\nObject '"+sqltext.Dotted(full)+"' already exists.")
	}
	head := "CREATE "
	if replace {
		head += "OR REPLACE "
	}
	head += "TABLE " + sqltext.Quoted(full)
	var columns []sftype.Column
	if p.Accept("AS") {
		columns, err = st.createAs(ctx, head, p.Rest())
	} else {
		columns, err = st.createColumns(ctx, head, p)
	}
	if err != nil {
		return nil, err
	}
	if err := st.comment(ctx, full, columns); err != nil {
		return nil, err
	}
	if temporary {
		st.ses.temporary = append(st.ses.temporary, sqltext.Quoted(full))
	}
	return resultset.StatusResult(resultset.Definition, "Table "+full[2]+" successfully created."), nil
}

func (st *statement) createAs(ctx context.Context, head string, nodes []sqltext.Node) ([]sftype.Column, error) {
	text, err := st.rw.SQL(nodes)
	if err != nil {
		return nil, err
	}
	columns, err := st.describeSQL(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := unique(columns); err != nil {
		return nil, err
	}
	_, err = st.ses.conn.ExecContext(ctx, head+" AS "+text)
	return columns, err
}

func (st *statement) createColumns(ctx context.Context, head string, p *sqltext.Reader) ([]sftype.Column, error) {
	group := p.Peek()
	if group.Kind != sqltext.KindGroup {
		return nil, p.Unexpected()
	}
	p.I++
	for p.More() {
		if !p.Accept("COMMENT") || !p.Peek().IsOp("=") {
			return nil, sferr.Unsupported("CREATE TABLE with %s", p.Peek().Word())
		}
		p.I += 2
	}
	var columns []sftype.Column
	var defs []string
	for _, item := range sqltext.SplitComma(group.Kids) {
		if len(item) > 0 && item[0].IsWord("PRIMARY", "UNIQUE", "CONSTRAINT", "FOREIGN") {
			continue // Snowflake does not enforce them
		}
		c, def, err := st.columnDef(item, columns)
		if err != nil {
			return nil, err
		}
		columns, defs = append(columns, c), append(defs, def)
	}
	_, err := st.ses.conn.ExecContext(ctx, head+" ("+strings.Join(defs, ", ")+")")
	return columns, err
}

// columnDef reads name type [NOT NULL] [DEFAULT …] … and writes it for DuckDB.
func (st *statement) columnDef(item []sqltext.Node, before []sftype.Column) (sftype.Column, string, error) {
	p := &sqltext.Reader{In: item}
	if !p.Peek().IsName() {
		return sftype.Column{}, "", p.Unexpected()
	}
	c := sftype.Column{Name: p.Peek().Name(), Nullable: true}
	for _, b := range before {
		if b.Name == c.Name {
			return c, "", duplicateColumn(c.Name)
		}
		if strings.EqualFold(b.Name, c.Name) {
			c.Stored = rewrite.Marked(c.Name)
		}
	}
	p.I++
	t, used, err := sftype.Parse(p.Rest())
	if err != nil {
		return c, "", err
	}
	p.I += used
	c.Type = t
	def := c.Identifier() + " " + t.Duck()
	for p.More() {
		switch {
		case p.Accept("NOT", "NULL"), p.Accept("PRIMARY", "KEY"):
			c.Nullable = false
		case p.Accept("NULL"), p.Accept("UNIQUE"):
		case p.Accept("COMMENT"):
			p.I++
		case p.Accept("DEFAULT"):
			inner, err := st.rw.List(p.Rest()[:1])
			if err != nil {
				return c, "", err
			}
			x, err := st.rw.Assign(inner[0], t)
			if err != nil {
				return c, "", err
			}
			def += " DEFAULT (" + sqltext.Emit([]sqltext.Node{x}) + ")"
			p.I++
		default:
			return c, "", sferr.Unsupported("column option %s", p.Peek().Word())
		}
	}
	if !c.Nullable {
		def += " NOT NULL"
	}
	switch {
	case t.Logical == "TEXT" && t.Length < sftype.MaxText:
		def += fmt.Sprintf(" CHECK (length(%s) <= %d)", c.Identifier(), t.Length)
	case t.Logical == "BINARY" && t.Length < sftype.MaxBinary:
		def += fmt.Sprintf(" CHECK (octet_length(%s) <= %d)", c.Identifier(), t.Length)
	}
	return c, def, nil
}

func duplicateColumn(name string) error {
	return sferr.New("002025", "42S21", "SQL compilation error:\nduplicate column name '"+name+"'")
}

// unique returns an error if two columns have the same name, which CREATE TABLE … AS
// SELECT does not allow.
func unique(columns []sftype.Column) error {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return duplicateColumn(c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// comment writes the declared types, where DuckDB's types do not express them, into the
// comments of the columns.
func (st *statement) comment(ctx context.Context, full []string, columns []sftype.Column) error {
	return st.e.comment(ctx, st.ses.conn, full, columns)
}

func (e *Engine) comment(ctx context.Context, conn *sql.Conn, full []string, columns []sftype.Column) error {
	for _, c := range columns {
		plain, ok := e.catalog.types.Parse(c.Type.Duck())
		if c.Type.Logical == "" || ok && plain == c.Type {
			continue
		}
		text := "COMMENT ON COLUMN " + sqltext.Quoted(full) + "." + c.Identifier() + " IS " + sqltext.Literal(c.Type.SQLName())
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("keeping declared type: %w", err)
		}
	}
	return nil
}

func (st *statement) createView(ctx context.Context, p *sqltext.Reader, replace bool) (*resultset.Result, error) {
	optional := p.Accept("IF", "NOT", "EXISTS")
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	full, err := st.full(parts)
	if err != nil {
		return nil, err
	}
	if !p.Accept("AS") {
		return nil, sferr.Unsupported("CREATE VIEW with a column list or options")
	}
	text, err := st.rw.SQL(p.Rest())
	if err != nil {
		return nil, err
	}
	columns, err := st.describeSQL(ctx, text)
	if err == nil {
		err = unique(columns)
	}
	if err != nil {
		return nil, err
	}
	head := "CREATE VIEW "
	if replace {
		head = "CREATE OR REPLACE VIEW "
	}
	if optional {
		head += "IF NOT EXISTS "
	}
	if _, err := st.ses.conn.ExecContext(ctx, head+sqltext.Quoted(full)+" AS "+text); err != nil {
		return nil, err
	}
	return resultset.StatusResult(resultset.Definition, "View "+full[2]+" successfully created."), nil
}

func (st *statement) createDatabase(ctx context.Context, p *sqltext.Reader) (*resultset.Result, error) {
	optional := p.Accept("IF", "NOT", "EXISTS")
	parts, err := p.Path()
	if err != nil || len(parts) != 1 {
		return nil, p.Unexpected()
	}
	name := parts[0]
	if strings.ContainsAny(name, `./\`) || strings.EqualFold(name, "memory") || strings.EqualFold(name, "temp") || strings.EqualFold(name, "system") {
		return nil, sferr.Unsupported("a database of this name")
	}
	if _, ok := st.snap.databases[name]; ok {
		if !optional {
			return nil, sferr.New("002002", "42710", "SQL compilation error:\nObject '"+name+"' already exists.")
		}
		return resultset.StatusResult(resultset.Definition, name+" already exists, statement succeeded."), nil
	}
	if err := st.e.attach(ctx, name); err != nil {
		return nil, err
	}
	if err := st.ses.use(ctx, name, "PUBLIC"); err != nil {
		return nil, err
	}
	return resultset.StatusResult(resultset.Definition, "Database "+name+" successfully created."), nil
}

func (st *statement) createSchema(ctx context.Context, p *sqltext.Reader, replace bool) (*resultset.Result, error) {
	optional := p.Accept("IF", "NOT", "EXISTS")
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		parts = []string{st.ses.database, parts[0]}
	}
	if len(parts) != 2 || parts[0] == "" || replace {
		return nil, sferr.Unsupported("such a CREATE SCHEMA")
	}
	head := "CREATE SCHEMA "
	if optional {
		head += "IF NOT EXISTS "
	}
	if _, err := st.ses.conn.ExecContext(ctx, head+sqltext.Quoted(parts)); err != nil {
		return nil, err
	}
	if err := st.ses.use(ctx, parts[0], parts[1]); err != nil {
		return nil, err
	}
	return resultset.StatusResult(resultset.Definition, "Schema "+parts[1]+" successfully created."), nil
}
