package snowflake

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// sqlString is text as a DuckDB string literal.
func sqlString(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// sqlName is a quoted identifier.
func sqlName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quotedString reads a 'string', in which Snowflake knows backslash escapes.
func (l *lexer) quotedString() (node, error) {
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
			return node{kind: kindString, text: b.String()}, nil
		default:
			b.WriteByte(c)
		}
	}
	return node{}, syntaxError("parse error: unterminated string")
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

// emit joins nodes to DuckDB SQL.
func emit(nodes []node) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch n.kind {
		case kindWord:
			b.WriteString(strings.ToUpper(n.text))
		case kindQuoted:
			b.WriteString(sqlName(n.text))
		case kindString:
			b.WriteString(sqlString(n.text))
		case kindGroup:
			b.WriteString("(" + emit(n.kids) + ")")
		case kindIndex:
			b.WriteString("[" + emit(n.kids) + "]")
		default:
			b.WriteString(n.text)
		}
	}
	return b.String()
}

// splitComma cuts a list of nodes at its own commas.
func splitComma(nodes []node) [][]node {
	if len(nodes) == 0 {
		return nil
	}
	var out [][]node
	start := 0
	for i, n := range nodes {
		if n.isOp(",") {
			out = append(out, nodes[start:i])
			start = i + 1
		}
	}
	return append(out, nodes[start:])
}
