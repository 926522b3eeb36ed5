package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// For DuckDB two names that differ only in case are the same; for Snowflake they are not.
// If a statement or a table has both, all but one get a suffix in DuckDB.

// caseMark separates a name from the suffix, the positions of its lower-case letters.
const caseMark = "\x01"

// Marked returns a name with the suffix, so that DuckDB tells it from its other spellings.
func Marked(name string) string {
	mask := uint64(0)
	for i, r := range []rune(name) {
		if strings.ToUpper(string(r)) != string(r) {
			mask |= 1 << (i % 64)
		}
	}
	return fmt.Sprintf("%s%s%x", name, caseMark, mask)
}

// Unmarked returns a name without the suffix, as Snowflake has it.
func Unmarked(name string) string {
	name, _, _ = strings.Cut(name, caseMark)
	return name
}

// UnmarkedText removes the suffixes of names from a message.
func UnmarkedText(text string) string {
	for {
		at := strings.Index(text, caseMark)
		if at < 0 {
			return text
		}
		end := at + 1
		for end < len(text) && strings.IndexByte("0123456789abcdef", text[end]) >= 0 {
			end++
		}
		text = text[:at] + text[end:]
	}
}

// Spelling translates the names of a statement to their forms in DuckDB.
type Spelling struct {
	forms map[string]string // where it differs from the name
}

// NewSpelling takes the names that a statement mentions and those of the tables it reads
// with their forms in DuckDB.
func NewSpelling(mentioned map[string]bool, stored map[string]string) Spelling {
	s := Spelling{forms: map[string]string{}}
	classes := map[string][]string{}
	add := func(name string) {
		key := strings.ToLower(name)
		classes[key] = append(classes[key], name)
	}
	for name, form := range stored {
		if form != name {
			s.forms[name] = form
		}
		add(name)
	}
	for name := range mentioned {
		if _, ok := stored[name]; !ok {
			add(name)
		}
	}
	for _, names := range classes {
		if len(names) < 2 {
			continue
		}
		for _, name := range names {
			if _, ok := stored[name]; !ok {
				s.forms[name] = Marked(name)
			}
		}
	}
	return s
}

// Identifier returns the quoted name for DuckDB.
func (s Spelling) Identifier(name string) string {
	if form, ok := s.forms[name]; ok {
		return sqltext.Identifier(form)
	}
	return sqltext.Identifier(name)
}
