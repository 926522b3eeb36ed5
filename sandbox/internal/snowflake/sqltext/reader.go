package sqltext

import (
	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// Reader reads the keywords and names of a statement one by one.
type Reader struct {
	In []Node
	I  int
}

// Peek returns the node at the cursor; after the end it returns an empty operator.
func (p *Reader) Peek() Node {
	if p.I < len(p.In) {
		return p.In[p.I]
	}
	return Node{Kind: KindOp}
}

// More reports whether nodes are left.
func (p *Reader) More() bool { return p.I < len(p.In) }

// Accept consumes the words if all of them follow in this order.
func (p *Reader) Accept(words ...string) bool {
	if p.I+len(words) > len(p.In) {
		return false
	}
	for k, w := range words {
		if !p.In[p.I+k].IsWord(w) {
			return false
		}
	}
	p.I += len(words)
	return true
}

// Unexpected returns the error about the node at the cursor.
func (p *Reader) Unexpected() error {
	n := p.Peek()
	if !p.More() {
		return sferr.Syntax("syntax error unexpected '<EOF>'.")
	}
	text := n.Text
	if n.Kind == KindGroup {
		text = "("
	}
	return sferr.Syntax("syntax error line 1 at position %d unexpected '%s'.", n.Pos, text)
}

// Path reads a.b.c.
func (p *Reader) Path() ([]string, error) {
	var parts []string
	for {
		n := p.Peek()
		if !n.IsName() {
			return nil, p.Unexpected()
		}
		parts = append(parts, n.Name())
		p.I++
		if !p.Peek().IsOp(".") {
			return parts, nil
		}
		p.I++
	}
}

// Rest returns the nodes that are left.
func (p *Reader) Rest() []Node { return p.In[min(p.I, len(p.In)):] }

// Quoted joins the parts of a name as DuckDB reads it.
func Quoted(parts []string) string {
	out := ""
	for i, p := range parts {
		if i > 0 {
			out += "."
		}
		out += Identifier(p)
	}
	return out
}

// Dotted joins the parts of a name for people.
func Dotted(parts []string) string {
	out := ""
	for i, p := range parts {
		if i > 0 {
			out += "."
		}
		out += p
	}
	return out
}
