package sqltext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

type kind int

const (
	KindWord   kind = iota // unquoted name or keyword
	KindQuoted             // "name"
	KindString             // 'text' or $$text$$
	KindNumber
	KindOp
	KindBind     // ? or :1
	KindVariable // $name
	KindGroup    // ( … )
	KindIndex    // [ … ]
	KindRaw      // DuckDB SQL made by the rewrite
)

// Node is a token, or a bracketed group of nodes. A statement is a tree of them:
// enough structure to rewrite Snowflake's spellings without a grammar of its SQL.
type Node struct {
	Kind   kind
	Text   string // decoded: names without quotes, strings without escapes; words as written
	Kids   []Node
	Pos    int // byte offsets into the statement
	End    int
	Value  ValueKind // of KindRaw: what is known about its type
	Over   string    // of KindRaw: the form with %[1]s where an OVER clause goes, if it has several
	Within string    // of KindRaw: the form with %s for the order WITHIN GROUP
	Alt    string    // of KindRaw: the form to use beside a comparison, if it differs
}

// Word returns an unquoted word in upper case, or "" if the node is none.
func (n Node) Word() string {
	if n.Kind != KindWord {
		return ""
	}
	return strings.ToUpper(n.Text)
}

// IsWord reports whether the node is one of these words, unquoted.
func (n Node) IsWord(words ...string) bool {
	if n.Kind != KindWord {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(n.Text, w) {
			return true
		}
	}
	return false
}

// IsOp reports whether the node is this operator.
func (n Node) IsOp(text string) bool { return n.Kind == KindOp && n.Text == text }

// IsName reports whether the node can be an identifier.
func (n Node) IsName() bool { return n.Kind == KindWord || n.Kind == KindQuoted }

// Name returns the identifier as Snowflake stores it: in upper case if it is not quoted.
func (n Node) Name() string {
	if n.Kind == KindWord {
		return strings.ToUpper(n.Text)
	}
	return n.Text
}

// Raw returns a node of DuckDB SQL whose type is unknown.
func Raw(text string) Node { return Node{Kind: KindRaw, Text: text} }

// RawOf returns a node of DuckDB SQL whose type is known.
func RawOf(text string, tag ValueKind) Node { return Node{Kind: KindRaw, Text: text, Value: tag} }

type lexer struct {
	src string
	pos int
}

func (l *lexer) rest() string { return l.src[l.pos:] }

// Parse reads a statement into a tree of nodes.
func Parse(src string) ([]Node, error) {
	l := &lexer{src: src}
	nodes, err := l.list("")
	if err != nil {
		return nil, err
	}
	return nodes, nil
}

func (l *lexer) list(closing string) ([]Node, error) {
	var out []Node
	for {
		l.skipBlank()
		if l.pos >= len(l.src) {
			if closing != "" {
				return nil, sferr.Syntax("syntax error unexpected '<EOF>'.")
			}
			return out, nil
		}
		start, c := l.pos, l.src[l.pos]
		switch c {
		case '(', '[':
			end, k := ")", KindGroup
			if c == '[' {
				end, k = "]", KindIndex
			}
			l.pos++
			kids, err := l.list(end)
			if err != nil {
				return nil, err
			}
			out = append(out, Node{Kind: k, Kids: kids, Pos: start, End: l.pos})
		case ')', ']':
			if string(c) != closing {
				return nil, sferr.Syntax("syntax error line 1 at position %d unexpected '%c'.", start, c)
			}
			l.pos++
			return out, nil
		default:
			n, err := l.token()
			if err != nil {
				return nil, err
			}
			n.Pos, n.End = start, l.pos
			out = append(out, n)
		}
	}
}

func (l *lexer) skipBlank() {
	for l.pos < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.rest())
		switch {
		case unicode.IsSpace(r):
			l.pos += size
		case strings.HasPrefix(l.rest(), "--"), strings.HasPrefix(l.rest(), "//"):
			if i := strings.IndexByte(l.rest(), '\n'); i >= 0 {
				l.pos += i + 1
			} else {
				l.pos = len(l.src)
			}
		case strings.HasPrefix(l.rest(), "/*"):
			if i := strings.Index(l.rest()[2:], "*/"); i >= 0 {
				l.pos += i + 4
			} else {
				l.pos = len(l.src)
			}
		default:
			return
		}
	}
}

func (l *lexer) token() (Node, error) {
	rest := l.rest()
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'':
		return l.quotedString()
	case strings.HasPrefix(rest, "$$"):
		end := strings.Index(rest[2:], "$$")
		if end < 0 {
			return Node{}, sferr.Syntax("parse error: unterminated string")
		}
		l.pos += end + 4
		return Node{Kind: KindString, Text: rest[2 : 2+end]}, nil
	case r == '$' && len(rest) > 1 && (rest[1] == '_' || unicode.IsLetter(rune(rest[1]))):
		i := 1
		for i < len(rest) && (rest[i] == '_' || IsDigit(rest[i]) || unicode.IsLetter(rune(rest[i]))) {
			i++
		}
		l.pos += i
		return Node{Kind: KindVariable, Text: rest[1:i]}, nil
	case r == '$' && len(rest) > 1 && IsDigit(rest[1]):
		return Node{}, sferr.Unsupported("a column by its place ($%c) in the sandbox: name it, as in COLUMN%c of VALUES", rest[1], rest[1])
	case r == '"':
		return l.quotedName()
	case r >= '0' && r <= '9', r == '.' && len(rest) > 1 && IsDigit(rest[1]):
		return l.number(), nil
	case r == '?':
		l.pos++
		return Node{Kind: KindBind}, nil
	case r == ':' && len(rest) > 1 && IsDigit(rest[1]):
		i := 1
		for i < len(rest) && IsDigit(rest[i]) {
			i++
		}
		l.pos += i
		return Node{Kind: KindBind, Text: rest[1:i]}, nil
	case r == '_' || unicode.IsLetter(r):
		i := 0
		for i < len(rest) {
			r, size := utf8.DecodeRuneInString(rest[i:])
			if r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				break
			}
			i += size
		}
		l.pos += i
		return Node{Kind: KindWord, Text: rest[:i]}, nil
	}
	for _, op := range []string{"::", "<=", ">=", "<>", "!=", "||", "=>", ":=", "->"} {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			return Node{Kind: KindOp, Text: op}, nil
		}
	}
	if !strings.ContainsRune("+-*/%=<>,.;:@&|^~!", r) {
		return Node{}, sferr.Syntax("parse error line 1 at position %d near '%c'.", l.pos, r)
	}
	l.pos++
	return Node{Kind: KindOp, Text: string(r)}, nil
}

// IsDigit reports whether the byte is a decimal digit.
func IsDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) number() Node {
	rest, i := l.rest(), 0
	for i < len(rest) && (IsDigit(rest[i]) || rest[i] == '.') {
		i++
	}
	if i < len(rest) && (rest[i] == 'e' || rest[i] == 'E') {
		j := i + 1
		if j < len(rest) && (rest[j] == '+' || rest[j] == '-') {
			j++
		}
		if j < len(rest) && IsDigit(rest[j]) {
			for j < len(rest) && IsDigit(rest[j]) {
				j++
			}
			i = j
		}
	}
	l.pos += i
	return Node{Kind: KindNumber, Text: rest[:i]}
}

func (l *lexer) quotedName() (Node, error) {
	rest := l.rest()
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		if rest[i] != '"' {
			b.WriteByte(rest[i])
			continue
		}
		if i+1 < len(rest) && rest[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		l.pos += i + 1
		return Node{Kind: KindQuoted, Text: b.String()}, nil
	}
	return Node{}, sferr.Syntax("parse error: unterminated quoted identifier")
}

// FoldQuoted makes quoted identifiers upper case, for QUOTED_IDENTIFIERS_IGNORE_CASE.
func FoldQuoted(nodes []Node) {
	for i := range nodes {
		if nodes[i].Kind == KindQuoted {
			nodes[i].Text = strings.ToUpper(nodes[i].Text)
		}
		FoldQuoted(nodes[i].Kids)
	}
}
