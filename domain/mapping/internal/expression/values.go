package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/types"
)

// maxFormerDigits is how many digits of a NUMBER the former language computes
// with: a float64 holds them exactly.
const maxFormerDigits = 15

// Column is what an expression has to know of a column.
type Column struct {
	Number           bool // NUMBER of any precision
	Precision, Scale int
	Float            bool
	Boolean          bool
	Nested           bool // VARIANT, OBJECT, ARRAY
}

// StaticType is the type under which an expression is checked.
func (l Language) StaticType(c Column) types.Type {
	switch {
	case c.Number && l == Exact && c.Scale == 0:
		return types.Int
	case c.Number && l == Exact:
		return types.Float64
	case c.Number && c.asText():
		return types.String
	case c.Number:
		return types.Int
	case c.Float:
		return types.Float64
	case c.Boolean:
		return types.Bool
	case c.Nested:
		return types.Any
	}
	return types.String
}

// asText reports whether the former language gets a NUMBER as a text.
func (c Column) asText() bool {
	return c.Number && (c.Scale != 0 || c.Precision == 0 || c.Precision > maxFormerDigits)
}

// Number is a JSON number as the language sees it. Without columns, c is nil and
// the number's form decides.
func (l Language) Number(raw []byte, c *Column) (any, error) {
	text := string(raw)
	if c != nil && c.Float {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, failure("a number is beyond a FLOAT")
		}
		return f, nil
	}
	if l == Exact {
		return parseNumber(text)
	}
	if c != nil && c.asText() {
		return text, nil
	}
	if !strings.ContainsAny(text, ".eE") {
		if len(strings.TrimLeft(text, "-")) > maxFormerDigits {
			return text, nil
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, failure("a number cannot be read")
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strconv.FormatFloat(f, 'f', -1, 64) != text && strconv.FormatFloat(f, 'g', -1, 64) != text {
		return text, nil // digits that a float64 does not keep
	}
	return f, nil
}

// decodedPerByte is how much memory a byte of JSON takes once it is read.
const decodedPerByte = 4

// Nested reads an object or a list.
func (p *Program) Nested(raw []byte, budget *Budget) (any, error) { return p.nested(raw, budget) }

func (p *Program) nested(raw []byte, budget *Budget) (any, error) {
	if err := budget.text(decodedPerByte * len(raw)); err != nil {
		return nil, err
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return nil, failure("a text is not JSON")
	}
	return p.numbers(v)
}

// numbers replaces the numbers inside a value by what the language computes with.
func (p *Program) numbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return p.language.Number([]byte(v), nil)
	case []any:
		for i := range v {
			if v[i], err = p.numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = p.numbers(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// Run evaluates the expression over a row's columns, by their names, and gives
// the result as JSON. The budget is the row's.
func (p *Program) Run(env map[string]any, budget *Budget) (result []byte, err error) {
	m := &machine{program: p, env: env, budget: budget}
	defer func() {
		// expr-lang's own functions panic when a value is of the wrong kind.
		if panicked := recover(); panicked != nil {
			result, err = nil, failure("a function or an operator does not take these values")
		}
		if err != nil && !errors.Is(err, ErrBudget) && p.language == Former && p.anyNull(env) {
			// Before, whatever failed while a column was NULL was NULL.
			result, err = []byte("null"), nil
		}
	}()
	v, err := m.eval(p.root)
	if err != nil {
		return nil, err
	}
	if p.exact() {
		if v != nil {
			if v, err = exactList(m, v); err != nil {
				return nil, err
			}
		}
		if v == nil {
			return []byte("null"), nil
		}
		return m.appendJSON(nil, v, 0)
	}
	return m.formerJSON(v)
}

func (p *Program) anyNull(env map[string]any) bool {
	for _, name := range p.inputs {
		if env[name] == nil {
			return true
		}
	}
	return false
}

// formerJSON writes the result as encoding/json does.
func (m *machine) formerJSON(v any) ([]byte, error) {
	if err := m.budget.weigh(v); err != nil {
		return nil, err
	}
	if !validTexts(reflect.ValueOf(v)) {
		return nil, failure("a text is not valid UTF-8")
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, failure("the result is no value that JSON can hold")
	}
	return out.Bytes(), nil
}

// validTexts reports whether every text of a value is UTF-8. The former
// language can cut one in half, and JSON would replace what is left of it.
func validTexts(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Interface:
		return v.IsNil() || validTexts(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !validTexts(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if !validTexts(key) || !validTexts(v.MapIndex(key)) {
				return false
			}
		}
	}
	return true
}
