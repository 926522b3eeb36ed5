package snowflake

// nodeReader reads the fixed parts of a statement word by word.
type nodeReader struct {
	in []node
	i  int
}

func (p *nodeReader) peek() node {
	if p.i < len(p.in) {
		return p.in[p.i]
	}
	return node{kind: kindOp}
}

func (p *nodeReader) more() bool { return p.i < len(p.in) }

// accept takes the words in this order, all or none.
func (p *nodeReader) accept(words ...string) bool {
	if p.i+len(words) > len(p.in) {
		return false
	}
	for k, w := range words {
		if !p.in[p.i+k].isWord(w) {
			return false
		}
	}
	p.i += len(words)
	return true
}

func (p *nodeReader) unexpected() error {
	n := p.peek()
	if !p.more() {
		return syntaxError("syntax error unexpected '<EOF>'.")
	}
	text := n.text
	if n.kind == kindGroup {
		text = "("
	}
	return syntaxError("syntax error line 1 at position %d unexpected '%s'.", n.pos, text)
}

// path reads a.b.c.
func (p *nodeReader) path() ([]string, error) {
	var parts []string
	for {
		n := p.peek()
		if !n.isName() {
			return nil, p.unexpected()
		}
		parts = append(parts, n.name())
		p.i++
		if !p.peek().isOp(".") {
			return parts, nil
		}
		p.i++
	}
}

func (p *nodeReader) rest() []node { return p.in[min(p.i, len(p.in)):] }

// full is a table name with the session's database and schema before it.
func (st *statement) full(parts []string) ([]string, error) {
	database, schema := st.ses.database, st.ses.schema
	switch len(parts) {
	case 1:
		parts = []string{database, schema, parts[0]}
	case 2:
		parts = []string{database, parts[0], parts[1]}
	case 3:
	default:
		return nil, syntaxError("syntax error: a name has too many parts.")
	}
	if parts[0] == "" || parts[1] == "" {
		return nil, &Error{"090105", "22000", "Cannot perform this operation. This session does not have a current database. Call 'USE DATABASE', or use a qualified name."}
	}
	return parts, nil
}

func quoted(parts []string) string {
	out := ""
	for i, p := range parts {
		if i > 0 {
			out += "."
		}
		out += sqlName(p)
	}
	return out
}

func dotted(parts []string) string {
	out := ""
	for i, p := range parts {
		if i > 0 {
			out += "."
		}
		out += p
	}
	return out
}

// target finds the table of a DML statement.
func (st *statement) target(parts []string) (table, error) {
	full, err := st.full(parts)
	if err != nil {
		return table{}, err
	}
	t, found, exact := st.snap.find(full, "", "")
	if !found || !exact {
		return table{}, notFound("Table", dotted(parts))
	}
	return t, nil
}
