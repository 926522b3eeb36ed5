package rewrite

import (
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Snowflake lets a query have two columns of one name, and refuses a reference to such a
// name from outside. DuckDB gives the second another name and takes the first.

// reference is a name and the number of brackets around it.
type reference struct {
	name  string
	depth int
}

// noteDuplicates records the names that occur twice in the select list of a subquery.
func (r *Rewriter) noteDuplicates(items [][]sqltext.Node, rest []sqltext.Node) {
	seen := map[string]bool{}
	for _, name := range r.listNames(items, rest) {
		if seen[name] {
			r.duplicates[name] = max(r.duplicates[name], r.depth+1)
		}
		seen[name] = true
	}
}

// listNames returns the names of a select list's columns that can be known from its text.
func (r *Rewriter) listNames(items [][]sqltext.Node, rest []sqltext.Node) (names []string) {
	for _, item := range items {
		switch {
		case len(item) == 1 && item[0].IsOp("*"):
			names = append(names, r.starNames(rest)...)
		case len(item) > 0 && IsStar(item):
		case len(item) > 0 && item[len(item)-1].IsName() && (IsColumn(item) || len(item) > 1 && !isOperand(item[len(item)-2])):
			names = append(names, item[len(item)-1].Name())
		}
	}
	return names
}

// starNames returns the columns of * over the tables and the queries of a FROM clause.
func (r *Rewriter) starNames(rest []sqltext.Node) []string {
	if r.env.ColumnsOf == nil || len(rest) == 0 || !rest[0].IsWord("FROM") {
		return nil
	}
	end := 1
	for end < len(rest) && (!endsSelectList(rest[end]) || rest[end].IsWord("FROM")) {
		if rest[end].IsWord("USING", "NATURAL") {
			return nil
		}
		end++
	}
	var out []string
	plain := append([]sqltext.Node{}, rest[:end]...)
	for i := range plain {
		out = append(out, r.derivedNames(plain[i].Kids)...)
		plain[i].Kids = nil // only the tables of this level
	}
	found := Relations{CTEs: map[string]bool{}}
	if found.Walk(plain) != nil {
		return nil
	}
	for _, parts := range found.Names {
		out = append(out, r.env.ColumnsOf(parts)...)
	}
	return out
}

// derivedNames returns the columns of a subquery in a FROM clause.
func (r *Rewriter) derivedNames(query []sqltext.Node) []string {
	if len(query) == 0 || !query[0].IsWord("SELECT") {
		return nil
	}
	begin := 1
	for begin < len(query) && query[begin].IsWord("DISTINCT", "ALL") {
		begin++
	}
	end := begin
	for end < len(query) && !endsSelectList(query[end]) {
		end++
	}
	return r.listNames(sqltext.SplitComma(query[begin:end]), query[end:])
}

// CheckDuplicates returns an error if the statement refers to a name that a subquery has
// twice.
func (r *Rewriter) CheckDuplicates() error {
	for _, ref := range r.references {
		if depth, ok := r.duplicates[ref.name]; ok && ref.depth+1 < depth {
			return sferr.New("001040", "42601", "SQL compilation error:\nambiguous column name '"+ref.name+"'")
		}
	}
	return nil
}

// IsDuplicate reports whether DuckDB may have given a column of this name another name.
func (r *Rewriter) IsDuplicate(name string) bool { return r.duplicates[name] > 0 }
