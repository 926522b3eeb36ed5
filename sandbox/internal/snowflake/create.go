package snowflake

import (
	"context"
	"fmt"
	"strings"
)

// create runs CREATE DATABASE, SCHEMA, TABLE and VIEW.
func (st *statement) create(ctx context.Context) (*result, error) {
	if err := st.commitFirst(ctx); err != nil {
		return nil, err
	}
	defer st.s.catalog.touch()
	p := &nodeReader{in: st.nodes, i: 1}
	replace := p.accept("OR", "REPLACE")
	temporary := p.accept("TEMPORARY") || p.accept("TEMP") || p.accept("LOCAL", "TEMPORARY") || p.accept("VOLATILE")
	p.accept("TRANSIENT")
	switch {
	case p.accept("TABLE"):
		return st.createTable(ctx, p, replace, temporary)
	case p.accept("VIEW"):
		return st.createView(ctx, p, replace)
	case p.accept("DATABASE"):
		return st.createDatabase(ctx, p)
	case p.accept("SCHEMA"):
		return st.createSchema(ctx, p, replace)
	}
	return nil, unsupported("CREATE %s", p.peek().word())
}

func (st *statement) createTable(ctx context.Context, p *nodeReader, replace, temporary bool) (*result, error) {
	optional := p.accept("IF", "NOT", "EXISTS")
	parts, err := p.path()
	if err != nil {
		return nil, err
	}
	full, err := st.full(parts)
	if err != nil {
		return nil, err
	}
	if _, found, exact := st.snap.find(full, "", ""); found && !replace {
		if optional && exact {
			return statusResult(typeDDL, full[2]+" already exists, statement succeeded."), nil
		}
		return nil, &Error{"002002", "42710", "SQL compilation error:\nObject '" + dotted(full) + "' already exists."}
	}
	head := "CREATE "
	if replace {
		head += "OR REPLACE "
	}
	head += "TABLE " + quoted(full)
	var columns []column
	if p.accept("AS") {
		columns, err = st.createAs(ctx, head, p.rest())
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
		st.ses.temporary = append(st.ses.temporary, quoted(full))
	}
	return statusResult(typeDDL, "Table "+full[2]+" successfully created."), nil
}

func (st *statement) createAs(ctx context.Context, head string, nodes []node) ([]column, error) {
	text, err := st.rw.sql(nodes)
	if err != nil {
		return nil, err
	}
	columns, err := st.describeSQL(ctx, text)
	if err != nil {
		return nil, err
	}
	_, err = st.ses.conn.ExecContext(ctx, head+" AS "+text)
	return columns, err
}

func (st *statement) createColumns(ctx context.Context, head string, p *nodeReader) ([]column, error) {
	group := p.peek()
	if group.kind != kindGroup {
		return nil, p.unexpected()
	}
	p.i++
	for p.more() {
		if !p.accept("COMMENT") || !p.peek().isOp("=") {
			return nil, unsupported("CREATE TABLE with %s", p.peek().word())
		}
		p.i += 2
	}
	var columns []column
	var defs []string
	for _, item := range splitComma(group.kids) {
		if len(item) > 0 && item[0].isWord("PRIMARY", "UNIQUE", "CONSTRAINT", "FOREIGN") {
			continue // Snowflake does not enforce them
		}
		c, def, err := st.columnDef(item)
		if err != nil {
			return nil, err
		}
		columns, defs = append(columns, c), append(defs, def)
	}
	_, err := st.ses.conn.ExecContext(ctx, head+" ("+strings.Join(defs, ", ")+")")
	return columns, err
}

// columnDef reads name type [NOT NULL] [DEFAULT …] … and writes it for DuckDB.
func (st *statement) columnDef(item []node) (column, string, error) {
	p := &nodeReader{in: item}
	if !p.peek().isName() {
		return column{}, "", p.unexpected()
	}
	c := column{Name: p.peek().name(), Nullable: true}
	p.i++
	t, used, err := parseType(p.rest())
	if err != nil {
		return c, "", err
	}
	p.i += used
	c.Type = t
	def := sqlName(c.Name) + " " + t.duck()
	for p.more() {
		switch {
		case p.accept("NOT", "NULL"), p.accept("PRIMARY", "KEY"):
			c.Nullable = false
		case p.accept("NULL"), p.accept("UNIQUE"):
		case p.accept("COMMENT"):
			p.i++
		case p.accept("DEFAULT"):
			inner, err := st.rw.list(p.rest()[:1])
			if err != nil {
				return c, "", err
			}
			x, err := st.rw.assign(inner[0], t)
			if err != nil {
				return c, "", err
			}
			def += " DEFAULT (" + emit([]node{x}) + ")"
			p.i++
		default:
			return c, "", unsupported("column option %s", p.peek().word())
		}
	}
	if !c.Nullable {
		def += " NOT NULL"
	}
	switch {
	case t.Logical == "TEXT" && t.Length < maxText:
		def += fmt.Sprintf(" CHECK (length(%s) <= %d)", sqlName(c.Name), t.Length)
	case t.Logical == "BINARY" && t.Length < maxBinary:
		def += fmt.Sprintf(" CHECK (octet_length(%s) <= %d)", sqlName(c.Name), t.Length)
	}
	return c, def, nil
}

// comment keeps the declared types that DuckDB's own do not tell.
func (st *statement) comment(ctx context.Context, full []string, columns []column) error {
	for _, c := range columns {
		if plain, ok := st.s.catalog.types.parse(c.Type.duck()); ok && plain == c.Type {
			continue
		}
		text := "COMMENT ON COLUMN " + quoted(full) + "." + sqlName(c.Name) + " IS " + sqlString(c.Type.sqlName())
		if _, err := st.ses.conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("keeping declared type: %w", err)
		}
	}
	return nil
}

func (st *statement) createView(ctx context.Context, p *nodeReader, replace bool) (*result, error) {
	optional := p.accept("IF", "NOT", "EXISTS")
	parts, err := p.path()
	if err != nil {
		return nil, err
	}
	full, err := st.full(parts)
	if err != nil {
		return nil, err
	}
	if !p.accept("AS") {
		return nil, unsupported("CREATE VIEW with a column list or options")
	}
	text, err := st.rw.sql(p.rest())
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
	if _, err := st.ses.conn.ExecContext(ctx, head+quoted(full)+" AS "+text); err != nil {
		return nil, err
	}
	return statusResult(typeDDL, "View "+full[2]+" successfully created."), nil
}

func (st *statement) createDatabase(ctx context.Context, p *nodeReader) (*result, error) {
	optional := p.accept("IF", "NOT", "EXISTS")
	parts, err := p.path()
	if err != nil || len(parts) != 1 {
		return nil, p.unexpected()
	}
	name := parts[0]
	if strings.ContainsAny(name, `./\`) || strings.EqualFold(name, "memory") || strings.EqualFold(name, "temp") || strings.EqualFold(name, "system") {
		return nil, unsupported("a database of this name")
	}
	if _, ok := st.snap.databases[name]; ok {
		if !optional {
			return nil, &Error{"002002", "42710", "SQL compilation error:\nObject '" + name + "' already exists."}
		}
		return statusResult(typeDDL, name+" already exists, statement succeeded."), nil
	}
	if err := st.s.attach(ctx, name); err != nil {
		return nil, err
	}
	if err := st.ses.use(ctx, name, "PUBLIC"); err != nil {
		return nil, err
	}
	return statusResult(typeDDL, "Database "+name+" successfully created."), nil
}

func (st *statement) createSchema(ctx context.Context, p *nodeReader, replace bool) (*result, error) {
	optional := p.accept("IF", "NOT", "EXISTS")
	parts, err := p.path()
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		parts = []string{st.ses.database, parts[0]}
	}
	if len(parts) != 2 || parts[0] == "" || replace {
		return nil, unsupported("such a CREATE SCHEMA")
	}
	head := "CREATE SCHEMA "
	if optional {
		head += "IF NOT EXISTS "
	}
	if _, err := st.ses.conn.ExecContext(ctx, head+quoted(parts)); err != nil {
		return nil, err
	}
	if err := st.ses.use(ctx, parts[0], parts[1]); err != nil {
		return nil, err
	}
	return statusResult(typeDDL, "Schema "+parts[1]+" successfully created."), nil
}
