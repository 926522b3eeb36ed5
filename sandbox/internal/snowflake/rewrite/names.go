package rewrite

import (
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// IsKeyword reports whether a word is never a column or a function.
func IsKeyword(word string) bool {
	switch word {
	case "SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION",
		"ALL", "EXCEPT", "INTERSECT", "WITH", "RECURSIVE", "AS", "ON", "USING", "JOIN", "INNER", "LEFT", "RIGHT", "FULL",
		"OUTER", "CROSS", "NATURAL", "LATERAL", "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "ESCAPE", "BETWEEN",
		"EXISTS", "CASE", "WHEN", "THEN", "ELSE", "END", "DISTINCT", "ASC", "DESC", "NULLS", "FIRST", "LAST", "TRUE", "FALSE",
		"INSERT", "INTO", "VALUES", "UPDATE", "SET", "DELETE", "MERGE", "MATCHED", "OVER", "PARTITION", "ROWS", "RANGE",
		"PRECEDING", "FOLLOWING", "UNBOUNDED", "CURRENT", "ROW", "FILTER", "WITHIN", "WINDOW", "ANY", "SOME",
		"DEFAULT", "EXCLUDE", "SAMPLE", "TABLESAMPLE", "TOP", "COLLATE", "ROLLUP", "CUBE", "GROUPING", "SETS":
		return true
	}
	return false
}

// endsSelectList reports whether a node ends the list of a SELECT.
func endsSelectList(n sqltext.Node) bool {
	return n.IsWord("FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH",
		"UNION", "EXCEPT", "MINUS", "INTERSECT", "INTO", "WINDOW")
}

// nameExpressions gives every unnamed expression of a SELECT the name Snowflake gives it:
// its own text, in upper case outside quotes.
func (r *Rewriter) nameExpressions(in []sqltext.Node) []sqltext.Node {
	var out []sqltext.Node
	for i := 0; i < len(in); {
		out = append(out, in[i])
		if !in[i].IsWord("SELECT") {
			i++
			continue
		}
		i++
		for i < len(in) && in[i].IsWord("DISTINCT", "ALL") {
			out = append(out, in[i])
			i++
		}
		limit := ""
		if i+1 < len(in) && in[i].IsWord("TOP") && in[i+1].Kind == sqltext.KindNumber {
			limit = in[i+1].Text
			i += 2
		}
		end := i
		for end < len(in) && (!endsSelectList(in[end]) || end > i && in[end-1].IsWord("DISTINCT", "WITHIN")) {
			end++
		}
		items := sqltext.SplitComma(in[i:end])
		r.noteDuplicates(items, in[end:])
		for k, item := range items {
			if k > 0 {
				out = append(out, sqltext.Node{Kind: sqltext.KindOp, Text: ","})
			}
			out = append(out, r.withName(item)...)
		}
		if limit != "" {
			in = append(append([]sqltext.Node{}, in...), sqltext.Node{Kind: sqltext.KindWord, Text: "LIMIT"}, sqltext.Node{Kind: sqltext.KindNumber, Text: limit})
		}
		i = end
	}
	return out
}

// withName appends AS "name" to an expression without one.
func (r *Rewriter) withName(item []sqltext.Node) []sqltext.Node {
	if len(item) == 0 {
		return item
	}
	tail := item[len(item)-1]
	if IsStar(item) || IsColumn(item) {
		return item
	}
	if len(item) > 1 && tail.IsName() && !isOperand(item[len(item)-2]) && !tail.IsWord("END", "NULL", "TRUE", "FALSE") {
		alias, body := tail, item[:len(item)-1]
		if body[len(body)-1].IsWord("AS") {
			body = body[:len(body)-1]
		}
		r.noteAlias(alias.Name(), body)
		named := append([]sqltext.Node{}, body...)
		return append(named, sqltext.Node{Kind: sqltext.KindWord, Text: "AS"}, sqltext.Raw(r.env.Spelling.Identifier(alias.Name())))
	}
	text := upperOutsideQuotes(r.env.Src[item[0].Pos:tail.End])
	full := append([]sqltext.Node{}, item...)
	return append(full, sqltext.Node{Kind: sqltext.KindWord, Text: "AS"}, sqltext.Raw(sqltext.Identifier(text)))
}

// isOperand reports whether the expression continues after the node, so that the next word
// is no alias.
func isOperand(n sqltext.Node) bool {
	if n.Kind == sqltext.KindOp {
		return true
	}
	return n.IsWord("AND", "OR", "NOT", "IS", "LIKE", "ILIKE", "ESCAPE", "BETWEEN", "IN", "DISTINCT", "WHEN", "THEN", "ELSE", "CASE", "COLLATE")
}

// IsStar reports whether an item of a select list is * or a.*.
func IsStar(item []sqltext.Node) bool {
	for _, n := range item {
		if n.IsWord("EXCLUDE", "RENAME") {
			return len(item) > 1
		}
	}
	return item[len(item)-1].IsOp("*") && (len(item) == 1 || item[len(item)-2].IsOp("."))
}

// IsColumn reports whether an item is only a column, possibly qualified.
func IsColumn(item []sqltext.Node) bool {
	for i, n := range item {
		if i%2 == 1 && !n.IsOp(".") || i%2 == 0 && !n.IsName() {
			return false
		}
	}
	if len(item) == 1 && item[0].Kind == sqltext.KindWord {
		word := item[0].Word()
		return !IsKeyword(word) && !isContextWord(word)
	}
	return len(item)%2 == 1
}

// noteAlias records the kind of a named value, for comparisons outside of the subquery.
func (r *Rewriter) noteAlias(name string, body []sqltext.Node) {
	r.Named[name] = true
	kind := sqltext.ValueUnknown
	switch {
	case IsColumn(body):
		kind = r.kindOf(body[len(body)-1].Name())
	case len(body) >= 2 && body[len(body)-1].Kind == sqltext.KindGroup && body[len(body)-2].Kind == sqltext.KindWord && len(body) == 2:
		kind = callKind(body[0].Word(), body[1])
	default:
		for i, n := range body {
			if n.IsOp("::") {
				if t, used, err := sftype.Parse(body[i+1:]); err == nil && i+1+used == len(body) {
					kind = t.ValueKind()
				}
			}
		}
	}
	if kind != sqltext.ValueUnknown {
		r.aliases[name] = kind
	}
}

func callKind(name string, group sqltext.Node) sqltext.ValueKind {
	switch name {
	case "TO_TIMESTAMP_LTZ", "TRY_TO_TIMESTAMP_LTZ":
		return sqltext.ValueLTZ
	case "TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_TZ":
		return sqltext.ValueTZ
	case "PARSE_JSON", "TO_VARIANT", "OBJECT_CONSTRUCT", "ARRAY_CONSTRUCT":
		return sqltext.ValueVariant
	case "CAST", "TRY_CAST":
		for i, n := range group.Kids {
			if n.IsWord("AS") {
				if t, _, err := sftype.Parse(group.Kids[i+1:]); err == nil {
					return t.ValueKind()
				}
			}
		}
	}
	return sqltext.ValueUnknown
}

func upperOutsideQuotes(s string) string {
	var b strings.Builder
	quote := rune(0)
	for _, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			b.WriteRune(c)
		case c == '\'' || c == '"':
			quote = c
			b.WriteRune(c)
		default:
			b.WriteString(strings.ToUpper(string(c)))
		}
	}
	return b.String()
}
