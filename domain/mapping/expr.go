package mapping

import (
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
