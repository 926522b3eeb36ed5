package expression

import (
	"maps"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
)

// exactList gives every list the one type that Exact has.
func exactList(m *machine, v any) (any, error) {
	if _, ok := v.([]any); ok {
		return v, nil
	}
	if k := reflect.ValueOf(v).Kind(); k != reflect.Slice && k != reflect.Array {
		return v, nil
	}
	return m.elements(v)
}

func sortedKeys(v map[string]any) []string { return slices.Sorted(maps.Keys(v)) }

func (m *machine) listFunctions(name string, args []any) (v any, known bool, err error) {
	switch name {
	case "len":
		v, err = m.length(args[0])
		return v, true, err
	case "keys", "values", "toPairs":
		v, err = m.members(name, args[0])
		return v, true, err
	case "concat":
		v, err = m.concat(args)
		return v, true, err
	case "first", "last", "take", "reverse", "uniq", "flatten", "sort", "fromPairs":
	default:
		return nil, false, nil
	}
	list, ok := args[0].([]any)
	if !ok {
		return nil, true, mismatch(name, args[0], nil)
	}
	v, err = m.onList(name, list, args)
	return v, true, err
}

func (m *machine) onList(name string, list, args []any) (any, error) {
	switch name {
	case "first", "last":
		if len(list) == 0 {
			return nil, nil
		}
		if name == "first" {
			return list[0], nil
		}
		return list[len(list)-1], nil
	case "take":
		n, err := whole(args[1])
		if err != nil || n < 0 {
			return nil, failure("take was given no count")
		}
		return list[:min(n, len(list))], nil
	case "reverse":
		if err := m.budget.list(len(list)); err != nil {
			return nil, err
		}
		out := slices.Clone(list)
		slices.Reverse(out)
		return out, nil
	case "uniq":
		return m.uniq(list)
	case "flatten":
		if err := m.budget.weigh(list); err != nil {
			return nil, err
		}
		out := flattened([]any{}, list)
		return out, m.budget.list(len(out))
	case "fromPairs":
		return m.fromPairs(list)
	}
	return m.sorted(list, args)
}

func (m *machine) length(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), m.budget.read(len(v))
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, mismatch("len", v, nil)
}

func (m *machine) members(name string, v any) (any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, mismatch(name, v, nil)
	}
	if err := m.budget.list(3 * len(object)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(object))
	for _, key := range sortedKeys(object) {
		switch name {
		case "keys":
			out = append(out, key)
		case "values":
			out = append(out, object[key])
		default:
			out = append(out, []any{key, object[key]})
		}
	}
	return out, nil
}

func (m *machine) concat(args []any) (any, error) {
	out := []any{}
	for _, arg := range args {
		list, ok := arg.([]any)
		if !ok {
			return nil, mismatch("concat", arg, nil)
		}
		if err := m.budget.list(len(list)); err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func (m *machine) uniq(list []any) (any, error) {
	out := []any{}
	for _, item := range list {
		seen := false
		for _, other := range out {
			same, err := m.equal(other, item)
			if err != nil {
				return nil, err
			}
			if seen = same; seen {
				break
			}
		}
		if !seen {
			out = append(out, item)
		}
	}
	return out, m.budget.list(len(out))
}

func (m *machine) fromPairs(list []any) (any, error) {
	if err := m.budget.list(2 * len(list)); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(list))
	for _, item := range list {
		pair, err := exactList(m, item)
		if err != nil {
			return nil, err
		}
		two, ok := pair.([]any)
		if !ok || len(two) != 2 {
			return nil, failure("fromPairs takes lists of two")
		}
		name, ok := two[0].(string)
		if !ok {
			return nil, mismatch("the name of an object's member", two[0], nil)
		}
		out[name] = two[1]
	}
	return out, nil
}

func (m *machine) sorted(list, args []any) (any, error) {
	descending := false
	if len(args) == 2 {
		if args[1] != "asc" && args[1] != "desc" {
			return nil, failure(`an order is "asc" or "desc"`)
		}
		descending = args[1] == "desc"
	}
	if err := m.budget.sort(len(list), list); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	err := m.order(descending, func(compare func(a, b any) int) { slices.SortStableFunc(out, compare) })
	return out, err
}

// fetch is a member of an object, an element of a list, a character of a text,
// or a method of a date. A member that is not there is NULL.
func (m *machine) fetch(base, key any) (any, error) {
	if base == nil || key == nil {
		return nil, nil
	}
	switch base := base.(type) {
	case map[string]any:
		name, ok := key.(string)
		if !ok {
			return nil, mismatch("the name of an object's member", key, nil)
		}
		return base[name], nil
	case time.Time, time.Duration, *time.Location:
		if key == "Local" {
			return nil, failure("the zone Local is another one on each machine")
		}
		return runtime.Fetch(base, key), nil
	case string:
		at, err := whole(key)
		if err != nil {
			return nil, err
		}
		return m.character(base, at)
	}
	v, err := exactList(m, base)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, mismatch("[ ]", base, nil)
	}
	at, err := whole(key)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		at += len(list)
	}
	if at < 0 || at >= len(list) {
		return nil, failure("a position is outside of the list")
	}
	return list[at], nil
}

func (m *machine) character(s string, at int) (any, error) {
	n := utf8.RuneCountInString(s)
	if err := m.budget.read(2 * len(s)); err != nil {
		return nil, err
	}
	if at < 0 {
		at += n
	}
	if at < 0 || at >= n {
		return nil, failure("a position is outside of the text")
	}
	return cut(s, at, at+1), nil
}

// part is a slice of a text by characters, or of a list.
func (m *machine) part(v, from, to any) (any, error) {
	if v == nil {
		return nil, nil
	}
	v, err := exactList(m, v)
	if err != nil {
		return nil, err
	}
	text, isText := v.(string)
	list, isList := v.([]any)
	n := len(list)
	if isText {
		if err := m.budget.read(3 * len(text)); err != nil {
			return nil, err
		}
		n = utf8.RuneCountInString(text)
	} else if !isList {
		return nil, mismatch("[ : ]", v, nil)
	}
	a, err := whole(from)
	if err != nil {
		return nil, err
	}
	b := n
	if to != nil {
		if b, err = whole(to); err != nil {
			return nil, err
		}
	}
	a, b = within(a, n), within(b, n)
	a = min(a, b)
	if isText {
		return cut(text, a, b), nil
	}
	return list[a:b:b], nil
}

// within turns a position that counts from the end (a negative one) into one
// that counts from the start, and limits it to 0..n.
func within(at, n int) int {
	if at < 0 {
		at += n
	}
	return min(max(at, 0), n)
}

// cut takes the characters from a up to b.
func cut(s string, a, b int) string {
	start, end, n := len(s), len(s), 0
	for i := range s {
		if n == a {
			start = i
		}
		if n == b {
			end = i
			break
		}
		n++
	}
	return s[min(start, end):end]
}
