package expression

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm/runtime"
)

// former evaluates a binary operator as expr-lang's virtual machine does: whole
// numbers wrap, texts count bytes, and a value of the wrong kind panics, which
// Run turns into a failure.
func (m *machine) former(operator string, a, b any) (any, error) {
	if err := m.payFormer(operator, a, b); err != nil {
		return nil, err
	}
	switch operator {
	case "==":
		return runtime.Equal(a, b), nil
	case "!=":
		return !runtime.Equal(a, b), nil
	case "<":
		return runtime.Less(a, b), nil
	case ">":
		return runtime.More(a, b), nil
	case "<=":
		return runtime.LessOrEqual(a, b), nil
	case ">=":
		return runtime.MoreOrEqual(a, b), nil
	case "+":
		return runtime.Add(a, b), nil
	case "-":
		return runtime.Subtract(a, b), nil
	case "*":
		return runtime.Multiply(a, b), nil
	case "/":
		return runtime.Divide(a, b), nil
	case "%":
		return runtime.Modulo(a, b), nil
	case "**", "^":
		return runtime.Exponent(a, b), nil
	case "in":
		return runtime.In(a, b), nil
	case "..":
		return runtime.MakeRange(runtime.ToInt(a), runtime.ToInt(b)), nil
	}
	return m.formerTexts(operator, a, b)
}

func (m *machine) formerTexts(operator string, a, b any) (any, error) {
	if runtime.IsNil(a) || runtime.IsNil(b) {
		return false, nil
	}
	x, leftText := a.(string)
	y, rightText := b.(string)
	if !leftText || !rightText {
		return nil, mismatch(operator, a, b)
	}
	switch operator {
	case "matches":
		return m.matches(x, y)
	case "contains":
		return strings.Contains(x, y), nil
	case "startsWith":
		return strings.HasPrefix(x, y), nil
	case "endsWith":
		return strings.HasSuffix(x, y), nil
	}
	return nil, failure("an operator is not known here")
}

// payFormer pays for what an operator will do, before it does it.
func (m *machine) payFormer(operator string, a, b any) error {
	switch operator {
	case "..":
		from, to := runtime.ToInt(a), runtime.ToInt(b)
		if to < from {
			return nil
		}
		if to-from < 0 || to-from >= MaxSteps {
			return ErrBudget
		}
		return m.budget.list(to - from + 1)
	case "+":
		x, leftText := a.(string)
		y, rightText := b.(string)
		if leftText && rightText {
			return m.budget.text(len(x) + len(y))
		}
		return nil
	case "==", "!=", "in":
		if err := m.budget.weigh(a); err != nil {
			return err
		}
		return m.budget.weigh(b)
	}
	return m.readTexts([]any{a, b})
}

func (m *machine) readTexts(values []any) error {
	for _, v := range values {
		if text, ok := v.(string); ok {
			if err := m.budget.read(len(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// formerFunction calls expr-lang's own function after paying for it.
func (m *machine) formerFunction(name string, args []any) (any, error) {
	if err := m.payFunction(name, args); err != nil {
		return nil, err
	}
	v, err := library(name, args)
	if err != nil {
		return nil, failure("a function does not take these values")
	}
	if name == "keys" || name == "values" || name == "toPairs" {
		// expr-lang returns the members in another order at each call.
		return m.inOrder(name, args[0], v)
	}
	return v, nil
}

// inOrder gives an object's members in the order of their names, so that every
// replica makes the same record.
func (m *machine) inOrder(name string, from, v any) (any, error) {
	object, ok := from.(map[string]any)
	if !ok {
		return v, nil
	}
	var out []any
	for _, key := range sortedKeys(object) {
		switch name {
		case "keys":
			out = append(out, key)
		case "values":
			out = append(out, object[key])
		default:
			out = append(out, [2]any{key, object[key]})
		}
	}
	if out == nil {
		out = []any{}
	}
	return out, nil
}

// payFunction pays for what a function of expr-lang reads and makes, which is
// no more than this.
func (m *machine) payFunction(name string, args []any) error {
	size := 0
	for _, arg := range args {
		switch arg := arg.(type) {
		case string:
			size += len(arg)
			continue
		case nil, bool, int, float64:
			continue
		}
		before := m.budget.steps
		if err := m.budget.weigh(arg); err != nil {
			return err
		}
		size += (before - m.budget.steps) * elementBytes
	}
	if err := m.budget.text(maxOutput(name, args, size)); err != nil {
		return err
	}
	switch {
	case name == "uniq" && len(args) == 1:
		return m.budget.repeat(args[0], lengthOf(args[0]))
	case name == "sort" && len(args) > 0:
		return m.budget.sort(lengthOf(args[0]), args[0])
	case name == "toJSON" && nestsDeeper(args[0], maxJSONNesting):
		return ErrBudget
	}
	return nil
}

// maxJSONNesting bounds the indents of toJSON.
const maxJSONNesting = 100

func nestsDeeper(v any, levels int) bool {
	if levels == 0 {
		return true
	}
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return nestsDeeper(item, levels-1) })
	case map[string]any:
		for _, item := range v {
			if nestsDeeper(item, levels-1) {
				return true
			}
		}
	}
	return false
}

// maxOutput bounds how many bytes a function makes from arguments of the given
// size.
func maxOutput(name string, args []any, size int) int {
	switch name {
	case "len", "type", "int", "float", "abs", "ceil", "floor", "round", "hasPrefix", "hasSuffix", "indexOf", "lastIndexOf", "first", "last", "get", "take":
		return 0
	case "repeat":
		text, _ := args[0].(string)
		if n := runtime.ToInt(args[1]); len(text) > 0 && n > 0 {
			if n > MaxBytes/len(text) {
				return -1
			}
			return n * len(text)
		}
	case "join":
		glue := ""
		if len(args) == 2 {
			glue, _ = args[1].(string)
		}
		return size + productOrTooLarge(lengthOf(args[0]), len(glue))
	case "replace":
		text, _ := args[0].(string)
		old, _ := args[1].(string)
		by, _ := args[2].(string)
		return size + productOrTooLarge(strings.Count(text, old), len(by))
	case "split", "splitAfter":
		text, _ := args[0].(string)
		separator, _ := args[1].(string)
		return size + productOrTooLarge(strings.Count(text, separator)+1, elementBytes)
	case "toJSON":
		return 24 * size // escapes, and the indents of a hundred levels
	}
	return 4 * size
}

// productOrTooLarge returns n times size, or -1 if the product exceeds any budget.
func productOrTooLarge(n, size int) int {
	if size > 0 && n > MaxBytes/size {
		return 2 * MaxBytes
	}
	return n * size
}

func lengthOf(v any) int {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.String:
		return r.Len()
	}
	return 0
}
