package snowflake

import (
	"strings"
	"time"
)

// rewriteEnv is what a statement may refer to besides its own text.
type rewriteEnv struct {
	src       string
	binds     []bindValue
	zone      string
	now       time.Time
	values    map[string]string // CURRENT_USER and the like
	kinds     func(column string) valueKind
	functions *functionTable
}

// rewriter turns Snowflake's spelling of a statement into DuckDB's, node by node.
type rewriter struct {
	env      *rewriteEnv
	bindNext int
	aliases  map[string]valueKind
	named    map[string]bool // every alias of a select list
	columns  []string        // the last part of every name
	special  map[string]special
}

func newRewriter(env *rewriteEnv) *rewriter {
	return &rewriter{env: env, aliases: map[string]valueKind{}, named: map[string]bool{}}
}

// cursor walks one list of nodes.
type cursor struct {
	in []node
	i  int
}

func (c *cursor) peek(ahead int) node {
	if c.i+ahead < len(c.in) && c.i+ahead >= 0 {
		return c.in[c.i+ahead]
	}
	return node{kind: kindOp}
}

func (r *rewriter) sql(nodes []node) (string, error) {
	out, err := r.list(nodes)
	if err != nil {
		return "", err
	}
	return emit(out), nil
}

func (r *rewriter) list(in []node) ([]node, error) {
	c := &cursor{in: r.nameExpressions(in)}
	var out []node
	for c.i < len(c.in) {
		before := c.i
		next, err := r.step(c, out)
		if err != nil {
			return nil, err
		}
		if c.i == before {
			return nil, syntaxError("syntax error near '%s'.", c.in[before].text)
		}
		out = next
	}
	return r.compare(out), nil
}

func isPrimary(n node) bool {
	switch n.kind {
	case kindRaw, kindString, kindNumber, kindQuoted, kindGroup:
		return true
	}
	return false
}

// step rewrites what stands at the cursor and appends it to out.
func (r *rewriter) step(c *cursor, out []node) ([]node, error) {
	n := c.peek(0)
	last := node{kind: kindOp}
	if len(out) > 0 {
		last = out[len(out)-1]
	}
	switch {
	case n.isOp("::") && isPrimary(last):
		t, used, err := parseType(c.in[c.i+1:])
		if err != nil {
			return nil, err
		}
		c.i += 1 + used
		cast, err := r.cast(last, t, false)
		return append(out[:len(out)-1], cast), err
	case n.isOp(":") && isPrimary(last) && c.peek(1).isName():
		c.i++
		return append(out[:len(out)-1], r.path(c, last)), nil
	case n.kind == kindIndex && isPrimary(last):
		c.i++
		if len(n.kids) != 1 {
			return nil, unsupported("such an index")
		}
		return append(out[:len(out)-1], jsonStep(last, n.kids[0])), nil
	case n.isOp(";"), n.kind == kindIndex, n.isOp("@"):
		return nil, syntaxError("syntax error line 1 at position %d unexpected '%s'.", n.pos, n.text)
	case n.kind == kindGroup:
		c.i++
		g, err := r.group(n)
		return append(out, g), err
	case n.kind == kindBind:
		c.i++
		lit, err := r.bind(n)
		return append(out, lit), err
	case n.kind == kindWord:
		return r.wordStep(c, out)
	case n.kind == kindQuoted:
		name, err := r.chain(c, last)
		return append(out, name), err
	}
	c.i++
	return append(out, n), nil
}

func (r *rewriter) group(n node) (node, error) {
	inner, err := r.list(n.kids)
	if err != nil {
		return node{}, err
	}
	g := raw("(" + emit(inner) + ")")
	if len(inner) == 1 {
		g.tag = inner[0].tag
		if inner[0].alt != "" {
			g.alt = "(" + inner[0].alt + ")"
		}
	}
	return g, nil
}

// wordStep rewrites from an unquoted word: a keyword, a literal, a call or a name.
func (r *rewriter) wordStep(c *cursor, out []node) ([]node, error) {
	n, next := c.peek(0), c.peek(1)
	last := node{kind: kindOp}
	if len(out) > 0 {
		last = out[len(out)-1]
	}
	word := n.word()
	switch {
	case last.isOp("."):
		c.i++
		return append(out, n), nil
	case word == "CASE":
		e, err := r.caseExpr(c)
		return append(out, e), err
	case (word == "CAST" || word == "TRY_CAST") && next.kind == kindGroup:
		c.i += 2
		e, err := r.castCall(next, word == "TRY_CAST")
		return append(out, e), err
	case next.kind == kindString && isTypedLiteral(word):
		t, _, err := parseType([]node{n})
		if err != nil {
			return nil, err
		}
		c.i += 2
		e, err := r.cast(next, t, false)
		return append(out, e), err
	case word == "INTERVAL":
		return nil, unsupported("INTERVAL: use DATEADD")
	case word == "MINUS":
		c.i++
		return append(out, raw("EXCEPT")), nil
	case (word == "SAMPLE" || word == "TABLESAMPLE") && next.kind == kindGroup:
		c.i += 2
		e, err := sample(next)
		return append(out, e), err
	case word == "TABLE" && next.kind == kindGroup:
		c.i += 2
		e, err := r.tableFunction(next.kids)
		return append(out, e), err
	case word == "LATERAL" && next.isWord("FLATTEN"):
		group := c.peek(2)
		c.i += 3
		e, err := r.flatten(group)
		return append(out, raw("LATERAL "+e.text)), err
	case word == "EXTRACT" && next.kind == kindGroup:
		c.i += 2
		e, err := r.extract(next)
		return append(out, e), err
	}
	if e, used, ok := r.contextValue(word, next); ok {
		c.i += used
		return append(out, e), nil
	}
	if isKeyword(word) {
		c.i++
		return append(out, n), nil
	}
	name, err := r.chain(c, last)
	return append(out, name), err
}

func isTypedLiteral(word string) bool {
	switch word {
	case "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return true
	}
	return false
}

// chain reads a.b.c and, if a group follows, the call of a function.
func (r *rewriter) chain(c *cursor, last node) (node, error) {
	parts := []node{c.peek(0)}
	c.i++
	for c.peek(0).isOp(".") && (c.peek(1).isName() || c.peek(1).isOp("*")) {
		parts = append(parts, c.peek(1))
		c.i += 2
	}
	definesCTE := c.peek(1).isWord("AS") && c.peek(2).kind == kindGroup
	if c.peek(0).kind == kindGroup && len(parts) == 1 && parts[0].kind == kindWord && !namesRelation(last) && !definesCTE {
		group := c.peek(0)
		c.i++
		call, err := r.call(parts[0].word(), group)
		if err != nil {
			return node{}, err
		}
		return r.window(c, call)
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = "*"
		if p.isName() { // quoted, since DuckDB reserves other words than Snowflake
			texts[i] = sqlName(p.name())
		}
	}
	name := raw(strings.Join(texts, "."))
	if tail := parts[len(parts)-1]; tail.isName() {
		r.columns = append(r.columns, tail.name())
		name.tag = r.kindOf(tail.name())
	}
	return name, nil
}

func (r *rewriter) kindOf(name string) valueKind {
	if k, ok := r.aliases[name]; ok {
		return k
	}
	if r.env.kinds == nil {
		return valueUnknown
	}
	return r.env.kinds(name)
}

// namesRelation tells a table or alias with a column list from a function call.
func namesRelation(last node) bool {
	return isPrimary(last) || last.isWord("INTO", "AS", "UPDATE", "JOIN", "WITH", "RECURSIVE", "TABLE", "USING")
}

// window joins OVER (…), FILTER (…) and WITHIN GROUP (…) to the call before them.
func (r *rewriter) window(c *cursor, call node) (node, error) {
	for {
		n, used := c.peek(0), 1
		switch {
		case n.isWord("OVER", "FILTER") && c.peek(1).kind == kindGroup:
		case n.isWord("WITHIN") && c.peek(1).isWord("GROUP") && c.peek(2).kind == kindGroup:
			used = 2
		case n.isWord("IGNORE", "RESPECT") && c.peek(1).isWord("NULLS"):
			return node{}, unsupported("%s NULLS", n.word())
		default:
			return call, nil
		}
		inner, err := r.group(c.peek(used))
		if err != nil {
			return node{}, err
		}
		call = rawTagged(call.text+" "+emit(c.in[c.i:c.i+used])+" "+inner.text, call.tag)
		c.i += used + 1
	}
}

func (r *rewriter) caseExpr(c *cursor) (node, error) {
	start, depth := c.i, 0
	for ; c.i < len(c.in); c.i++ {
		if c.in[c.i].isWord("CASE") {
			depth++
		}
		if c.in[c.i].isWord("END") {
			if depth--; depth == 0 {
				break
			}
		}
	}
	if c.i >= len(c.in) {
		return node{}, syntaxError("syntax error unexpected '<EOF>'.")
	}
	inner, err := r.list(c.in[start+1 : c.i])
	c.i++
	if err != nil {
		return node{}, err
	}
	return raw("CASE " + emit(inner) + " END"), nil
}
