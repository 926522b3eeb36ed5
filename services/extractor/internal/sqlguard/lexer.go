package sqlguard

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

type kind int

const (
	kindEnd    kind = iota
	kindWord        // a bare name, keyword or number
	kindQuoted      // a name in double quotes; text is what is between them
	kindString
	kindSymbol // one character, or ->>
	kindStage  // @stage/path
)

type token struct {
	kind kind
	text string // of a word: upper case
	at   int    // byte offset
	end  int
}

// is reports whether t is the symbol or word s (in upper case).
func (t token) is(s string) bool {
	return (t.kind == kindWord || t.kind == kindSymbol) && t.text == s
}

// names reports whether t is the name s (in upper case), bare or in quotes. An
// account can have quoted names without regard to case as well.
func (t token) names(s string) bool {
	return t.kind == kindWord && t.text == s || t.kind == kindQuoted && strings.EqualFold(t.text, s)
}

// symbols are the characters that a query can have between its words. What is
// not here has no meaning in a SELECT, or one that this lexer does not know.
const symbols = `()[]{},.+-*/%<>=!|&^~:?;`

type lexer struct {
	src    string
	pos    int
	blanks []span // unusual spaces outside of texts, names and comments
}

type span struct{ at, end int }

// lex splits a statement into tokens, comments left out. It reads what
// Snowflake reads: a difference would let text hide from the rules.
func lex(src string) ([]token, error) {
	l := &lexer{src: src}
	return l.all()
}

func (l *lexer) all() ([]token, error) {
	var out []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		if t.kind == kindEnd {
			return append(out, t), nil
		}
		out = append(out, t)
	}
}

// plain replaces spaces such as the no-break space, which editors and web pages
// leave in a query, by plain ones, so that what Snowflake reads is what was read
// here. Texts, names and comments stay as they are.
func plain(src string) (string, error) {
	l := &lexer{src: src}
	if _, err := l.all(); err != nil || len(l.blanks) == 0 {
		return src, err
	}
	var out strings.Builder
	at := 0
	for _, b := range l.blanks {
		out.WriteString(src[at:b.at] + " ")
		at = b.end
	}
	out.WriteString(src[at:])
	return out.String(), nil
}

func (l *lexer) next() (token, error) {
	if err := l.skipBlanks(); err != nil {
		return token{}, err
	}
	at := l.pos
	if at >= len(l.src) {
		return token{kind: kindEnd, at: at, end: at}, nil
	}
	rest := l.src[at:]
	switch c := rest[0]; {
	case c == '\'':
		return l.quoted(kindString, '\'', "a text in single quotes has no end")
	case c == '"':
		return l.quoted(kindQuoted, '"', "a name in double quotes has no end")
	case strings.HasPrefix(rest, "$$"):
		n := strings.Index(rest[2:], "$$")
		if n < 0 {
			return token{}, l.errorAt(at, "a text in $$ has no end")
		}
		return l.take(kindString, n+4, rest[2:n+2]), nil
	case c == '@':
		return l.stage()
	case strings.HasPrefix(rest, "->>"):
		return l.take(kindSymbol, 3, "->>"), nil
	case c == '$' || isWord(rune(c)) && c < utf8.RuneSelf:
		return l.word()
	case strings.IndexByte(symbols, c) >= 0:
		return l.take(kindSymbol, 1, rest[:1]), nil
	}
	if r, _ := utf8.DecodeRuneInString(rest); unicode.IsLetter(r) {
		return l.word()
	}
	return token{}, l.errorAt(at, "this character has no place in a query")
}

func (l *lexer) take(k kind, n int, text string) token {
	t := token{kind: k, text: text, at: l.pos, end: l.pos + n}
	l.pos += n
	return t
}

// quoted reads a text or a name. In both a doubled quote stands for one; in a
// text a backslash takes the next character's meaning away.
func (l *lexer) quoted(k kind, quote byte, unfinished string) (token, error) {
	at := l.pos
	for i := at + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '\\' && quote == '\'':
			i++
		case c == quote && i+1 < len(l.src) && l.src[i+1] == quote:
			i++
		case c == quote:
			return l.take(k, i+1-at, l.src[at+1:i]), nil
		}
	}
	return token{}, l.errorAt(at, unfinished)
}

// stage reads the name of a stage and its path. A path may hold -- and //, which
// begin a comment elsewhere, and whatever else stands in it unquoted is read in
// two ways: such a path has to be quoted.
func (l *lexer) stage() (token, error) {
	const quoteIt = "write this stage and its path in single quotes, such as '@stage/path'"
	n := 1
	for n < len(l.src)-l.pos {
		c := l.src[l.pos+n]
		if !isStage(c) {
			break
		}
		n++
	}
	text := l.src[l.pos : l.pos+n]
	if n == 1 && !strings.HasPrefix(l.src[l.pos+1:], `"`) || strings.Contains(text, "--") || strings.Contains(text, "//") || strings.Contains(text, "$$") {
		return token{}, l.errorAt(l.pos, quoteIt)
	}
	if rest := l.src[l.pos+n:]; rest != "" && strings.IndexByte(" \t\n\r(),;)\"", rest[0]) < 0 {
		return token{}, l.errorAt(l.pos, quoteIt)
	}
	return l.take(kindStage, n, ""), nil
}

func isStage(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_$.~%/=-", c) >= 0
}

// word reads a name, a keyword or a number. Its text is in the upper case of a
// reader that knows compatibility characters: some readers upper-case a ligature
// into two letters, and a name must not hide behind one.
func (l *lexer) word() (token, error) {
	n := len(l.src) - l.pos
	for i, r := range l.src[l.pos:] {
		if !isWord(r) && r != '$' {
			n = i
			break
		}
	}
	text := l.src[l.pos : l.pos+n]
	if i := strings.Index(text, "$$"); i >= 0 {
		return token{}, l.errorAt(l.pos+i, "a $$ directly behind a name or a number is read in two ways; put a blank before it")
	}
	return l.take(kindWord, n, strings.ToUpper(norm.NFKC.String(text))), nil
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

func (l *lexer) skipBlanks() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.IndexByte(" \t\n\r\f\v", rest[0]) >= 0:
			l.pos++
		case rest[0] >= utf8.RuneSelf && l.skipSpace(rest):
		case strings.HasPrefix(rest, "//") && l.pos > 0 && strings.IndexByte(" \t\r\n)", l.src[l.pos-1]) < 0:
			return l.errorAt(l.pos, "a // directly behind something is read in two ways; put a blank before it, or begin the comment with --")
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"):
			line, _, _ := strings.Cut(rest, "\n")
			// What ends a line for one reader and not for another could hide
			// a statement in a comment.
			if i := strings.IndexAny(strings.TrimSuffix(line, "\r"), "\r\v\f\u0085\u2028\u2029"); i >= 0 {
				return l.errorAt(l.pos+i, "a line comment holds an unusual line break")
			}
			l.pos += len(line)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return l.errorAt(l.pos, "a /* comment has no end")
			}
			if i := strings.Index(rest[2:2+n], "/*"); i >= 0 {
				return l.errorAt(l.pos+2+i, "a comment inside a comment is not allowed")
			}
			l.pos += n + 4
		default:
			return nil
		}
	}
	return nil
}

// byteOrderMark begins files of some editors.
const byteOrderMark = '\ufeff'

// skipSpace skips a space that is not ASCII, and a byte order mark at the begin.
func (l *lexer) skipSpace(rest string) bool {
	r, n := utf8.DecodeRuneInString(rest)
	if !unicode.Is(unicode.Zs, r) && (r != byteOrderMark || l.pos > 0) {
		return false
	}
	l.blanks = append(l.blanks, span{l.pos, l.pos + n})
	l.pos += n
	return true
}

func (l *lexer) errorAt(at int, problem string) error {
	return newError(l.src, at, problem)
}
