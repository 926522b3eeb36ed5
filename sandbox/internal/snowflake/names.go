package snowflake

import "strings"

// isKeyword tells the words that are never a column or a function.
func isKeyword(word string) bool {
	switch word {
	case "SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION",
		"ALL", "EXCEPT", "INTERSECT", "WITH", "RECURSIVE", "AS", "ON", "USING", "JOIN", "INNER", "LEFT", "RIGHT", "FULL",
		"OUTER", "CROSS", "NATURAL", "LATERAL", "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "ESCAPE", "BETWEEN",
		"EXISTS", "CASE", "WHEN", "THEN", "ELSE", "END", "DISTINCT", "ASC", "DESC", "NULLS", "FIRST", "LAST", "TRUE", "FALSE",
		"INSERT", "INTO", "VALUES", "UPDATE", "SET", "DELETE", "MERGE", "MATCHED", "OVER", "PARTITION", "ROWS", "RANGE",
		"PRECEDING", "FOLLOWING", "UNBOUNDED", "CURRENT", "ROW", "FILTER", "WITHIN", "WINDOW", "ANY", "SOME",
		"DEFAULT", "EXCLUDE", "TABLESAMPLE", "TOP", "COLLATE", "ROLLUP", "CUBE", "GROUPING", "SETS":
		return true
	}
	return false
}

// endsSelectList tells the words that end the list of a SELECT.
func endsSelectList(n node) bool {
	return n.isWord("FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH",
		"UNION", "EXCEPT", "MINUS", "INTERSECT", "INTO", "WINDOW")
}

// nameExpressions gives every unnamed expression of a SELECT the name Snowflake gives it:
// its own text, in upper case outside quotes.
func (r *rewriter) nameExpressions(in []node) []node {
	var out []node
	for i := 0; i < len(in); {
		out = append(out, in[i])
		if !in[i].isWord("SELECT") {
			i++
			continue
		}
		i++
		for i < len(in) && in[i].isWord("DISTINCT", "ALL") {
			out = append(out, in[i])
			i++
		}
		end := i
		for end < len(in) && (!endsSelectList(in[end]) || in[end-1].isWord("DISTINCT") && end > i) {
			end++
		}
		for k, item := range splitComma(in[i:end]) {
			if k > 0 {
				out = append(out, node{kind: kindOp, text: ","})
			}
			out = append(out, r.withName(item)...)
		}
		i = end
	}
	return out
}

// withName appends AS "name" to an expression without one.
func (r *rewriter) withName(item []node) []node {
	if len(item) == 0 {
		return item
	}
	tail := item[len(item)-1]
	if isStar(item) || isColumn(item) {
		return item
	}
	if len(item) > 1 && tail.isName() && !isOperand(item[len(item)-2]) && !tail.isWord("END", "NULL", "TRUE", "FALSE") {
		alias, body := tail, item[:len(item)-1]
		if body[len(body)-1].isWord("AS") {
			body = body[:len(body)-1]
		}
		r.noteAlias(alias.name(), body)
		named := append([]node{}, body...)
		return append(named, node{kind: kindWord, text: "AS"}, raw(sqlName(alias.name())))
	}
	text := upperOutsideQuotes(r.env.src[item[0].pos:tail.end])
	full := append([]node{}, item...)
	return append(full, node{kind: kindWord, text: "AS"}, raw(sqlName(text)))
}

// isOperand tells that what follows cannot be an alias but belongs to the expression.
func isOperand(n node) bool {
	if n.kind == kindOp {
		return true
	}
	return n.isWord("AND", "OR", "NOT", "IS", "LIKE", "ILIKE", "ESCAPE", "BETWEEN", "IN", "DISTINCT", "WHEN", "THEN", "ELSE", "CASE", "COLLATE")
}

func isStar(item []node) bool {
	for _, n := range item {
		if n.isWord("EXCLUDE") {
			return true
		}
	}
	return item[len(item)-1].isOp("*") && (len(item) == 1 || item[len(item)-2].isOp("."))
}

// isColumn tells a plain, possibly qualified column.
func isColumn(item []node) bool {
	for i, n := range item {
		if i%2 == 1 && !n.isOp(".") || i%2 == 0 && !n.isName() {
			return false
		}
	}
	if len(item) == 1 && item[0].kind == kindWord {
		word := item[0].word()
		return !isKeyword(word) && !isContextWord(word)
	}
	return len(item)%2 == 1
}

// noteAlias remembers the kind of a named value, for comparisons outside the subquery.
func (r *rewriter) noteAlias(name string, body []node) {
	r.named[name] = true
	kind := valueUnknown
	switch {
	case isColumn(body):
		kind = r.kindOf(body[len(body)-1].name())
	case len(body) >= 2 && body[len(body)-1].kind == kindGroup && body[len(body)-2].kind == kindWord && len(body) == 2:
		kind = callKind(body[0].word(), body[1])
	default:
		for i, n := range body {
			if n.isOp("::") {
				if t, used, err := parseType(body[i+1:]); err == nil && i+1+used == len(body) {
					kind = t.value()
				}
			}
		}
	}
	if kind != valueUnknown {
		r.aliases[name] = kind
	}
}

func callKind(name string, group node) valueKind {
	switch name {
	case "TO_TIMESTAMP_LTZ", "TRY_TO_TIMESTAMP_LTZ":
		return valueLTZ
	case "TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_TZ":
		return valueTZ
	case "PARSE_JSON", "TO_VARIANT", "OBJECT_CONSTRUCT", "ARRAY_CONSTRUCT":
		return valueVariant
	case "CAST", "TRY_CAST":
		for i, n := range group.kids {
			if n.isWord("AS") {
				if t, _, err := parseType(group.kids[i+1:]); err == nil {
					return t.value()
				}
			}
		}
	}
	return valueUnknown
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
