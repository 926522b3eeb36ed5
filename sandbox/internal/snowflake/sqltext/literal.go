package sqltext

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// Literal returns text as a DuckDB string literal.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// Identifier returns a quoted identifier.
func Identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quotedString reads a 'string', in which a backslash escapes.
func (l *lexer) quotedString() (Node, error) {
	rest := l.rest()
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && i+1 < len(rest):
			text, used := unescape(rest[i+1:])
			b.WriteString(text)
			i += used
		case c == '\'' && i+1 < len(rest) && rest[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\'':
			l.pos += i + 1
			return Node{Kind: KindString, Text: b.String()}, nil
		default:
			b.WriteByte(c)
		}
	}
	return Node{}, sferr.Syntax("parse error: unterminated string")
}

// unescape decodes what follows a backslash and says how many bytes that was.
func unescape(rest string) (string, int) {
	switch rest[0] {
	case 'n':
		return "\n", 1
	case 't':
		return "\t", 1
	case 'r':
		return "\r", 1
	case 'b':
		return "\b", 1
	case 'f':
		return "\f", 1
	case '0':
		return "\x00", 1
	case 'x':
		if len(rest) >= 3 {
			if v, err := strconv.ParseUint(rest[1:3], 16, 8); err == nil {
				return string(rune(v)), 3
			}
		}
	case 'u':
		if len(rest) >= 5 {
			if v, err := strconv.ParseUint(rest[1:5], 16, 32); err == nil {
				return string(rune(v)), 5
			}
		}
	}
	r, size := utf8.DecodeRuneInString(rest)
	return string(r), size
}

// Emit joins nodes to DuckDB SQL.
func Emit(nodes []Node) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch n.Kind {
		case KindWord:
			b.WriteString(strings.ToUpper(n.Text))
		case KindQuoted:
			b.WriteString(Identifier(n.Text))
		case KindString:
			b.WriteString(Literal(n.Text))
		case KindGroup:
			b.WriteString("(" + Emit(n.Kids) + ")")
		case KindIndex:
			b.WriteString("[" + Emit(n.Kids) + "]")
		default:
			b.WriteString(n.Text)
		}
	}
	return b.String()
}

// SplitComma splits a list of nodes at its commas; commas in brackets do not count.
func SplitComma(nodes []Node) [][]Node {
	if len(nodes) == 0 {
		return nil
	}
	var out [][]Node
	start := 0
	for i, n := range nodes {
		if n.IsOp(",") {
			out = append(out, nodes[start:i])
			start = i + 1
		}
	}
	return append(out, nodes[start:])
}
