package expression

import (
	"reflect"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
)

// builtin calls a function of the language.
func (m *machine) builtin(n *ast.BuiltinNode) (any, error) {
	if loops(n.Name) {
		return m.loop(n)
	}
	args, err := m.evalAll(n.Arguments)
	if err != nil {
		return nil, err
	}
	if m.program.exact() {
		return m.function(n.Name, args)
	}
	return m.formerFunction(n.Name, args)
}

// call calls number(), or a method of a date.
func (m *machine) call(n *ast.CallNode) (any, error) {
	if id, ok := n.Callee.(*ast.IdentifierNode); ok && id.Value == numberFunction && m.program.exact() {
		args, err := m.evalAll(n.Arguments)
		if err != nil {
			return nil, err
		}
		return m.function(numberFunction, args)
	}
	callee, err := m.eval(n.Callee)
	if err != nil || callee == nil && m.program.exact() {
		return nil, err
	}
	args, err := m.evalAll(n.Arguments)
	if err != nil {
		return nil, err
	}
	f := reflect.ValueOf(callee)
	if f.Kind() != reflect.Func || f.Type().NumIn() != len(args) || f.Type().NumOut() == 0 {
		return nil, failure("a call does not fit what it calls")
	}
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		if arg == nil {
			in[i] = reflect.Zero(f.Type().In(i))
			continue
		}
		in[i] = reflect.ValueOf(arg)
	}
	out := f.Call(in)
	if text, ok := out[0].Interface().(string); ok {
		if err := m.budget.text(len(text)); err != nil {
			return nil, err
		}
	}
	return out[0].Interface(), nil
}

// library calls expr-lang's own function.
func library(name string, args []any) (any, error) {
	at, ok := builtin.Index[name]
	if !ok {
		return nil, failure("a function is not known here")
	}
	switch f := builtin.Builtins[at]; {
	case f.Fast != nil:
		return f.Fast(args[0]), nil
	case f.Safe != nil:
		v, _, err := f.Safe(args...)
		return v, err
	default:
		return f.Func(args...)
	}
}

// valid reports whether a text that was made is one.
func valid(text string) (any, error) {
	if !utf8.ValidString(text) {
		return nil, failure("a text is not valid UTF-8")
	}
	return text, nil
}
