package expression

import (
	"math"
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

func (m *machine) numberFunctions(name string, args []any) (v any, known bool, err error) {
	switch name {
	case "abs", "ceil", "floor", "round":
		v, err = rounded(name, args[0])
	case "int", numberFunction:
		v, err = m.readNumber(name, args[0])
	case "float":
		if text, ok := args[0].(string); ok {
			if args[0], err = m.readNumber(name, text); err != nil {
				return nil, true, err
			}
		}
		v, err = float(args[0])
	case "max", "min", "mean", "median":
		v, err = m.aggregate(name, args)
	default:
		return nil, false, nil
	}
	return v, true, err
}

func rounded(name string, v any) (any, error) {
	if f, ok := v.(float64); ok {
		switch name {
		case "abs":
			return math.Abs(f), nil
		case "ceil":
			return math.Ceil(f), nil
		case "floor":
			return math.Floor(f), nil
		}
		return math.Round(f), nil
	}
	switch name {
	case "ceil":
		return round(v, apd.RoundCeiling)
	case "floor":
		return round(v, apd.RoundFloor)
	case "round":
		return round(v, apd.RoundHalfUp)
	}
	d, ok := decimal(v)
	if !ok {
		return nil, mismatch(name, v, nil)
	}
	if d.Negative {
		return negate(v)
	}
	return v, nil
}

// readNumber is number() and int(): of a text the number that it writes, and
// int drops the decimals of a number.
func (m *machine) readNumber(name string, v any) (any, error) {
	switch v := v.(type) {
	case string:
		if err := m.budget.read(len(v)); err != nil {
			return nil, err
		}
		n, err := parseNumber(strings.TrimPrefix(v, "+"))
		if err != nil || v == "" {
			return nil, failure(name + " was given a text that is no number")
		}
		if _, isInt := n.(int); name == "int" && !isInt {
			if d, _ := decimal(n); d.Exponent < 0 {
				return nil, failure("int was given a text that is no whole number")
			}
		}
		return n, nil
	case float64:
		if name == "int" {
			return parseNumber(shortestFloat(math.Trunc(v)))
		}
		return parseNumber(shortestFloat(v))
	}
	if name == "int" {
		return round(v, apd.RoundDown)
	}
	if !isNumber(v) {
		return nil, mismatch(name, v, nil)
	}
	return v, nil
}

// shortestFloat writes a FLOAT with the fewest digits that identify it, without an exponent.
func shortestFloat(f float64) string {
	text, ok := numberText(f)
	if !ok {
		return ""
	}
	return text
}

// aggregate is max, min, mean and median over numbers and lists of them.
func (m *machine) aggregate(name string, args []any) (any, error) {
	var values []any
	for _, arg := range args {
		if err := m.budget.weigh(arg); err != nil {
			return nil, err
		}
		values = flattened(values, arg)
	}
	if err := m.budget.list(len(values)); err != nil {
		return nil, err
	}
	if slices.Contains(values, nil) {
		return nil, nil
	}
	if len(values) == 0 {
		if name == "mean" || name == "median" {
			return 0, nil
		}
		return nil, failure(name + " has no value to choose from")
	}
	switch name {
	case "mean":
		return m.mean(values)
	case "median":
		return m.median(values)
	}
	best := values[0]
	for _, v := range values[1:] {
		c, err := m.compare(name, v, best)
		if err != nil {
			return nil, err
		}
		if name == "max" && c > 0 || name == "min" && c < 0 {
			best = v
		}
	}
	return best, nil
}

func (m *machine) mean(values []any) (total any, err error) {
	total = 0
	for _, v := range values {
		if !isNumber(v) {
			return nil, mismatch("mean", v, nil)
		}
		if total, err = arithmetic("+", total, v); err != nil {
			return nil, err
		}
	}
	return arithmetic("/", total, len(values))
}

func (m *machine) median(values []any) (any, error) {
	if err := m.budget.sort(len(values), values); err != nil {
		return nil, err
	}
	if err := m.order(false, func(compare func(a, b any) int) { slices.SortStableFunc(values, compare) }); err != nil {
		return nil, err
	}
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle], nil
	}
	return m.mean(values[middle-1 : middle+1])
}

func flattened(out []any, v any) []any {
	list, ok := v.([]any)
	if !ok {
		return append(out, v)
	}
	for _, item := range list {
		out = flattened(out, item)
	}
	return out
}

// round rounds to a whole number: by direction, or half away from zero.
func round(v any, mode apd.Rounder) (any, error) {
	d, ok := decimal(v)
	if !ok {
		return nil, mismatch("rounding", v, nil)
	}
	c := exactly()
	c.Rounding, c.Traps = mode, 0
	out := new(apd.Decimal)
	if _, err := c.Quantize(out, d, 0); err != nil || out.Form != apd.Finite {
		return nil, errTooManyDigits
	}
	return bounded(out)
}
