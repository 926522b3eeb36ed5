package mapping

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"tapline.dev/schemas"
)

// maxExactDigits is how many digits of a NUMBER an expression may compute with:
// a float64 holds them exactly. Longer ones and those with a scale are text.
const maxExactDigits = 15

// maxExpressionNodes keeps an expression's cost in bounds.
const maxExpressionNodes = 500

// expression is a compiled expression over a row's columns.
type expression struct {
	program *vm.Program
	typ     string // of the result, by its static type; empty if not known
	inputs  []input
}

// input is a column that an expression reads.
type input struct {
	name string // in the expression
	slot int
	as   inputForm
}

// inputForm is how a number is handed over.
type inputForm uint8

const (
	formByValue inputForm = iota // whole numbers as int, others as float64 if exact
	formText                     // a NUMBER that can have more digits than computing keeps
	formFloat
)

// variableVisitor finds the names that an expression declares itself.
type variableVisitor map[string]bool

// Visit implements ast.Visitor.
func (v variableVisitor) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.VariableDeclaratorNode); ok {
		v[n.Name] = true
	}
}

// columnVisitor gives each name in an expression its column.
type columnVisitor struct {
	c      *compiler
	path   string
	env    types.Map
	bound  variableVisitor
	inputs []input
	failed bool
}

// Visit implements ast.Visitor.
func (v *columnVisitor) Visit(node *ast.Node) {
	var name string
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		name = n.Value
		if v.bound[name] || strings.HasPrefix(name, "$") {
			return
		}
	case *ast.MemberNode: // $env["a name with blanks"]
		of, isName := n.Node.(*ast.IdentifierNode)
		text, isText := n.Property.(*ast.StringNode)
		if !isName || !isText || of.Value != "$env" {
			return
		}
		name = text.Value
	default:
		return
	}
	for _, in := range v.inputs {
		if in.name == name {
			return
		}
	}
	slot, col, ok := v.c.column(v.path, name)
	if !ok {
		v.failed = true
		return
	}
	in := input{name: name, slot: slot}
	if col != nil {
		v.env[name], in.as = staticType(col)
	}
	v.inputs = append(v.inputs, in)
}

// staticType is the type under which an expression sees a column.
func staticType(col *schemas.Column) (types.Type, inputForm) {
	switch f := family(col.Type); f {
	case columnFixed:
		if col.Scale != 0 || col.Precision == 0 || col.Precision > maxExactDigits {
			return types.String, formText
		}
		return types.Int, formByValue
	case columnReal:
		return types.Float64, formFloat
	case columnBoolean:
		return types.Bool, formByValue
	case columnVariant, columnObject, columnArray:
		return types.Any, formByValue
	}
	return types.String, formByValue
}

// compileExpression checks an expression against the columns; nil means it has a
// problem.
func (c *compiler) compileExpression(path, source string) *expression {
	v := &columnVisitor{c: c, path: path, env: types.Map{}, bound: variableVisitor{}}
	options := []expr.Option{
		expr.MaxNodes(maxExpressionNodes),
		// A row maps to the same record whenever it is mapped.
		expr.DisableBuiltin("now"),
	}
	// The first pass only finds the names.
	collect := append([]expr.Option{expr.AllowUndefinedVariables(), expr.Patch(v.bound), expr.Patch(v)}, options...)
	if _, err := expr.Compile(source, collect...); err != nil {
		c.problem(codeExpressionInvalid, path, "%s", firstLine(err))
		return nil
	}
	if v.failed {
		return nil
	}
	if c.columns != nil {
		options = append(options, expr.Env(v.env))
	} else {
		options = append(options, expr.AllowUndefinedVariables())
	}
	program, err := expr.Compile(source, options...)
	if err != nil {
		c.problem(codeExpressionInvalid, path, "%s", c.explain(err, v.inputs))
		return nil
	}
	e := &expression{program: program, inputs: v.inputs}
	if c.columns != nil {
		e.typ = resultType(program.Node().Type())
	}
	return e
}

// explain adds what surprises people: long numbers are texts.
func (c *compiler) explain(err error, inputs []input) string {
	message := firstLine(err)
	for _, in := range inputs {
		if in.as == formText && strings.Contains(message, "string") {
			return message + "; " + in.name + " can exceed 15 digits or has decimals, so that an expression sees it as text and cannot compute with it"
		}
	}
	return message
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

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

// run evaluates the expression. An expression that cannot be evaluated because a
// column is NULL is NULL itself, as in SQL.
func (e *expression) run(s *scratch) (token, fault) {
	if s.env == nil {
		s.env = map[string]any{}
	}
	clear(s.env)
	anyNull := false
	for _, in := range e.inputs {
		value, ok := inputValue(s.tokens[in.slot], in.as)
		if !ok {
			return token{}, badText
		}
		anyNull = anyNull || value == nil
		s.env[in.name] = value
	}
	machine, ok := s.vm.(*vm.VM)
	if !ok {
		machine = &vm.VM{}
		s.vm = machine
	}
	result, err := machine.Run(e.program, s.env)
	if err != nil {
		if anyNull {
			return token{kind: kindNull}, fault{}
		}
		return token{}, fault{codeExpressionFailed, "the expression cannot be evaluated for this row"}
	}
	return resultToken(result)
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
