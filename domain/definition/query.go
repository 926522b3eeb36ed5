package definition

import (
	"strconv"
	"strings"
)

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// checkQuery finds what can never be one read-only statement, so that the
// message comes before Snowflake's. Snowflake's own check is the one that binds.
func checkQuery(f *findings, query string) {
	const path = "spec.source.query"
	word, rest := "", ""
	for i := 0; i < len(query); {
		end, code := sqlToken(query, i)
		text := query[i:end]
		i = end
		switch {
		case !code:
			continue
		case word == "" && text != "(":
			word = strings.ToLower(text)
		case text == ";":
			rest = ";"
			continue
		}
		if rest != "" {
			f.add(codeValueInvalid, path, "write one statement; there is text after the semicolon")
			return
		}
	}
	if word != "select" && word != "with" {
		f.add(codeValueInvalid, path, "a query begins with SELECT or WITH")
	}
}

// sqlToken returns where the token at i ends; code is false if it is blank or a comment.
func sqlToken(sql string, i int) (end int, code bool) {
	rest := sql[i:]
	switch {
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"):
		return i + until(rest, "\n", 2), false
	case strings.HasPrefix(rest, "/*"):
		return i + until(rest, "*/", 2), false
	case strings.HasPrefix(rest, "$$"):
		return i + until(rest, "$$", 2), true
	case rest[0] == '"':
		return i + until(rest, `"`, 1), true
	case rest[0] == '\'':
		return i + untilQuote(rest), true
	case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
		return i + 1, false
	}
	n := 0
	for n < len(rest) && isWordByte(rest[n]) {
		n++
	}
	return i + max(n, 1), true
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

func until(s, mark string, from int) int {
	if at := strings.Index(s[from:], mark); at >= 0 {
		return from + at + len(mark)
	}
	return len(s)
}

// untilQuote skips a literal with its backslashes.
func untilQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(s)
}
