// Package scaffold writes what a new import begins with: the SQL that Snowflake's
// administrator runs, and definition files with a suggested mapping. It asks nobody and
// reads nothing: the same input gives the same text.
package scaffold

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Name is a name in Snowflake, part by part, each as Snowflake stores it.
type Name []string

var plainPart = regexp.MustCompile(`^[A-Z_][A-Z0-9_$]*$`)

// ParseName reads a name as SQL has it: parts in double quotes keep their letters, others
// are stored in capital letters.
func ParseName(text string, most int) (Name, error) {
	var out Name
	for rest := text; ; {
		part, after, err := firstPart(rest)
		if err != nil {
			return nil, fmt.Errorf("%q is no name in Snowflake: %w", text, err)
		}
		out = append(out, part)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	if len(out) > most {
		return nil, fmt.Errorf("%q is no name in Snowflake: it has more than %d parts", text, most)
	}
	return out, nil
}

func firstPart(text string) (part, after string, err error) {
	var b strings.Builder
	quoted := strings.HasPrefix(text, `"`)
	if !quoted {
		end := strings.IndexByte(text+".", '.')
		b.WriteString(strings.ToUpper(text[:end]))
		after = text[end:]
		if b.Len() > 0 && !plainPart.MatchString(b.String()) {
			return "", "", fmt.Errorf("write %q in double quotes", text[:end])
		}
	} else if after, err = quotedPart(&b, text[1:]); err != nil {
		return "", "", err
	}
	switch part := b.String(); {
	case part == "":
		return "", "", errors.New("a part of it is empty")
	case strings.ContainsFunc(part, unicode.IsControl):
		// It would end the line of a comment.
		return "", "", errors.New("it holds a control character")
	case len(part) > 255:
		return "", "", errors.New("a part of it is longer than 255 bytes")
	}
	return b.String(), after, nil
}

// quotedPart reads what follows an opening quote.
func quotedPart(b *strings.Builder, text string) (after string, err error) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '"':
			b.WriteByte(text[i])
		case strings.HasPrefix(text[i+1:], `"`):
			b.WriteByte('"')
			i++
		case text[i+1:] == "" || text[i+1] == '.':
			return text[i+1:], nil
		default:
			return "", errors.New("something follows a closing quote")
		}
	}
	return "", errors.New("a quote is not closed")
}

// SQL writes the name with every part in quotes, so that no word in it is a keyword.
func (n Name) SQL() string {
	parts := make([]string, len(n))
	for i, p := range n {
		parts[i] = quote(p)
	}
	return strings.Join(parts, ".")
}

// Setting writes the name as a definition has it, with quotes where they are needed.
func (n Name) Setting() string {
	parts := make([]string, len(n))
	for i, p := range n {
		if parts[i] = p; !plainPart.MatchString(p) {
			parts[i] = quote(p)
		}
	}
	return strings.Join(parts, ".")
}

func quote(part string) string { return `"` + strings.ReplaceAll(part, `"`, `""`) + `"` }

// literal writes a text in SQL.
func literal(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "'", "''") + "'"
}

var plainScalar = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./$-]*( [A-Za-z0-9_./$-]+)*$`)

// scalar writes a text in YAML, in quotes unless it can be nothing else than a text.
func scalar(text string) string {
	switch strings.ToLower(text) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
	default:
		if plainScalar.MatchString(text) {
			return text
		}
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return `""` // a string always has a JSON form
	}
	return string(raw)
}

// comment writes a text as one line of a comment.
func comment(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}
