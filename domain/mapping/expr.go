package mapping

import (
	"context"
	"errors"
	"reflect"

	"github.com/expr-lang/expr/types"

	"tapline.dev/domain/mapping/internal/expression"
	"tapline.dev/schemas"
)

// rowExpression is a compiled expression over a row's columns.
type rowExpression struct {
	program *expression.Program
	typ     string // of the result, by its static type; empty if not known
	inputs  []input
}

// input is a column that an expression reads.
type input struct {
	name   string // in the expression
	slot   int
	column *expression.Column // nil: not known
}

// language returns the language of the import's expressions. An import that was
// applied before numbers were exact does not name a language and has the
// former language.
func language(spec *schemas.ImportSpec) expression.Language {
	if spec.Expressions == schemas.ExpressionsExact {
		return expression.Exact
	}
	return expression.Former
}

// compileExpression checks an expression against the columns; nil means it has a
// problem.
func (c *compiler) compileExpression(path, source string) *rowExpression {
	e := &rowExpression{}
	language := language(c.spec)
	program, err := expression.Compile(expression.Source{
		Text: source, Language: language, Known: c.columns != nil,
		Column: func(name string) (types.Type, bool) {
			slot, col, ok := c.column(path, name)
			if !ok {
				return nil, false
			}
			in := input{name: name, slot: slot, column: seen(col)}
			e.inputs = append(e.inputs, in)
			if in.column == nil {
				return nil, true
			}
			return language.StaticType(*in.column), true
		},
	}, &c.work)
	var limit expression.LimitError
	switch {
	case errors.Is(err, expression.ErrColumn):
		return nil // its problem is noted
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		c.problem(codeExpressionTooLarge, path, "there was no time left to check this expression; apply fewer at once")
		return nil
	case errors.As(err, &limit):
		c.problem(codeExpressionTooLarge, path, "%s", limit)
		return nil
	case err != nil:
		c.problem(codeExpressionInvalid, path, "%s", err)
		return nil
	}
	e.program = program
	e.typ = resultType(program.ResultType())
	return e
}

// seen returns what an expression has to know of a column.
func seen(col *schemas.Column) *expression.Column {
	if col == nil {
		return nil
	}
	f := family(col.Type)
	return &expression.Column{
		Number: f == columnFixed, Precision: col.Precision, Scale: col.Scale,
		Float: f == columnReal, Boolean: f == columnBoolean,
		Nested: f == columnVariant || f == columnObject || f == columnArray,
	}
}

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

var expressionOverBudget = fault{codeExpressionBudget, expression.ErrBudget.Error()}

// run evaluates the expression for the row in s.
func (e *rowExpression) run(s *scratch) (token, fault) {
	if s.env == nil {
		s.env = map[string]any{}
	}
	clear(s.env)
	for _, in := range e.inputs {
		value, err := e.input(s.tokens[in.slot], in.column, &s.budget)
		if err != nil {
			return token{}, expressionFault(err)
		}
		s.env[in.name] = value
	}
	result, err := e.program.Run(s.env, &s.budget)
	if err != nil {
		return token{}, expressionFault(err)
	}
	t, ok := parseToken(result)
	if !ok {
		return token{}, fault{codeExpressionFailed, "the expression's result is no value that JSON can hold"}
	}
	return t, fault{}
}

func expressionFault(err error) fault {
	if errors.Is(err, expression.ErrBudget) {
		return expressionOverBudget
	}
	return fault{codeExpressionFailed, "the expression cannot be evaluated for this row: " + expression.Reason(err)}
}

// input is a column's value as the expression sees it.
func (e *rowExpression) input(t token, column *expression.Column, budget *expression.Budget) (any, error) {
	switch t.kind {
	case kindAbsent, kindNull:
		return nil, nil
	case kindTrue, kindFalse:
		return t.kind == kindTrue, nil
	case kindText:
		text, ok := appendUnescaped(nil, t.raw)
		if !ok {
			return nil, expression.ErrText
		}
		return string(text), nil
	case kindNumber:
		return e.program.Language().Number(t.raw, column)
	}
	return e.program.Nested(t.raw, budget)
}
