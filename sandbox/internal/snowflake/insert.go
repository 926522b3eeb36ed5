package snowflake

import (
	"fmt"
	"strings"
)

// insertSQL rewrites an INSERT; with array binds its one row stands for all of them.
func (st *statement) insertSQL(arrays [][]bindValue) (string, error) {
	p := &nodeReader{in: st.nodes, i: 1}
	overwrite := p.accept("OVERWRITE")
	if !p.accept("INTO") {
		return "", p.unexpected()
	}
	if overwrite {
		return "", unsupported("INSERT OVERWRITE")
	}
	parts, err := p.path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	if err != nil {
		return "", err
	}
	columns := t.columns
	if g := p.peek(); g.kind == kindGroup && !(len(g.kids) > 0 && g.kids[0].isWord("SELECT", "WITH")) {
		if columns, err = chosen(t, g.kids); err != nil {
			return "", err
		}
		p.i++
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = sqlName(c.Name)
	}
	head := "INSERT INTO " + t.sqlName() + " (" + strings.Join(names, ", ") + ") "
	if p.accept("VALUES") {
		values, err := st.insertValues(p.rest(), columns, arrays)
		return head + values, err
	}
	if arrays != nil {
		return "", unsupported("array binds outside VALUES")
	}
	return st.insertQuery(head, p.rest(), columns)
}

func chosen(t table, kids []node) ([]column, error) {
	var out []column
	for _, item := range splitComma(kids) {
		if len(item) != 1 || !item[0].isName() {
			return nil, syntaxError("syntax error in the column list.")
		}
		c, ok := t.column(item[0].name())
		if !ok {
			return nil, invalidIdentifier(item[0].name())
		}
		out = append(out, c)
	}
	return out, nil
}

func (st *statement) insertValues(nodes []node, columns []column, arrays [][]bindValue) (string, error) {
	groups := splitComma(nodes)
	for _, g := range groups {
		if len(g) != 1 || g[0].kind != kindGroup {
			return "", syntaxError("syntax error in VALUES.")
		}
	}
	if arrays != nil && len(groups) != 1 {
		return "", unsupported("array binds with several rows in VALUES")
	}
	if arrays == nil {
		arrays = [][]bindValue{st.binds}
	}
	var rows []string
	for _, binds := range arrays {
		st.rw.rebind(binds)
		for _, g := range groups {
			row, err := st.rw.valuesRow(splitComma(g[0].kids), columns)
			if err != nil {
				return "", err
			}
			rows = append(rows, row)
		}
	}
	return "VALUES " + strings.Join(rows, ", "), nil
}

func (r *rewriter) valuesRow(cells [][]node, columns []column) (string, error) {
	if len(cells) != len(columns) {
		return "", &Error{"001031", "21S01", fmt.Sprintf("SQL compilation error:\nInsert value list does not match column list expecting %d but got %d", len(columns), len(cells))}
	}
	out := make([]string, len(cells))
	for i, cell := range cells {
		inner, err := r.list(cell)
		if err != nil {
			return "", err
		}
		x := raw("(" + emit(inner) + ")")
		if len(inner) == 1 {
			x = inner[0]
		}
		if x, err = r.assign(x, columns[i].Type); err != nil {
			return "", err
		}
		out[i] = emit([]node{x})
	}
	return "(" + strings.Join(out, ", ") + ")", nil
}

// assign converts a value to the type of the column it goes into, as Snowflake does and
// DuckDB does not or does otherwise.
func (r *rewriter) assign(x node, t colType) (node, error) {
	if x.isWord("NULL", "DEFAULT") || x.kind == kindRaw && x.text == "NULL" {
		return x, nil
	}
	switch t.Logical {
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		if x.tag == t.value() {
			return x, nil
		}
	case "TIMESTAMP_NTZ":
		if x.tag == valueNTZ && x.alt != "" { // a literal; DuckDB checks its range
			return x, nil
		}
	case "FIXED", "REAL", "BOOLEAN":
		if x.tag == valueVariant {
			return r.cast(x, t, false)
		}
		return x, nil
	case "TEXT":
		if x.kind == kindString || x.kind == kindNumber {
			return x, nil
		}
		return r.cast(x, textType(), false)
	case "BINARY":
		if strings.HasPrefix(x.text, "from_hex(") {
			return x, nil
		}
	}
	return r.cast(x, t, false)
}

// insertQuery puts the conversions around the query of an INSERT … SELECT.
func (st *statement) insertQuery(head string, nodes []node, columns []column) (string, error) {
	inner, err := st.rw.sql(nodes)
	if err != nil {
		return "", err
	}
	list, names := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = fmt.Sprintf("c%d", i+1)
		x, err := st.rw.assign(raw("src."+names[i]), c.Type)
		if err != nil {
			return "", err
		}
		list[i] = x.text
	}
	return head + "SELECT " + strings.Join(list, ", ") + " FROM (" + inner + ") AS src(" + strings.Join(names, ", ") + ")", nil
}
