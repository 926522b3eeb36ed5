package rewrite

import (
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// Env is what the rewrite of a statement needs besides its text: session, clock and tables.
type Env struct {
	Src       string
	Binds     []BindValue
	Settings  values.Settings
	Now       time.Time
	Values    map[string]string // CURRENT_USER and the like
	Kinds     func(column string) sqltext.ValueKind
	Functions *Functions
	Spelling  Spelling
	ColumnsOf func(table []string) []string
	// AllColumns returns the columns of the table that the statement reads, if it is one.
	AllColumns func() ([]string, bool)
	// Relation returns the SQL of a relation that is no table of DuckDB's, such as one of
	// INFORMATION_SCHEMA.
	Relation func(parts []string) (string, bool)
}

// Rewriter translates a statement from Snowflake's SQL to DuckDB's, node by node.
type Rewriter struct {
	env       *Env
	bindNext  int
	aliases   map[string]sqltext.ValueKind
	Named     map[string]bool // every alias of a select list
	Columns   []string        // the last part of every name
	functions map[string]functionRewrite

	depth      int // number of brackets around the present node
	references []reference
	duplicates map[string]int // names that a query in brackets has twice; the value is its depth plus one
}

// settings returns the session's settings as an argument of the macros.
func (r *Rewriter) settings() string { return sqltext.Literal(r.env.Settings.Pack()) }

// New returns a rewriter for one statement.
func New(env *Env) *Rewriter {
	return &Rewriter{env: env, aliases: map[string]sqltext.ValueKind{}, Named: map[string]bool{}, duplicates: map[string]int{}}
}

// cursor is a position in a list of nodes.
type cursor struct {
	in []sqltext.Node
	i  int
}

func (c *cursor) peek(ahead int) sqltext.Node {
	if c.i+ahead < len(c.in) && c.i+ahead >= 0 {
		return c.in[c.i+ahead]
	}
	return sqltext.Node{Kind: sqltext.KindOp}
}

// SQL rewrites nodes to text.
func (r *Rewriter) SQL(nodes []sqltext.Node) (string, error) {
	out, err := r.List(nodes)
	if err != nil {
		return "", err
	}
	return sqltext.Emit(out), nil
}

// List rewrites nodes to nodes.
func (r *Rewriter) List(in []sqltext.Node) ([]sqltext.Node, error) {
	c := &cursor{in: r.nameExpressions(in)}
	var out []sqltext.Node
	for c.i < len(c.in) {
		before := c.i
		next, err := r.rewriteNext(c, out)
		if err != nil {
			return nil, err
		}
		if c.i == before {
			return nil, sferr.Syntax("syntax error near '%s'.", c.in[before].Text)
		}
		out = next
	}
	return r.compare(out), nil
}

func isPrimary(n sqltext.Node) bool {
	switch n.Kind {
	case sqltext.KindRaw, sqltext.KindString, sqltext.KindNumber, sqltext.KindQuoted, sqltext.KindGroup:
		return true
	}
	return false
}

// rewriteNext rewrites the expression or clause at the cursor and appends it to out.
func (r *Rewriter) rewriteNext(c *cursor, out []sqltext.Node) ([]sqltext.Node, error) {
	n := c.peek(0)
	last := sqltext.Node{Kind: sqltext.KindOp}
	if len(out) > 0 {
		last = out[len(out)-1]
	}
	switch {
	case n.IsOp("::") && (isPrimary(last) || last.IsWord("NULL", "TRUE", "FALSE")):
		t, used, err := sftype.Parse(c.in[c.i+1:])
		if err != nil {
			return nil, err
		}
		c.i += 1 + used
		cast, err := r.cast(last, t, false)
		return append(out[:len(out)-1], cast), err
	case n.IsOp(":") && isPrimary(last) && c.peek(1).IsName():
		c.i++
		return append(out[:len(out)-1], r.path(c, last)), nil
	case n.Kind == sqltext.KindIndex && isPrimary(last):
		c.i++
		if len(n.Kids) != 1 {
			return nil, sferr.Unsupported("such an index")
		}
		return append(out[:len(out)-1], jsonMember(last, n.Kids[0])), nil
	case n.Kind == sqltext.KindIndex: // [a, b] is an ARRAY
		c.i++
		e, err := r.array(sqltext.SplitComma(n.Kids))
		return append(out, e), err
	case n.IsOp(";"), n.IsOp("@"):
		return nil, sferr.Syntax("syntax error line 1 at position %d unexpected '%s'.", n.Pos, n.Text)
	case n.Kind == sqltext.KindGroup:
		c.i++
		g, err := r.group(n)
		return append(out, g), err
	case n.Kind == sqltext.KindBind:
		c.i++
		lit, err := r.bind(n)
		return append(out, lit), err
	case n.Kind == sqltext.KindWord:
		return r.rewriteWord(c, out)
	case n.Kind == sqltext.KindQuoted:
		name, err := r.rewriteName(c, last)
		return append(out, name), err
	}
	c.i++
	return append(out, n), nil
}

func (r *Rewriter) group(n sqltext.Node) (sqltext.Node, error) {
	r.depth++
	defer func() { r.depth-- }()
	inner, err := r.List(n.Kids)
	if err != nil {
		return sqltext.Node{}, err
	}
	g := sqltext.Raw("(" + sqltext.Emit(inner) + ")")
	if len(inner) == 1 {
		g.Value = inner[0].Value
		if inner[0].Alt != "" {
			g.Alt = "(" + inner[0].Alt + ")"
		}
	}
	return g, nil
}

// rewriteWord rewrites what begins with an unquoted word: a keyword, a literal, a call or a
// name.
func (r *Rewriter) rewriteWord(c *cursor, out []sqltext.Node) ([]sqltext.Node, error) {
	n, next := c.peek(0), c.peek(1)
	last := sqltext.Node{Kind: sqltext.KindOp}
	if len(out) > 0 {
		last = out[len(out)-1]
	}
	word := n.Word()
	if next, done, err := r.rewriteClause(c, out, last); done || err != nil {
		return next, err
	}
	switch {
	case last.IsOp("."):
		c.i++
		return append(out, n), nil
	case word == "CASE":
		e, err := r.caseExpr(c)
		return append(out, e), err
	case (word == "CAST" || word == "TRY_CAST") && next.Kind == sqltext.KindGroup:
		c.i += 2
		e, err := r.castCall(next, word == "TRY_CAST")
		return append(out, e), err
	case next.Kind == sqltext.KindString && isTypedLiteral(word):
		t, _, err := sftype.Parse([]sqltext.Node{n})
		if err != nil {
			return nil, err
		}
		c.i += 2
		e, err := r.cast(next, t, false)
		return append(out, e), err
	case word == "INTERVAL" && next.Kind == sqltext.KindString:
		return r.interval(c, out)
	case word == "MINUS":
		c.i++
		return append(out, sqltext.Raw("EXCEPT")), nil
	case word == "TABLE" && next.Kind == sqltext.KindGroup:
		c.i += 2
		e, err := r.tableFunction(next.Kids)
		return append(out, e), err
	case word == "LATERAL" && next.IsWord("FLATTEN"):
		group := c.peek(2)
		c.i += 3
		e, err := r.flatten(group)
		return append(out, sqltext.Raw("LATERAL "+e.Text)), err
	case word == "EXTRACT" && next.Kind == sqltext.KindGroup:
		c.i += 2
		e, err := r.extract(next)
		return append(out, e), err
	}
	if e, used, ok := r.contextValue(word, next); ok {
		c.i += used
		return append(out, e), nil
	}
	if IsKeyword(word) {
		c.i++
		return append(out, n), nil
	}
	name, err := r.rewriteName(c, last)
	return append(out, name), err
}

func isTypedLiteral(word string) bool {
	switch word {
	case "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return true
	}
	return false
}

// rewriteName rewrites a name such as a.b.c or, if a group follows, the call of a function.
func (r *Rewriter) rewriteName(c *cursor, last sqltext.Node) (sqltext.Node, error) {
	parts := []sqltext.Node{c.peek(0)}
	c.i++
	for c.peek(0).IsOp(".") && (c.peek(1).IsName() || c.peek(1).IsOp("*")) {
		parts = append(parts, c.peek(1))
		c.i += 2
	}
	definesCTE := c.peek(1).IsWord("AS") && c.peek(2).Kind == sqltext.KindGroup
	if c.peek(0).Kind == sqltext.KindGroup && len(parts) == 1 && parts[0].Kind == sqltext.KindWord && !namesRelation(last) && !definesCTE {
		group := c.peek(0)
		c.i++
		call, err := r.call(parts[0].Word(), group)
		if err != nil {
			return sqltext.Node{}, err
		}
		return r.window(c, call)
	}
	if r.env.Relation != nil && len(parts) > 1 && (last.IsWord("FROM", "JOIN") || last.IsOp(",")) {
		names := make([]string, len(parts))
		for i, p := range parts {
			names[i] = p.Name()
		}
		if text, ok := r.env.Relation(names); ok {
			if n := c.peek(0); !n.IsWord("AS") && (!n.IsName() || IsKeyword(n.Word())) {
				text += " AS " + sqltext.Identifier(names[len(names)-1])
			}
			return sqltext.Raw(text), nil
		}
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = "*"
		if p.IsName() { // quoted, since DuckDB reserves other words than Snowflake
			texts[i] = r.env.Spelling.Identifier(p.Name())
		}
	}
	name := sqltext.Raw(strings.Join(texts, "."))
	if tail := parts[len(parts)-1]; tail.IsName() {
		r.Columns = append(r.Columns, tail.Name())
		r.references = append(r.references, reference{tail.Name(), r.depth})
		name.Value = r.kindOf(tail.Name())
	}
	return name, nil
}

func (r *Rewriter) kindOf(name string) sqltext.ValueKind {
	if k, ok := r.aliases[name]; ok {
		return k
	}
	if r.env.Kinds == nil {
		return sqltext.ValueUnknown
	}
	kind := r.env.Kinds(name)
	if _, _, isNumber := kind.Number(); isNumber && r.Named[name] {
		return sqltext.ValueUnknown // the name may be that of another expression
	}
	return kind
}

// namesRelation reports whether a name with brackets after it is a table or alias with a
// column list, and no function call.
func namesRelation(last sqltext.Node) bool {
	return isPrimary(last) || last.IsWord("INTO", "AS", "UPDATE", "JOIN", "WITH", "RECURSIVE", "TABLE", "USING")
}
