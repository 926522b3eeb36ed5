package verify

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// isOperator reports whether a value changes what CleverTap holds in place of setting it.
func isOperator(value []byte) bool {
	var o map[string]json.RawMessage
	if json.Unmarshal(value, &o) != nil || len(o) != 1 {
		return false
	}
	for name := range o {
		return strings.HasPrefix(name, "$")
	}
	return false
}

// same reports whether CleverTap holds a value, allowing for how it keeps values: a number
// may come back as a text and a text of digits as a number, Email in another case, Phone
// without its sign, a date with or without its mark, a list in another order.
func same(property string, ours, theirs json.RawMessage) bool {
	if len(theirs) == 0 || string(theirs) == "null" {
		return false
	}
	a, okA := decoded(ours)
	b, okB := decoded(theirs)
	if !okA || !okB {
		return false
	}
	switch {
	case property == "email":
		return strings.EqualFold(text(a), text(b))
	case property == "phone":
		return phoneDigits(text(a)) == phoneDigits(text(b))
	case strings.HasPrefix(property, "msg-"):
		return flag(a) == flag(b)
	}
	return equal(a, b)
}

func decoded(raw []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	return v, d.Decode(&v) == nil
}

func equal(a, b any) bool {
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		return ok && slices.Equal(sorted(x), sorted(y))
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if other, known := y[k]; !known || !equal(v, other) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case []any, map[string]any, nil:
		return false
	}
	return scalar(text(a), text(b))
}

// sorted are the texts of a list's items, each once: CleverTap keeps a list as a set.
func sorted(items []any) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = text(item)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

const dateMark = "$D_"

// scalar compares values by their texts: as numbers if both are.
func scalar(a, b string) bool {
	if date, ok := strings.CutPrefix(a, dateMark); ok {
		return date == strings.TrimPrefix(b, dateMark)
	}
	if a == b {
		return true
	}
	x, okX := number(a)
	y, okY := number(b)
	if !okX || !okY {
		return false
	}
	if x.Cmp(y) == 0 {
		return true
	}
	// CleverTap keeps a number as a double.
	f, _ := x.Float64()
	g, _ := y.Float64()
	return f == g
}

// maxDigits bounds what is read as a number: an exponent could fill the memory.
const maxDigits = 400

func number(s string) (*big.Rat, bool) {
	if s == "" || len(s) > maxDigits || strings.Trim(s, "+-.0123456789eE") != "" {
		return nil, false
	}
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, false
		}
		return new(big.Rat).SetFloat64(f), true
	}
	// A number has no leading zeros: 007 and 7 are two texts.
	if digits := strings.TrimPrefix(s, "-"); len(digits) > 1 && digits[0] == '0' && digits[1] != '.' || s[0] == '+' {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	case nil:
		return ""
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}

func phoneDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// flag is a subscription as CleverTap writes it in several ways.
func flag(v any) string {
	switch t := strings.ToLower(text(v)); t {
	case "1", "true":
		return "true"
	case "0", "false":
		return "false"
	default:
		return t
	}
}
