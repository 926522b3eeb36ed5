package rewrite

import (
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Relations holds the names that a statement reads from, and those that it defines by WITH.
type Relations struct {
	Names [][]string
	CTEs  map[string]bool
}

// Walk collects the names from nodes.
func (r *Relations) Walk(nodes []sqltext.Node) error {
	inFrom, expecting := false, false
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		switch {
		case n.IsWord("FROM") && i > 0 && nodes[i-1].IsWord("DISTINCT") && i > 1 && nodes[i-2].IsWord("IS", "NOT"):
		case n.IsWord("FROM", "JOIN", "USING"):
			inFrom, expecting = true, true
			continue
		case n.IsOp(",") && inFrom:
			expecting = true
			continue
		case expecting && n.Kind == sqltext.KindString:
			return sferr.Syntax("syntax error line 1 at position %d unexpected '%s'.", n.Pos, n.Text)
		case expecting && n.IsName() && !n.IsWord("TABLE", "LATERAL", "ONLY", "VALUES"):
			p := &sqltext.Reader{In: nodes, I: i}
			parts, err := p.Path()
			if err != nil {
				return err
			}
			r.Names = append(r.Names, parts)
			i = p.I - 1
		case n.IsWord("WHERE", "GROUP", "ORDER", "HAVING", "QUALIFY", "LIMIT", "SELECT", "ON", "SET", "WHEN", "UNION", "EXCEPT", "MINUS", "INTERSECT", "VALUES"):
			inFrom = false
		case n.Kind == sqltext.KindGroup || n.Kind == sqltext.KindIndex:
			if err := r.group(nodes, i); err != nil {
				return err
			}
		}
		expecting = false
	}
	return nil
}

// group walks a bracket, unless FROM means something else in it, and notes name AS (…).
func (r *Relations) group(nodes []sqltext.Node, i int) error {
	if i > 0 && nodes[i-1].IsWord("EXTRACT", "TRIM", "SUBSTRING", "POSITION") {
		return nil
	}
	if i > 1 && nodes[i-1].IsWord("AS") {
		switch name := nodes[i-2]; {
		case name.IsName():
			r.CTEs[name.Name()] = true
		case name.Kind == sqltext.KindGroup && i > 2 && nodes[i-3].IsName(): // name(columns) AS (…)
			r.CTEs[nodes[i-3].Name()] = true
		}
	}
	return r.Walk(nodes[i].Kids)
}
