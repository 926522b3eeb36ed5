package snowflake

// findTables resolves what the statement reads from. It refuses the tables that the catalogue does not have. DuckDB would look
// further: in its own system catalogues, and for files of that name.
func (st *statement) findTables() error {
	found := relations{ctes: map[string]bool{}}
	if err := found.walk(st.nodes); err != nil {
		return err
	}
	for _, parts := range found.names {
		if len(parts) == 1 && found.ctes[parts[0]] {
			continue
		}
		full, err := st.full(parts)
		if err != nil {
			return err
		}
		t, ok, exact := st.snap.find(full, "", "")
		if !ok || !exact {
			return notFound("Object", dotted(parts))
		}
		st.tables = append(st.tables, t)
	}
	return nil
}

// relations are the names that a statement reads from, and those it defines by WITH.
type relations struct {
	names [][]string
	ctes  map[string]bool
}

func (r *relations) walk(nodes []node) error {
	inFrom, expecting := false, false
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		switch {
		case n.isWord("FROM") && i > 0 && nodes[i-1].isWord("DISTINCT") && i > 1 && nodes[i-2].isWord("IS", "NOT"):
		case n.isWord("FROM", "JOIN", "USING"):
			inFrom, expecting = true, true
			continue
		case n.isOp(",") && inFrom:
			expecting = true
			continue
		case expecting && n.kind == kindString:
			return syntaxError("syntax error line 1 at position %d unexpected '%s'.", n.pos, n.text)
		case expecting && n.isName() && !n.isWord("TABLE", "LATERAL", "ONLY"):
			p := &nodeReader{in: nodes, i: i}
			parts, err := p.path()
			if err != nil {
				return err
			}
			r.names = append(r.names, parts)
			i = p.i - 1
		case n.isWord("WHERE", "GROUP", "ORDER", "HAVING", "QUALIFY", "LIMIT", "SELECT", "ON", "SET", "WHEN", "UNION", "EXCEPT", "MINUS", "INTERSECT", "VALUES"):
			inFrom = false
		case n.kind == kindGroup || n.kind == kindIndex:
			if err := r.group(nodes, i); err != nil {
				return err
			}
		}
		expecting = false
	}
	return nil
}

// group walks a bracket, unless FROM means something else in it, and notes name AS (…).
func (r *relations) group(nodes []node, i int) error {
	if i > 0 && nodes[i-1].isWord("EXTRACT", "TRIM", "SUBSTRING", "POSITION") {
		return nil
	}
	if i > 1 && nodes[i-1].isWord("AS") {
		switch name := nodes[i-2]; {
		case name.isName():
			r.ctes[name.name()] = true
		case name.kind == kindGroup && i > 2 && nodes[i-3].isName(): // name(columns) AS (…)
			r.ctes[nodes[i-3].name()] = true
		}
	}
	return r.walk(nodes[i].kids)
}
