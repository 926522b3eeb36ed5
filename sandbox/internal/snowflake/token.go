package snowflake

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	kindWord   kind = iota // unquoted name or keyword
	kindQuoted             // "name"
	kindString             // 'text' or $$text$$
	kindNumber
	kindOp
	kindBind  // ? or :1
	kindGroup // ( … )
	kindIndex // [ … ]
	kindRaw   // DuckDB SQL made by the rewrite
)

// node is a token, or a bracketed group of nodes. A statement is a tree of them:
// enough structure to rewrite Snowflake's spellings without a grammar of its SQL.
type node struct {
	kind kind
	text string // decoded: names without quotes, strings without escapes; words as written
	kids []node
	pos  int // byte offsets into the statement
	end  int
	tag  valueKind // of kindRaw: what is known about its type
	alt  string    // of kindRaw: the form to use beside a comparison, if it differs
}

func (n node) word() string {
	if n.kind != kindWord {
		return ""
	}
	return strings.ToUpper(n.text)
}

func (n node) isWord(words ...string) bool {
	if n.kind != kindWord {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(n.text, w) {
			return true
		}
	}
	return false
}

func (n node) isOp(text string) bool { return n.kind == kindOp && n.text == text }

func (n node) isName() bool { return n.kind == kindWord || n.kind == kindQuoted }

// name is the identifier as Snowflake stores it: unquoted ones in upper case.
func (n node) name() string {
	if n.kind == kindWord {
		return strings.ToUpper(n.text)
	}
	return n.text
}

func raw(text string) node { return node{kind: kindRaw, text: text} }

func rawTagged(text string, tag valueKind) node { return node{kind: kindRaw, text: text, tag: tag} }

type lexer struct {
	src string
	pos int
}

func (l *lexer) rest() string { return l.src[l.pos:] }

// parseTree reads a statement into a tree of nodes.
func parseTree(src string) ([]node, error) {
	l := &lexer{src: src}
	nodes, err := l.list("")
	if err != nil {
		return nil, err
	}
	return nodes, nil
}

func (l *lexer) list(closing string) ([]node, error) {
	var out []node
	for {
		l.skipBlank()
		if l.pos >= len(l.src) {
			if closing != "" {
				return nil, syntaxError("syntax error unexpected '<EOF>'.")
			}
			return out, nil
		}
		start, c := l.pos, l.src[l.pos]
		switch c {
		case '(', '[':
			end, k := ")", kindGroup
			if c == '[' {
				end, k = "]", kindIndex
			}
			l.pos++
			kids, err := l.list(end)
			if err != nil {
				return nil, err
			}
			out = append(out, node{kind: k, kids: kids, pos: start, end: l.pos})
		case ')', ']':
			if string(c) != closing {
				return nil, syntaxError("syntax error line 1 at position %d unexpected '%c'.", start, c)
			}
			l.pos++
			return out, nil
		default:
			n, err := l.token()
			if err != nil {
				return nil, err
			}
			n.pos, n.end = start, l.pos
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

func (l *lexer) token() (node, error) {
	rest := l.rest()
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'':
		return l.quotedString()
	case strings.HasPrefix(rest, "$$"):
		end := strings.Index(rest[2:], "$$")
		if end < 0 {
			return node{}, syntaxError("parse error: unterminated string")
		}
		l.pos += end + 4
		return node{kind: kindString, text: rest[2 : 2+end]}, nil
	case r == '"':
		return l.quotedName()
	case r >= '0' && r <= '9', r == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number(), nil
	case r == '?':
		l.pos++
		return node{kind: kindBind}, nil
	case r == ':' && len(rest) > 1 && isDigit(rest[1]):
		i := 1
		for i < len(rest) && isDigit(rest[i]) {
			i++
		}
		l.pos += i
		return node{kind: kindBind, text: rest[1:i]}, nil
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
		return node{kind: kindWord, text: rest[:i]}, nil
	}
	for _, op := range []string{"::", "<=", ">=", "<>", "!=", "||", "=>", ":=", "->"} {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			return node{kind: kindOp, text: op}, nil
		}
	}
	if !strings.ContainsRune("+-*/%=<>,.;:@&|^~!", r) {
		return node{}, syntaxError("parse error line 1 at position %d near '%c'.", l.pos, r)
	}
	l.pos++
	return node{kind: kindOp, text: string(r)}, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) number() node {
	rest, i := l.rest(), 0
	for i < len(rest) && (isDigit(rest[i]) || rest[i] == '.') {
		i++
	}
	if i < len(rest) && (rest[i] == 'e' || rest[i] == 'E') {
		j := i + 1
		if j < len(rest) && (rest[j] == '+' || rest[j] == '-') {
			j++
		}
		if j < len(rest) && isDigit(rest[j]) {
			for j < len(rest) && isDigit(rest[j]) {
				j++
			}
			i = j
		}
	}
	l.pos += i
	return node{kind: kindNumber, text: rest[:i]}
}

func (l *lexer) quotedName() (node, error) {
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
		return node{kind: kindQuoted, text: b.String()}, nil
	}
	return node{}, syntaxError("parse error: unterminated quoted identifier")
}
