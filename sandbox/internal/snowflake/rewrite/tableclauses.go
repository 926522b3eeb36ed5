package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// rewriteClause rewrites the clauses and operators that have another syntax in DuckDB; done
// is false if there is none at the cursor.
func (r *Rewriter) rewriteClause(c *cursor, out []sqltext.Node, last sqltext.Node) (next []sqltext.Node, done bool, err error) {
	word, behind := c.peek(0).Word(), c.peek(1)
	switch {
	case last.IsOp("."):
	case word == "VALUES" && (last.IsWord("FROM", "JOIN") || last.IsOp(",")) && behind.Kind == sqltext.KindGroup:
		e, err := r.valuesRelation(c)
		return append(out, e), true, err
	case word == "PIVOT" || word == "UNPIVOT":
		if behind.Kind == sqltext.KindGroup {
			c.i += 2
			e, err := r.pivot(word, behind)
			return append(out, e), true, err
		}
	case word == "MATCH_RECOGNIZE" && behind.Kind == sqltext.KindGroup:
		return nil, true, sferr.Unsupported("MATCH_RECOGNIZE in the sandbox")
	case (word == "AT" || word == "BEFORE") && behind.Kind == sqltext.KindGroup && len(behind.Kids) > 1 && behind.Kids[1].IsOp("=>"):
		return nil, true, sferr.Unsupported("time travel in the sandbox")
	case (word == "EXCLUDE" || word == "RENAME") && (last.IsOp("*") || last.Kind == sqltext.KindRaw):
		if behind.Kind == sqltext.KindGroup {
			c.i += 2
			inner, err := r.group(behind)
			return append(out, sqltext.Raw(word+" "+inner.Text)), true, err
		}
	case word == "INSERT" && behind.Kind == sqltext.KindGroup && len(out) > 0 && !last.IsWord("THEN"):
		c.i += 2
		e, err := r.call(word, behind)
		return append(out, e), true, err
	case (word == "LIKE" || word == "ILIKE") && behind.IsWord("ANY", "ALL") && c.peek(2).Kind == sqltext.KindGroup:
		out, err := r.likeAny(c, out)
		return out, true, err
	case (word == "RLIKE" || word == "REGEXP") && isPrimary(last) && behind.Kind != sqltext.KindGroup:
		out, err := r.infixPattern(c, out)
		return out, true, err
	case word == "SAMPLE" || word == "TABLESAMPLE":
		if e, ok, err := sample(c); ok || err != nil {
			return append(out, e), true, err
		}
	}
	return out, false, nil
}

// sample rewrites [TABLE]SAMPLE [method] (percent | n ROWS) [SEED | REPEATABLE (seed)].
func sample(c *cursor) (out sqltext.Node, ok bool, err error) {
	i := 1
	method := "bernoulli"
	switch {
	case c.peek(i).IsWord("BERNOULLI", "ROW"):
		i++
	case c.peek(i).IsWord("SYSTEM", "BLOCK"):
		method, i = "system", i+1
	}
	group := c.peek(i)
	if group.Kind != sqltext.KindGroup {
		return out, false, nil
	}
	i++
	text := ""
	switch k := group.Kids; {
	case len(k) == 1 && k[0].Kind == sqltext.KindNumber:
		text = fmt.Sprintf("TABLESAMPLE %s(%s PERCENT)", method, k[0].Text)
	case len(k) == 2 && k[0].Kind == sqltext.KindNumber && k[1].IsWord("ROWS"):
		text = "TABLESAMPLE reservoir(" + k[0].Text + " ROWS)"
	default:
		return out, false, sferr.Unsupported("SAMPLE with these arguments")
	}
	if seed := c.peek(i + 1); c.peek(i).IsWord("SEED", "REPEATABLE") && seed.Kind == sqltext.KindGroup && len(seed.Kids) == 1 {
		text += " REPEATABLE (" + seed.Kids[0].Text + ")"
		i += 2
	}
	c.i += i
	return sqltext.Raw(text), true, nil
}

// pivot rewrites PIVOT (aggregate FOR column IN (values)); its columns get the text of the
// values as names.
func (r *Rewriter) pivot(word string, group sqltext.Node) (sqltext.Node, error) {
	kids := group.Kids
	at := -1
	for i, n := range kids {
		if n.IsWord("FOR") {
			at = i
		}
	}
	if word != "PIVOT" || at < 1 || at+3 >= len(kids) || !kids[at+2].IsWord("IN") || kids[at+3].Kind != sqltext.KindGroup || at+4 != len(kids) {
		return sqltext.Node{}, sferr.Unsupported("such a %s", word)
	}
	aggregate, err := r.SQL(kids[:at])
	if err != nil {
		return sqltext.Node{}, err
	}
	var items []string
	for _, item := range sqltext.SplitComma(kids[at+3].Kids) {
		if len(item) != 1 || item[0].Kind != sqltext.KindString && item[0].Kind != sqltext.KindNumber {
			return sqltext.Node{}, sferr.Unsupported("PIVOT over anything but literals")
		}
		text := sqltext.Emit(item)
		items = append(items, text+" AS "+sqltext.Identifier(text))
	}
	return sqltext.Raw(fmt.Sprintf("PIVOT (%s FOR %s IN (%s))", aggregate, r.env.Spelling.Identifier(kids[at+1].Name()), strings.Join(items, ", "))), nil
}

// likeAny rewrites x [NOT] LIKE ANY (a, b, …) and LIKE ALL.
func (r *Rewriter) likeAny(c *cursor, out []sqltext.Node) ([]sqltext.Node, error) {
	operator, quantifier, group := c.peek(0).Word(), c.peek(1).Word(), c.peek(2)
	c.i += 3
	not := ""
	if len(out) > 0 && out[len(out)-1].IsWord("NOT") {
		not, out = "NOT ", out[:len(out)-1]
	}
	if len(out) == 0 || !isPrimary(out[len(out)-1]) {
		return nil, sferr.Unsupported("LIKE %s after such an expression", quantifier)
	}
	x := r.asText(out[len(out)-1]).Text
	if out[len(out)-1].Kind == sqltext.KindString {
		x = sqltext.Literal(out[len(out)-1].Text)
	}
	var tests []string
	for _, item := range sqltext.SplitComma(group.Kids) {
		pattern, err := r.SQL(item)
		if err != nil {
			return nil, err
		}
		tests = append(tests, fmt.Sprintf("(%s %s %s)", x, operator, pattern))
	}
	joint := " OR "
	if quantifier == "ALL" {
		joint = " AND "
	}
	return append(out[:len(out)-1], sqltext.Raw("("+not+"("+strings.Join(tests, joint)+"))")), nil
}

// infixPattern rewrites x [NOT] RLIKE pattern.
func (r *Rewriter) infixPattern(c *cursor, out []sqltext.Node) ([]sqltext.Node, error) {
	pattern, err := r.List([]sqltext.Node{c.peek(1)})
	if err != nil {
		return nil, err
	}
	c.i += 2
	x := sqltext.Emit(out[len(out)-1:])
	return append(out[:len(out)-1], sqltext.Raw(fmt.Sprintf("sf_regexp_like(%s, %s, '')", x, sqltext.Emit(pattern)))), nil
}
