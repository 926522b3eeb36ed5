// Package sqlguard lets a single read-only query through and refuses the rest.
//
// Invariant 10: it is the first of several layers; the others are the wrap as
// a sub-query, describing before running, a session without multi-statements
// and secondary roles, and a role that can only read.
package sqlguard

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error says why a query is refused and where. Line and Column count from 1.
type Error struct {
	Line, Column int
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

func newError(src string, at int, problem string) *Error {
	before := src[:min(at, len(src))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &Error{Line: line, Column: column, Problem: problem}
}

// Query checks the text of a query and returns it without a trailing semicolon.
func Query(text string) (string, error) {
	text, err := plain(text)
	if err != nil {
		return "", err
	}
	tokens, err := lex(text)
	if err != nil {
		return "", err
	}
	tokens, text = trimEnd(tokens, text)
	if tokens[0].kind == kindEnd {
		return "", newError(text, 0, "the query is empty")
	}
	for i := range tokens {
		if problem := forbidden(tokens, i); problem != "" {
			return "", newError(text, tokens[i].at, problem)
		}
	}
	if err := balanced(tokens, text); err != nil {
		return "", err
	}
	if at, problem := head(tokens, 0); problem != "" {
		return "", newError(text, tokens[at].at, problem)
	}
	for i := range tokens {
		if tokens[i].is("INTO") && !isMember(tokens, i) {
			return "", newError(text, tokens[i].at, "INTO is not allowed; a query only reads")
		}
		if !tokens[i].is("(") || !tokens[i+1].is("WITH") {
			continue
		}
		if at, problem := head(tokens, i); problem != "" {
			return "", newError(text, tokens[at].at, problem)
		}
	}
	return text, nil
}

// trimEnd drops semicolons at the end, and what follows them.
func trimEnd(tokens []token, text string) ([]token, string) {
	last := len(tokens) - 1
	cut := last
	for cut > 0 && tokens[cut-1].is(";") {
		cut--
	}
	if cut == last {
		return tokens, text
	}
	end := tokens[cut].at
	return append(slices.Clone(tokens[:cut]), token{kind: kindEnd, at: end, end: end}), text[:end]
}

func balanced(tokens []token, text string) error {
	closing := map[string]string{"(": ")", "[": "]", "{": "}"}
	var open []token
	for _, t := range tokens {
		if t.kind != kindSymbol {
			continue
		}
		switch t.text {
		case "(", "[", "{":
			open = append(open, t)
		case ")", "]", "}":
			// The sub-query around the user's text is safe only if brackets match: a
			// text such as "x) --" would close it.
			if len(open) == 0 || closing[open[len(open)-1].text] != t.text {
				return newError(text, t.at, "this "+t.text+" closes nothing")
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return newError(text, open[len(open)-1].at, "this "+open[len(open)-1].text+" is never closed")
	}
	return nil
}

// head checks that the statement at i is a SELECT, also behind WITH and inside
// parentheses. It returns the offending token's index and the problem.
func head(tokens []token, i int) (int, string) {
	for tokens[i].is("(") {
		i++
	}
	if tokens[i].is("WITH") {
		var problem string
		if i, problem = skipWith(tokens, i+1); problem != "" {
			return i, problem
		}
		for tokens[i].is("(") {
			i++
		}
	}
	if tokens[i].is("SELECT") {
		return i, ""
	}
	return i, notQuery(tokens[i])
}

func notQuery(t token) string {
	if t.kind == kindWord && !isDigit(t.text[0]) {
		return t.text + " is not allowed; a query begins with SELECT or WITH"
	}
	return "a query begins with SELECT or WITH"
}

// skipWith steps over a WITH list and returns the index of what follows it.
func skipWith(tokens []token, i int) (int, string) {
	if tokens[i].is("RECURSIVE") {
		i++
	}
	for {
		if k := tokens[i].kind; k != kindWord && k != kindQuoted {
			return i, "WITH needs a name here"
		}
		i++
		if tokens[i].is("(") {
			i = skipGroup(tokens, i)
		}
		if !tokens[i].is("AS") || !tokens[i+1].is("(") {
			return i, "WITH needs AS ( here"
		}
		inner := i + 2
		for tokens[inner].is("(") {
			inner++
		}
		if !tokens[inner].is("SELECT") && !tokens[inner].is("WITH") && !tokens[inner].is("VALUES") {
			return inner, notQuery(tokens[inner])
		}
		i = skipGroup(tokens, i+1)
		if !tokens[i].is(",") {
			return i, ""
		}
		i++
	}
}

// skipGroup returns the index behind the parenthesis that closes the one at i.
func skipGroup(tokens []token, i int) int {
	depth := 0
	for ; tokens[i].kind != kindEnd; i++ {
		if tokens[i].is("(") {
			depth++
		}
		if tokens[i].is(")") {
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// Table checks a table's name, up to three parts, bare or in double quotes.
func Table(name string) (string, error) {
	tokens, err := lex(name)
	if err != nil {
		return "", err
	}
	const form = "a table is written as NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME"
	parts := 0
	for i, t := range tokens {
		switch {
		case t.kind == kindEnd && i%2 == 1 && parts <= 3:
			return strings.TrimSpace(name), nil
		case i%2 == 0 && (t.kind == kindQuoted && t.text != "" || t.kind == kindWord && !isDigit(t.text[0]) && t.text[0] != '$'):
			parts++
		case i%2 == 1 && t.is("."):
		default:
			return "", newError(name, t.at, form)
		}
	}
	return "", newError(name, 0, form)
}

// Expression checks a scalar expression: a cursor, or what stands in for its
// NULL.
func Expression(text string) (string, error) {
	text, err := plain(text)
	if err != nil {
		return "", err
	}
	tokens, err := lex(text)
	if err != nil {
		return "", err
	}
	if tokens[0].kind == kindEnd {
		return "", newError(text, 0, "the expression is empty")
	}
	for i := range tokens {
		if problem := forbidden(tokens, i); problem != "" {
			return "", newError(text, tokens[i].at, problem)
		}
	}
	if err := balanced(tokens, text); err != nil {
		return "", err
	}
	depth := 0
	for _, t := range tokens {
		switch {
		case t.is("("), t.is("["), t.is("{"):
			depth++
		case t.is(")"), t.is("]"), t.is("}"):
			depth--
		case depth == 0 && (t.is(",") || t.is("SELECT") || t.is("FROM") || t.is("WITH")):
			return "", newError(text, t.at, "an expression gives one value; "+t.text+" has no place in it")
		}
	}
	return text, nil
}
