package rejects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExact is up to which number digits are counted exactly.
const maxExact = 20

// shapeOf describes what kind of value a column of a row holds, never the value: "12
// digits", `contains "@@"`. There are some hundred shapes at most, so that the counts by
// shape stay few. It is "" if the row does not have the column.
func shapeOf(row json.RawMessage, column string) string {
	if column == "" || len(row) == 0 {
		return ""
	}
	var values map[string]json.RawMessage
	if json.Unmarshal(row, &values) != nil {
		return ""
	}
	value := bytes.TrimSpace(values[column])
	if len(value) == 0 {
		return ""
	}
	switch value[0] {
	case 'n':
		return "NULL"
	case 't', 'f':
		return "a boolean"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		var text string
		if json.Unmarshal(value, &text) != nil {
			return ""
		}
		return shapeOfText(text)
	}
	return shapeOfNumber(string(value))
}

func shapeOfNumber(text string) string {
	sign := ""
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = "minus and ", rest
	}
	if strings.Trim(text, "0123456789") != "" {
		return sign + "a number with decimals"
	}
	return sign + digits(len(text))
}

func digits(n int) string {
	switch {
	case n == 1:
		return "1 digit"
	case n > maxExact:
		return fmt.Sprintf("more than %d digits", maxExact)
	}
	return fmt.Sprintf("%d digits", n)
}

func shapeOfText(text string) string {
	switch trimmed := strings.TrimSpace(text); {
	case text == "":
		return "an empty text"
	case trimmed == "":
		return "blanks only"
	case strings.Trim(text, "0123456789") == "":
		return digits(len(text))
	case strings.Trim(text[1:], "0123456789") == "" && (text[0] == '+' || text[0] == '-'):
		return map[byte]string{'+': "+ and ", '-': "minus and "}[text[0]] + digits(len(text)-1)
	case strings.Contains(text, "@@"):
		return `contains "@@"`
	case strings.Count(text, "@") > 1:
		return `several "@"`
	case strings.Contains(text, "@"):
		return shapeOfAddress(text)
	}
	if layout, ok := dateLayout(text); ok {
		return "like " + layout
	}
	return kinds(text) + ", " + length(text)
}

// shapeOfAddress describes a text with one "@".
func shapeOfAddress(text string) string {
	local, domain, _ := strings.Cut(text, "@")
	switch {
	case strings.ContainsFunc(text, unicode.IsSpace):
		return `"@" and blanks`
	case local == "" || domain == "":
		return `"@" at an end`
	case strings.Contains(text, ".."):
		return `"@" and ".."`
	case !strings.Contains(domain, "."):
		return `no "." after "@"`
	}
	return `one "@", ` + kinds(strings.NewReplacer("@", "", ".", "").Replace(text))
}

// dateLayout writes a date, with or without a time after it, with 9 for each digit.
func dateLayout(text string) (string, bool) {
	date, rest := text, ""
	if at := strings.IndexAny(text, " T"); at > 0 {
		date, rest = text[:at], text[at:]
	}
	if len(date) > 10 || strings.Trim(rest, "0123456789:.+-TZ ") != "" {
		return "", false
	}
	separators := 0
	layout := strings.Map(func(r rune) rune {
		switch {
		case '0' <= r && r <= '9':
			return '9'
		case strings.ContainsRune("-/.", r):
			separators++
			return r
		}
		separators = 99
		return -1
	}, date)
	if separators != 2 || strings.ContainsAny(layout[:1]+layout[len(layout)-1:], "-/.") {
		return "", false
	}
	if rest != "" {
		layout += " with a time"
	}
	return layout, true
}

// kinds names the kinds of characters in a text.
func kinds(text string) string {
	var letters, figures, blanks, signs, others bool
	for _, r := range text {
		switch {
		case r >= utf8.RuneSelf:
			others = true
		case unicode.IsLetter(r):
			letters = true
		case unicode.IsDigit(r):
			figures = true
		case unicode.IsSpace(r):
			blanks = true
		default:
			signs = true
		}
	}
	var names []string
	for _, k := range []struct {
		has  bool
		name string
	}{{letters, "letters"}, {figures, "digits"}, {blanks, "blanks"}, {signs, "signs"}, {others, "characters outside ASCII"}} {
		if k.has {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, " and ")
}

// length is how long a text is, in steps.
func length(text string) string {
	n := utf8.RuneCountInString(text)
	for _, most := range []int{8, 16, 32, 64, 128, 512} {
		if n <= most {
			return fmt.Sprintf("up to %d characters", most)
		}
	}
	return "more than 512 characters"
}
