package snowflake

import (
	"context"
	"database/sql"
	"strings"
)

// selectStatement runs a query, or only describes it.
func (st *statement) selectStatement(ctx context.Context, describe bool) (*result, error) {
	if r, ok, err := st.keptResult(describe); ok || err != nil {
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
		// Its answer takes the place of the call; the nodes name the column after it.
		answer := node{kind: kindString, text: message, pos: call[0].pos, end: call[1].end}
		nodes = append([]node{nodes[0], answer}, nodes[3:]...)
	}
	text, err := st.rw.sql(nodes)
	if err != nil {
		return nil, err
	}
	columns, err := st.describeSQL(ctx, text)
	if err != nil {
		return nil, err
	}
	asArrow := st.arrowWanted()
	if describe {
		return &result{columns: columns, statement: typeSelect, arrow: asArrow, rows: [][]*string{}}, nil
	}
	builder := newResultBuilder(columns, asArrow, st.s.cfg.InlineRows, st.s.cfg.ChunkRows)
	builder.vary = st.s.faults.varied()
	if err := queryArrow(ctx, st.ses.conn, text, builder.add); err != nil {
		return nil, err
	}
	return builder.finish()
}

// systemCall finds the call in SELECT SYSTEM$…(…).
func systemCall(nodes []node) ([]node, bool) {
	if len(nodes) >= 3 && strings.HasPrefix(nodes[1].word(), "SYSTEM$") && nodes[2].kind == kindGroup && nodes[1].word() != "SYSTEM$TYPEOF" {
		return nodes[1:3], true
	}
	return nil, false
}

// arrowWanted tells whether the client takes Arrow: every driver does unless its own
// parameter says JSON.
func (st *statement) arrowWanted() bool {
	for _, name := range []string{"GO_QUERY_RESULT_FORMAT", "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT"} {
		if strings.EqualFold(st.ses.param(name), "JSON") {
			return false
		}
	}
	return true
}

// describeSQL asks DuckDB for the columns of a query and finds their Snowflake types:
// from DuckDB's, and for plain columns of a table from their declaration.
func (st *statement) describeSQL(ctx context.Context, text string) ([]column, error) {
	if err := st.checkCase(st.tables); err != nil {
		return nil, err
	}
	rows, err := st.ses.conn.QueryContext(ctx, "DESCRIBE "+text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []column
	for rows.Next() {
		var name, duck string
		var null, key, def, extra sql.NullString
		if err := rows.Scan(&name, &duck, &null, &key, &def, &extra); err != nil {
			return nil, err
		}
		t, ok := st.s.catalog.types.parse(duck)
		if !ok {
			return nil, unsupported("a result column of DuckDB's type %s", duck)
		}
		out = append(out, declare(column{Name: name, Type: t, Nullable: true}, st.tables))
	}
	return out, rows.Err()
}

// declare gives a result column the declaration of the one table column of its name.
func declare(c column, tables []table) column {
	var found []column
	for _, t := range tables {
		if d, ok := t.column(c.Name); ok && d.Type.duck() == c.Type.duck() {
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

// checkCase refuses a column that differs from the table's in case only: DuckDB would
// find it, Snowflake would not.
func (st *statement) checkCase(tables []table) error {
	for _, name := range st.rw.columns {
		known, similar := false, false
		for _, t := range tables {
			for _, c := range t.columns {
				known = known || c.Name == name
				similar = similar || strings.EqualFold(c.Name, name)
			}
		}
		if similar && !known && !st.rw.named[name] {
			return invalidIdentifier(sqlName(name))
		}
	}
	return nil
}
