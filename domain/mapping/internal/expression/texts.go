package expression

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// textFunctions are the functions of Exact on texts. Positions and lengths
// count characters.
func (m *machine) textFunctions(name string, args []any) (v any, known bool, err error) {
	switch name {
	case "string":
		v, err = m.textOf(args[0])
		return v, true, err
	case "repeat":
		v, err = m.repeatText(args)
		return v, true, err
	case "join":
		v, err = m.join(args)
		return v, true, err
	case "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "splitAfter", "replace", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "toBase64", "fromBase64":
	default:
		return nil, false, nil
	}
	var texts []string
	count := -1
	for i, arg := range args {
		text, isText := arg.(string)
		switch {
		case isText:
			texts = append(texts, text)
		case i == len(args)-1 && i >= 2:
			if count, err = whole(arg); err != nil {
				return nil, true, err
			}
		default:
			return nil, true, mismatch(name, arg, nil)
		}
	}
	if err := m.readTexts(args); err != nil {
		return nil, true, err
	}
	v, err = m.onTexts(name, texts, count)
	return v, true, err
}

func (m *machine) onTexts(name string, texts []string, count int) (any, error) {
	s := texts[0]
	second := " "
	if len(texts) > 1 {
		second = texts[1]
	}
	switch name {
	case "trim":
		if len(texts) == 1 {
			return strings.TrimSpace(s), nil
		}
		return strings.Trim(s, second), nil
	case "trimPrefix":
		return strings.TrimPrefix(s, second), nil
	case "trimSuffix":
		return strings.TrimSuffix(s, second), nil
	case "upper", "lower":
		return m.changeCase(name, s)
	case "split", "splitAfter":
		return m.split(name, s, second, count)
	case "replace":
		return m.replace(s, second, texts[2], count)
	case "hasPrefix":
		return strings.HasPrefix(s, second), nil
	case "hasSuffix":
		return strings.HasSuffix(s, second), nil
	case "indexOf":
		return characters(s, strings.Index(s, second)), nil
	case "lastIndexOf":
		return characters(s, strings.LastIndex(s, second)), nil
	case "toBase64":
		return base64.StdEncoding.EncodeToString([]byte(s)), m.budget.text(2 * len(s))
	}
	decoded, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, failure("fromBase64 was given a text that is not Base64")
	}
	return valid(string(decoded))
}

// characters turns a position in bytes into one in characters.
func characters(s string, at int) int {
	if at < 0 {
		return at
	}
	return utf8.RuneCountInString(s[:at])
}

func (m *machine) changeCase(name, s string) (any, error) {
	if err := m.budget.text(2 * len(s)); err != nil {
		return nil, err
	}
	if name == "upper" {
		return strings.ToUpper(s), nil
	}
	return strings.ToLower(s), nil
}

func (m *machine) split(name, s, separator string, count int) (any, error) {
	if err := m.budget.list(strings.Count(s, separator) + 1); err != nil {
		return nil, err
	}
	parts := strings.SplitN(s, separator, count)
	if name == "splitAfter" {
		parts = strings.SplitAfterN(s, separator, count)
	}
	out := make([]any, len(parts))
	for i, part := range parts {
		out[i] = part
	}
	return out, nil
}

func (m *machine) replace(s, old, by string, count int) (any, error) {
	if err := m.budget.text(len(s) + productOrTooLarge(strings.Count(s, old), len(by))); err != nil {
		return nil, err
	}
	return strings.Replace(s, old, by, count), nil
}

func (m *machine) repeatText(args []any) (any, error) {
	s, ok := args[0].(string)
	if !ok {
		return nil, mismatch("repeat", args[0], nil)
	}
	n, err := whole(args[1])
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, failure("repeat was given a negative count")
	}
	if err := m.budget.text(productOrTooLarge(n, len(s))); err != nil {
		return nil, err
	}
	return strings.Repeat(s, n), nil
}

func (m *machine) join(args []any) (any, error) {
	list, ok := args[0].([]any)
	glue := ""
	if ok && len(args) == 2 {
		glue, ok = args[1].(string)
	}
	if !ok {
		return nil, mismatch("join", args[0], nil)
	}
	if err := m.budget.text(productOrTooLarge(len(list), len(glue))); err != nil {
		return nil, err
	}
	parts := make([]string, len(list))
	for i, item := range list {
		if item == nil {
			return nil, nil
		}
		if parts[i], ok = item.(string); !ok {
			return nil, mismatch("join", item, nil)
		}
		if err := m.budget.text(len(parts[i])); err != nil {
			return nil, err
		}
	}
	return strings.Join(parts, glue), nil
}

// textOf is string(): numbers with all their digits, lists and objects as JSON.
func (m *machine) textOf(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		if v {
			return "true", nil
		}
		return "false", nil
	case []any, map[string]any:
		text, err := m.appendJSON(nil, v, 0)
		return string(text), err
	}
	if text, ok := numberText(v); ok {
		return text, m.budget.text(len(text))
	}
	if isNumber(v) {
		return nil, failure("a FLOAT is not finite")
	}
	text, err := library("string", []any{v})
	return text, err
}

func (m *machine) appendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, failure("a text is not valid UTF-8")
	}
	if err := m.budget.text(len(s)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, failure("a text cannot be written as JSON")
	}
	return append(dst, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...), nil
}

func (m *machine) appendObject(dst []byte, v map[string]any, depth int) ([]byte, error) {
	dst = append(dst, '{')
	for i, key := range sortedKeys(v) {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = m.appendString(dst, key); err != nil {
			return nil, err
		}
		if dst, err = m.appendJSON(append(dst, ':'), v[key], depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
