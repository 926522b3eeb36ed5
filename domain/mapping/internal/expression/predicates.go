package expression

import (
	"cmp"
	"reflect"
	"slices"
	"sort"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// loops reports whether a function evaluates an argument for each element.
func loops(name string) bool {
	switch name {
	case "all", "none", "any", "one", "filter", "map", "count", "sum", "find", "findIndex", "findLast", "findLastIndex", "groupBy", "sortBy", "reduce":
		return true
	}
	return false
}

// loop evaluates a function over a list. In Exact a condition that is NULL does
// not hold.
func (m *machine) loop(n *ast.BuiltinNode) (any, error) {
	v, err := m.eval(n.Arguments[0])
	if err != nil {
		return nil, err
	}
	if v == nil && m.program.exact() {
		return nil, nil
	}
	list, err := m.elements(v)
	if err != nil {
		return nil, err
	}
	switch n.Name {
	case "all", "none", "any", "one", "count":
		return m.counting(n, list)
	case "filter":
		return m.filter(n, list)
	case "map":
		return m.mapped(n, list)
	case "sum":
		return m.sum(n, list)
	case "find", "findIndex", "findLast", "findLastIndex":
		return m.find(n, list)
	case "groupBy":
		return m.groupBy(n, list)
	case "sortBy":
		return m.sortBy(n, list)
	}
	return m.reduce(n, list)
}

// elements pays for a pass through a list and returns it.
func (m *machine) elements(v any) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, m.budget.step(len(list))
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return nil, mismatch("a loop", v, nil)
	}
	if err := m.budget.list(r.Len()); err != nil {
		return nil, err
	}
	list := make([]any, r.Len())
	for i := range list {
		list[i] = r.Index(i).Interface()
	}
	return list, nil
}

// body evaluates a loop's expression for one element.
func (m *machine) body(n *ast.BuiltinNode, l loop) (any, error) {
	if len(n.Arguments) < 2 {
		return l.item, nil
	}
	m.loops = append(m.loops, l)
	v, err := m.eval(n.Arguments[1])
	m.loops = m.loops[:len(m.loops)-1]
	return v, err
}

func (m *machine) holds(n *ast.BuiltinNode, l loop) (bool, error) {
	v, err := m.body(n, l)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok && (v != nil || !m.program.exact()) {
		return false, mismatch("a condition", v, nil)
	}
	return b, nil
}

func (m *machine) counting(n *ast.BuiltinNode, list []any) (any, error) {
	count := 0
	for i, item := range list {
		holds, err := m.holds(n, loop{item: item, index: i})
		switch {
		case err != nil:
			return nil, err
		case n.Name == "all" && !holds:
			return false, nil
		case n.Name == "none" && holds:
			return false, nil
		case n.Name == "any" && holds:
			return true, nil
		case holds:
			count++
		}
	}
	switch n.Name {
	case "count":
		return count, nil
	case "one":
		return count == 1, nil
	}
	return n.Name != "any", nil
}

func (m *machine) filter(n *ast.BuiltinNode, list []any) (any, error) {
	out := []any{}
	for i, item := range list {
		holds, err := m.holds(n, loop{item: item, index: i})
		if err != nil {
			return nil, err
		}
		if !holds {
			continue
		}
		if err := m.budget.list(1); err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func (m *machine) mapped(n *ast.BuiltinNode, list []any) (any, error) {
	if err := m.budget.list(len(list)); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, item := range list {
		v, err := m.body(n, loop{item: item, index: i})
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (m *machine) sum(n *ast.BuiltinNode, list []any) (total any, err error) {
	total = 0
	for i, item := range list {
		v, err := m.body(n, loop{item: item, index: i})
		if err != nil {
			return nil, err
		}
		if m.program.exact() {
			total, err = m.exact("+", v, total)
		} else {
			total, err = m.former("+", v, total)
		}
		if err != nil || total == nil {
			return nil, err
		}
	}
	return total, nil
}

func (m *machine) find(n *ast.BuiltinNode, list []any) (any, error) {
	backwards := n.Name == "findLast" || n.Name == "findLastIndex"
	for pass := range list {
		i := pass
		if backwards {
			i = len(list) - 1 - pass
		}
		holds, err := m.holds(n, loop{item: list[i], index: i})
		if err != nil {
			return nil, err
		}
		if !holds {
			continue
		}
		if n.Name == "findIndex" || n.Name == "findLastIndex" {
			return i, nil
		}
		return list[i], nil
	}
	return nil, nil
}

// groupBy makes an object in Exact. In Former it makes a map that JSON cannot
// hold.
func (m *machine) groupBy(n *ast.BuiltinNode, list []any) (any, error) {
	former, groups := map[any][]any{}, map[string]any{}
	for i, item := range list {
		key, err := m.body(n, loop{item: item, index: i})
		if err == nil {
			err = m.budget.list(1)
		}
		if err != nil {
			return nil, err
		}
		if !m.program.exact() {
			former[key] = append(former[key], item)
			continue
		}
		name, ok := key.(string)
		if text, number := numberText(key); number {
			name, ok = text, true
		}
		if !ok {
			return nil, mismatch("a group's name", key, nil)
		}
		group, _ := groups[name].([]any)
		groups[name] = append(group, item)
	}
	if !m.program.exact() {
		return former, nil
	}
	return groups, nil
}

func (m *machine) sortBy(n *ast.BuiltinNode, list []any) (any, error) {
	order := any("asc")
	var err error
	if len(n.Arguments) == 3 {
		if order, err = m.eval(n.Arguments[2]); err != nil {
			return nil, err
		}
	}
	if order != "asc" && order != "desc" {
		return nil, failure(`an order is "asc" or "desc"`)
	}
	if err := m.budget.list(2 * len(list)); err != nil {
		return nil, err
	}
	s := &runtime.SortBy{Desc: order == "desc", Array: slices.Clone(list), Values: make([]any, len(list))}
	for i, item := range list {
		if s.Values[i], err = m.body(n, loop{item: item, index: i}); err != nil {
			return nil, err
		}
	}
	if err := m.budget.sort(len(list), s.Values); err != nil {
		return nil, err
	}
	if !m.program.exact() {
		sort.Sort(s)
		return s.Array, nil
	}
	places := make([]int, len(list))
	for i := range places {
		places[i] = i
	}
	if err := m.order(s.Desc, func(compare func(a, b any) int) {
		slices.SortStableFunc(places, func(a, b int) int { return compare(s.Values[a], s.Values[b]) })
	}); err != nil {
		return nil, err
	}
	out := make([]any, len(places))
	for i, at := range places {
		out[i] = list[at]
	}
	return out, nil
}

// order sorts in Exact and returns the first failure to compare.
func (m *machine) order(descending bool, sortWith func(func(a, b any) int)) error {
	var failed error
	sortWith(func(a, b any) int {
		if failed != nil {
			return 0
		}
		c, err := m.compare("sorting", a, b)
		if err != nil {
			failed = err
		}
		if descending {
			return cmp.Compare(0, c)
		}
		return c
	})
	return failed
}

func (m *machine) reduce(n *ast.BuiltinNode, list []any) (any, error) {
	var acc any
	var err error
	first := 0
	if len(n.Arguments) == 3 {
		if acc, err = m.eval(n.Arguments[2]); err != nil {
			return nil, err
		}
	} else {
		if len(list) == 0 {
			return nil, failure("reduce has no first element")
		}
		acc, first = list[0], 1
	}
	for i := first; i < len(list); i++ {
		if acc, err = m.body(n, loop{item: list[i], index: i, acc: acc}); err != nil {
			return nil, err
		}
	}
	return acc, nil
}
