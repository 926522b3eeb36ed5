package sqlguard

import (
	"slices"
	"strings"
)

// heads begin statements that are not queries, or commands of scripting.
var heads = []string{
	"ALTER", "BEGIN", "CALL", "CLOSE", "COMMENT", "COMMIT", "COPY", "CREATE", "DECLARE", "DELETE", "DESC", "DESCRIBE", "DROP",
	"EXECUTE", "EXPLAIN", "FETCH", "GET", "GRANT", "INSERT", "LET", "LIST", "LS", "MERGE", "OPEN", "PUT", "REMOVE", "RETURN", "REVOKE",
	"RM", "ROLLBACK", "SET", "SHOW", "START", "TRUNCATE", "UNDROP", "UNSET", "UPDATE", "UPSERT", "USE",
}

// reserved heads are reserved words: they name neither column nor table, so that
// they have no place in a query but behind a dot or a path's colon.
var reserved = []string{"ALTER", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "REVOKE", "UPDATE"}

// onStages are the heads whose statements name a stage or a file first.
var onStages = []string{"COPY", "GET", "LIST", "LS", "PUT", "REMOVE", "RM"}

// afterColumn are words that can follow a column's or a table's name inside
// parentheses.
var afterColumn = []string{
	"AND", "AS", "ASC", "ASOF", "AT", "BETWEEN", "COLLATE", "CROSS", "DESC", "ELSE", "END", "EXCEPT", "FOR", "FROM", "FULL", "GROUP", "HAVING", "IGNORE", "ILIKE",
	"IN", "INNER", "INTERSECT", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "MINUS", "NATURAL", "NOT", "NULLS", "ON", "OR", "ORDER", "OVER", "PARTITION", "QUALIFY", "RANGE",
	"REGEXP", "RESPECT", "RIGHT", "RLIKE", "ROWS", "SEPARATOR", "THEN", "UNION", "USING", "WHEN", "WHERE", "WITHIN",
}

// beforeQuery are words that open a parenthesis in which a query can stand; any
// other word before one is a function's name, whose arguments are values.
var beforeQuery = []string{
	"ALL", "AND", "ANY", "AS", "BY", "CASE", "DISTINCT", "ELSE", "EXCEPT", "EXISTS", "FROM", "HAVING", "IN", "INTERSECT", "JOIN", "LATERAL", "LIKE", "MINUS", "NOT", "ON", "OR",
	"QUALIFY", "SELECT", "SOME", "TABLE", "THEN", "UNION", "USING", "VALUES", "WHEN", "WHERE", "WITH",
}

// forbidden looks at one token and its neighbours.
func forbidden(tokens []token, i int) string {
	t, next := tokens[i], token{}
	if i+1 < len(tokens) {
		next = tokens[i+1]
	}
	switch {
	case t.is(";"):
		return "only one statement is allowed; this semicolon starts another"
	case t.is("->>"):
		return "the ->> chain is not allowed"
	case t.is("?"):
		return "a ? placeholder is not allowed; there is nothing to bind"
	case t.is(":") && next.kind == kindWord && next.at == t.end && isDigit(next.text[0]):
		return "a :n placeholder is not allowed; there is nothing to bind"
	case t.kind == kindWord && len(t.text) > 1 && t.text[0] == '$' && isDigit(t.text[1]) && i > 0 && (tokens[i-1].is("FROM") || tokens[i-1].is("JOIN")):
		return "a $n reference is a column, not a table"
	case t.is("{") && (next.is("{") || i > 0 && tokens[i-1].is("&")) && adjacent(tokens, i, next), t.is("<") && next.is("%") && next.at == t.end:
		return "a template is not SQL; render it before"
	case t.is("X") && next.kind == kindString && next.at == t.end && strings.Trim(next.text, "0123456789abcdefABCDEF") != "":
		return "X'…' holds hexadecimal digits"
	case next.kind == kindString && next.at == t.end && t.kind == kindWord && (isDigit(t.text[0]) || t.text[0] == '$'):
		return "a text directly behind a number is read in two ways; put a blank before it"
	case next.kind == kindString && next.at == t.end && t.kind == kindWord && len(t.text) == 1 && t.text != "X" && strings.Contains(next.text, `\`):
		return "a letter before a text with a backslash is read in two ways; put a blank between them"
	case (t.kind == kindWord || t.kind == kindQuoted) && strings.HasPrefix(strings.ToUpper(t.text), "SYSTEM$"):
		return "SYSTEM$ functions are not allowed"
	case drawsFromSequence(tokens, i):
		return "drawing from a sequence is not read-only"
	case t.names("IDENTIFIER") && next.is("("):
		return identifierFunction(tokens, i)
	case t.kind == kindWord && slices.Contains(reserved, t.text) && !isMember(tokens, i) && !(t.text == "INSERT" && next.is("(")):
		return t.text + " is not allowed; a query only reads"
	case t.is("CALL") && isCall(tokens, i):
		return "CALL is not allowed; a query only reads"
	case t.is("(") && startsStatement(tokens, i+1):
		return next.text + " is not allowed; a query only reads"
	}
	return ""
}

// adjacent reports whether {{ or &{ stand without a blank.
func adjacent(tokens []token, i int, next token) bool {
	return next.is("{") && next.at == tokens[i].end || i > 0 && tokens[i-1].end == tokens[i].at
}

// drawsFromSequence reports whether a sequence's next value is at i. In quotes
// only NEXTVAL itself is one: "nextval" is a column.
func drawsFromSequence(tokens []token, i int) bool {
	t := tokens[i]
	if t.names("GETNEXTVAL") {
		return true
	}
	if i == 0 || !tokens[i-1].is(".") {
		return false
	}
	return t.kind == kindWord && t.text == "NEXTVAL" || t.kind == kindQuoted && t.text == "NEXTVAL"
}

// identifierFunction refuses the forms of IDENTIFIER whose text names more than
// a table or a column: a SYSTEM$ function, a procedure, a sequence's next value.
func identifierFunction(tokens []token, i int) string {
	if tokens[skipGroup(tokens, i+1)].is("(") {
		return "a function named by IDENTIFIER is not allowed"
	}
	named := tokens[i+2]
	if named.kind != kindString {
		return ""
	}
	switch text := strings.ToUpper(named.text); {
	case strings.Contains(text, "NEXTVAL"):
		return "drawing from a sequence is not read-only"
	case strings.Contains(text, "SYSTEM$"):
		return "SYSTEM$ functions are not allowed"
	}
	return ""
}

// isMember reports whether the word at i is what stands behind a dot, or behind
// the colon of a path such as v:delete.
func isMember(tokens []token, i int) bool {
	switch {
	case i == 0:
		return false
	case tokens[i-1].is("."):
		return true
	case !tokens[i-1].is(":") || i < 2:
		return false
	}
	before := tokens[i-2]
	return before.kind == kindWord || before.kind == kindQuoted || before.is("]") || before.is(")")
}

// isCall reports whether CALL at i is followed by a procedure and its arguments.
func isCall(tokens []token, i int) bool {
	if isMember(tokens, i) || i > 0 && tokens[i-1].is("AS") {
		return false
	}
	j := i + 1
	if tokens[j].kind != kindQuoted && (tokens[j].kind != kindWord || slices.Contains([]string{"AND", "BETWEEN", "ILIKE", "IN", "IS", "LIKE", "NOT", "OR", "OVER"}, tokens[j].text)) {
		return false
	}
	for tokens[j].kind == kindWord || tokens[j].kind == kindQuoted {
		j++
		if !tokens[j].is(".") {
			break
		}
		j++
	}
	return tokens[j].is("(")
}

// startsStatement reports whether a head stands at i, behind a parenthesis, as
// the start of a statement rather than as a function, a column or a table.
func startsStatement(tokens []token, i int) bool {
	if i+1 >= len(tokens) || tokens[i].kind != kindWord || !slices.Contains(heads, tokens[i].text) {
		return false
	}
	head, next := tokens[i].text, tokens[i+1]
	switch {
	case slices.Contains(onStages, head) && (next.kind == kindStage || next.kind == kindString):
		return true
	case isArgument(tokens, i-1):
		return false
	case head == "COMMENT":
		return next.is("ON") && tokens[min(i+2, len(tokens)-1)].kind == kindWord && !slices.Contains(afterColumn, tokens[min(i+2, len(tokens)-1)].text) || next.is("IF")
	case head == "COMMIT" || head == "ROLLBACK":
		return i >= 2 && tokens[i-2].is("FROM") && next.is(")")
	}
	switch next.kind {
	case kindQuoted:
		return true
	case kindWord:
		return head == "EXECUTE" || !slices.Contains(afterColumn, next.text) && !isDigit(next.text[0])
	}
	return false
}

// isArgument reports whether the parenthesis at i holds a function's arguments.
func isArgument(tokens []token, i int) bool {
	if i == 0 {
		return false
	}
	before := tokens[i-1]
	return before.kind == kindQuoted || before.kind == kindWord && !isDigit(before.text[0]) && !slices.Contains(beforeQuery, before.text)
}
