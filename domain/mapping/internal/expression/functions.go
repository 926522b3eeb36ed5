package expression

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// numberFunction reads a text as an exact number; it is not expr-lang's.
const numberFunction = "number"

// function calls a function of Exact. A NULL among its arguments makes NULL.
func (m *machine) function(name string, args []any) (any, error) {
	if name == "type" {
		return typeName(args[0]), nil
	}
	for i, arg := range args {
		if arg == nil {
			return nil, nil
		}
		list, err := exactList(m, arg)
		if err != nil {
			return nil, err
		}
		args[i] = list
	}
	if v, known, err := m.numberFunctions(name, args); known {
		return v, err
	}
	if v, known, err := m.textFunctions(name, args); known {
		return v, err
	}
	if v, known, err := m.listFunctions(name, args); known {
		return v, err
	}
	switch name {
	case "get":
		v, err := m.fetch(args[0], args[1])
		if _, failed := errors.AsType[failure](err); failed {
			return nil, nil
		}
		return v, err
	case "toJSON":
		text, err := m.appendJSON(nil, args[0], 0)
		return string(text), err
	case "fromJSON":
		text, ok := args[0].(string)
		if !ok {
			return nil, mismatch(name, args[0], nil)
		}
		return m.program.nested([]byte(text), m.budget)
	}
	return m.otherFunction(name, args)
}

// otherFunction is expr-lang's: dates, durations and bits.
func (m *machine) otherFunction(name string, args []any) (any, error) {
	for i, arg := range args {
		if d, ok := arg.(*apd.Decimal); ok {
			n, err := whole(d)
			if err != nil {
				return nil, err
			}
			args[i] = n
		}
	}
	if name == "timezone" && args[0] == "Local" {
		return nil, failure("the zone Local is another one on each machine")
	}
	if err := m.readTexts(args); err != nil {
		return nil, err
	}
	v, err := library(name, args)
	if err != nil {
		return nil, failure(name + " does not take these values")
	}
	return v, nil
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "bool"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "map"
	}
	if isNumber(v) {
		return "number"
	}
	return strings.TrimPrefix(strings.TrimPrefix(kindOf(v), "a "), "an ")
}

// appendJSON writes a value as JSON, numbers with all their digits.
func (m *machine) appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxTreeNesting {
		return nil, ErrBudget
	}
	if err := m.budget.step(1); err != nil {
		return nil, err
	}
	if text, ok := numberText(v); ok {
		return append(dst, text...), m.budget.text(len(text))
	}
	switch v := v.(type) {
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = m.appendJSON(dst, item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		return m.appendObject(dst, v, depth)
	case string:
		return m.appendString(dst, v)
	}
	if isNumber(v) {
		return nil, failure("a FLOAT is not finite")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, failure("the result is no value that JSON can hold")
	}
	return append(dst, text...), m.budget.text(len(text))
}
