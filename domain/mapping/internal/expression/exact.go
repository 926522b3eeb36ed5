package expression

import (
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// exact evaluates a binary operator on two values. A NULL operand makes the
// result NULL, but == and != compare NULL with other values, and in can find it.
func (m *machine) exact(operator string, a, b any) (any, error) {
	switch operator {
	case "==", "!=":
		equal, err := m.equal(a, b)
		return equal == (operator == "=="), err
	case "in":
		return m.in(a, b)
	}
	if a == nil || b == nil {
		return nil, nil
	}
	switch operator {
	case "<", "<=", ">", ">=":
		c, err := m.compare(operator, a, b)
		if err != nil {
			return nil, err
		}
		return operator[0] == '<' && c < 0 || operator[0] == '>' && c > 0 || len(operator) == 2 && c == 0, nil
	case "+", "-", "*", "/", "%":
		return m.calculate(operator, a, b)
	case "**", "^":
		if !isNumber(a) || !isNumber(b) {
			return nil, mismatch(operator, a, b)
		}
		return m.power(a, b)
	case "..":
		return m.rangeOf(a, b)
	}
	return m.textOperator(operator, a, b)
}

func (m *machine) calculate(operator string, a, b any) (any, error) {
	if isNumber(a) && isNumber(b) {
		if err := m.budget.step(1); err != nil {
			return nil, err
		}
		return arithmetic(operator, a, b)
	}
	x, leftText := a.(string)
	y, rightText := b.(string)
	if operator == "+" && leftText && rightText {
		if err := m.budget.text(len(x) + len(y)); err != nil {
			return nil, err
		}
		return x + y, nil
	}
	if isNumber(a) && rightText || leftText && isNumber(b) {
		return nil, failure(operator + " has a number and a text; write string(…) or number(…) around one of them")
	}
	if isTime(a) || isTime(b) {
		return timeArithmetic(operator, a, b)
	}
	return nil, mismatch(operator, a, b)
}

func isTime(v any) bool {
	switch v.(type) {
	case time.Time, time.Duration:
		return true
	}
	return false
}

// timeArithmetic calls expr-lang's own operator and turns its panics into
// failures of the row.
func timeArithmetic(operator string, a, b any) (any, error) {
	switch operator {
	case "+":
		return runtime.Add(a, b), nil
	case "-":
		return runtime.Subtract(a, b), nil
	case "*":
		return runtime.Multiply(a, b), nil
	}
	return nil, mismatch(operator, a, b)
}

// compare orders two values of one kind.
func (m *machine) compare(operation string, a, b any) (int, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), m.budget.read(min(len(x), len(y)))
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return int(min(max(x-y, -1), 1)), nil
		}
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b)
	}
	return 0, unlike(operation, a, b)
}

// unlike returns the failure of comparing two values of different kinds.
func unlike(operation string, a, b any) error {
	_, leftText := a.(string)
	_, rightText := b.(string)
	if leftText && isNumber(b) || rightText && isNumber(a) {
		return failure(operation + " has a number and a text; write string(…) or number(…) around one of them")
	}
	return mismatch(operation, a, b)
}

// equal compares any two values. A number is never compared with a text: the
// one who wrote it meant something else.
func (m *machine) equal(a, b any) (bool, error) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	if err := m.budget.step(1); err != nil {
		return false, err
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok && isNumber(b) {
			return false, unlike("==", a, b)
		}
		return ok && x == y, m.budget.read(len(x))
	case bool:
		y, ok := b.(bool)
		return ok && x == y, nil
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return m.equalLists(x, y)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return m.equalObjects(x, y)
	}
	if isNumber(a) {
		if !isNumber(b) {
			if _, text := b.(string); text {
				return false, unlike("==", a, b)
			}
			return false, nil
		}
		c, err := compareNumbers(a, b)
		return c == 0, err
	}
	if isTime(a) && reflect.TypeOf(a) == reflect.TypeOf(b) {
		c, err := m.compare("==", a, b)
		return c == 0, err
	}
	return false, nil
}

func (m *machine) equalLists(a, b []any) (bool, error) {
	for i := range a {
		if same, err := m.equal(a[i], b[i]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (m *machine) equalObjects(a, b map[string]any) (bool, error) {
	for _, key := range sortedKeys(a) {
		other, ok := b[key]
		if !ok {
			return false, nil
		}
		if same, err := m.equal(a[key], other); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (m *machine) in(needle, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		for _, item := range v {
			if same, err := m.equal(item, needle); err != nil || same {
				return same, err
			}
		}
		return false, nil
	case map[string]any:
		name, ok := needle.(string)
		if !ok {
			return nil, mismatch("in", needle, v)
		}
		_, found := v[name]
		return found, nil
	}
	return nil, mismatch("in", needle, v)
}

func (m *machine) rangeOf(a, b any) (any, error) {
	from, err := whole(a)
	if err != nil {
		return nil, err
	}
	to, err := whole(b)
	if err != nil {
		return nil, err
	}
	if to < from {
		return []any{}, nil
	}
	if to-from < 0 || to-from >= MaxSteps {
		return nil, ErrBudget
	}
	if err := m.budget.list(to - from + 1); err != nil {
		return nil, err
	}
	out := make([]any, to-from+1)
	for i := range out {
		out[i] = from + i
	}
	return out, nil
}

func (m *machine) textOperator(operator string, a, b any) (any, error) {
	x, leftText := a.(string)
	y, rightText := b.(string)
	if !leftText || !rightText {
		return nil, mismatch(operator, a, b)
	}
	if err := m.budget.read(len(x)); err != nil {
		return nil, err
	}
	switch operator {
	case "contains":
		return strings.Contains(x, y), nil
	case "startsWith":
		return strings.HasPrefix(x, y), nil
	case "endsWith":
		return strings.HasSuffix(x, y), nil
	case "matches":
		return m.matches(x, y)
	}
	return nil, failure("an operator is not known here")
}

// matches compiles a pattern that the row holds.
func (m *machine) matches(text, pattern string) (any, error) {
	cost, err := patternCost(pattern)
	if err != nil {
		return nil, failure("a pattern is not valid, or too large")
	}
	if err := m.budget.step(cost); err != nil {
		return nil, err
	}
	r, err := regexp.Compile(pattern)
	if err != nil {
		return nil, failure("a pattern is not valid")
	}
	if err := m.budget.match(len(text), cost); err != nil {
		return nil, err
	}
	return r.MatchString(text), nil
}

func (m *machine) matchesConstant(n *ast.BinaryNode, left any) (any, error) {
	p := m.program.patterns[n]
	switch text := left.(type) {
	case nil:
		if m.program.exact() {
			return nil, nil
		}
		return false, nil
	case string:
		if err := m.budget.match(len(text), p.cost); err != nil {
			return nil, err
		}
		return p.compiled.MatchString(text), nil
	}
	return nil, mismatch("matches", left, nil)
}
