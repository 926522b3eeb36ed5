package mapping

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// resultType is the type of a property by its expression's static type; empty if
// that says nothing.
func resultType(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch t.Kind() {
	case reflect.Bool:
		return typeBoolean
	case reflect.String:
		return typeString
	case reflect.Float32, reflect.Float64:
		return typeFloat
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return typeInteger
	case reflect.Slice, reflect.Array:
		return typeArray
	case reflect.Map:
		return typeObject
	}
	return ""
}

// inputValue is a column's value as an expression sees it. Without columns the
// JSON form decides.
func inputValue(t token, as inputForm) (any, bool) {
	switch t.kind {
	case kindAbsent, kindNull:
		return nil, true
	case kindTrue, kindFalse:
		return t.kind == kindTrue, true
	case kindText:
		text, ok := appendUnescaped(nil, t.raw)
		return string(text), ok
	case kindNumber:
		return numberValue(t.raw, as)
	}
	var v any
	d := json.NewDecoder(strings.NewReader(string(t.raw)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	return plainNumbers(v), true
}

func numberValue(raw []byte, as inputForm) (any, bool) {
	text := string(raw)
	switch as {
	case formText:
		return text, true
	case formFloat:
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	}
	digits := strings.TrimLeft(text, "-")
	if !strings.ContainsAny(text, ".eE") {
		if len(digits) > maxExactDigits {
			return text, true
		}
		n, err := strconv.Atoi(text)
		return n, err == nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strconv.FormatFloat(f, 'f', -1, 64) != text && strconv.FormatFloat(f, 'g', -1, 64) != text {
		return text, true // digits that a float64 does not keep
	}
	return f, true
}

// plainNumbers turns the numbers inside a VARIANT into what expr computes with;
// those it cannot hold exactly stay text.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, _ := numberValue([]byte(v.String()), formByValue)
		return n
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

func resultToken(result any) (token, fault) {
	if result == nil {
		return token{kind: kindNull}, fault{}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(result); err != nil {
		return token{}, fault{codeExpressionFailed, "the expression's result is no value that JSON can hold"}
	}
	t, ok := parseToken(out.Bytes())
	if !ok {
		return token{}, fault{codeExpressionFailed, "the expression's result is no value that JSON can hold"}
	}
	return t, fault{}
}
