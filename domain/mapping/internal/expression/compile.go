package expression

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
)

// Language is what an expression's numbers and texts are.
type Language uint8

// The languages.
const (
	Exact  Language = iota // a NUMBER is an exact decimal
	Former                 // a NUMBER of more than 15 digits or with decimals is a text
)

// Program is a compiled expression: immutable and safe for concurrent use.
type Program struct {
	language Language
	root     ast.Node
	inputs   []string
	patterns map[*ast.BinaryNode]pattern
	result   reflect.Type // nil: not known
}

type pattern struct {
	compiled *regexp.Regexp
	cost     int
}

func (p *Program) exact() bool { return p.language == Exact }

// Language is the language that the expression is in.
func (p *Program) Language() Language { return p.language }

// Inputs are the columns that the expression reads, in the order of first use.
func (p *Program) Inputs() []string { return p.inputs }

// ResultType is the static type of the result, nil if nothing is known of it.
func (p *Program) ResultType() reflect.Type { return p.result }

// Source is an expression to compile.
type Source struct {
	Text     string
	Language Language
	// Column gives a column's static type; false if there is none, and then
	// Compile returns ErrColumn. A nil type means that columns are not known.
	Column func(name string) (types.Type, bool)
	// Known says that the query's columns are known, so that types are checked.
	Known bool
}

// ErrColumn says that Source.Column has refused a name.
var ErrColumn = errors.New("a column is not known")

// Compile checks an expression and prepares it. Work bounds what one definition
// may cost.
func Compile(source Source, work *Work) (*Program, error) {
	if err := work.expression(source.Text); err != nil {
		return nil, err
	}
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	// now() is disabled, so that a row maps to the same record whenever it is
	// mapped.
	config.Disabled["now"] = true
	delete(config.Builtins, "now")
	if source.Language == Exact {
		config.Functions[numberFunction] = &builtin.Function{
			Name: numberFunction, Func: func(...any) (any, error) { return nil, nil },
			Types: []reflect.Type{reflect.TypeFor[func(any) float64]()},
		}
	}
	tree, err := parser.ParseWithConfig(source.Text, config)
	if err != nil {
		return nil, invalid(err)
	}
	p := &Program{language: source.Language, patterns: map[*ast.BinaryNode]pattern{}}
	s := survey{language: source.Language, bound: map[string]bool{}, callees: map[ast.Node]bool{}}
	ast.Walk(&tree.Node, &s)
	if err := work.add(s.nodes); err != nil {
		return nil, err
	}
	if err := p.compilePatterns(s.matches, work); err != nil {
		return nil, err
	}
	env, err := p.columns(source, &tree.Node, &s)
	if err != nil {
		return nil, err
	}
	if source.Known {
		config.WithEnv(env)
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, explained(tree.Node, err, source)
	}
	if source.Known && !tree.Node.Nature().IsUnknown(&config.NtCache) && !tree.Node.Nature().Nil {
		p.result = tree.Node.Type()
	}
	if source.Language == Exact {
		ast.Walk(&tree.Node, literals{source.Text})
	}
	p.root = tree.Node
	return p, nil
}

// survey finds what an expression consists of.
type survey struct {
	language Language
	nodes    int
	bound    map[string]bool   // names that the expression declares itself
	callees  map[ast.Node]bool // names of functions
	matches  []*ast.BinaryNode
}

// Visit implements ast.Visitor.
func (s *survey) Visit(node *ast.Node) {
	s.nodes++
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		s.bound[n.Name] = true
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && id.Value == numberFunction && s.language == Exact {
			s.callees[id] = true
		}
	case *ast.BinaryNode:
		if _, constant := n.Right.(*ast.StringNode); constant && n.Operator == "matches" {
			s.matches = append(s.matches, n)
		}
	}
}

func (p *Program) compilePatterns(matches []*ast.BinaryNode, work *Work) error {
	for _, n := range matches {
		text, ok := n.Right.(*ast.StringNode)
		if !ok {
			continue
		}
		cost, err := patternCost(text.Value)
		if err != nil {
			return err
		}
		if err := work.add(cost); err != nil {
			return err
		}
		compiled, err := regexp.Compile(text.Value)
		if err != nil {
			return fmt.Errorf("compiling a pattern: %w", err)
		}
		p.patterns[n] = pattern{compiled, cost}
	}
	return nil
}

// names finds the columns that an expression reads.
type names struct {
	survey *survey
	found  []string
}

// Visit implements ast.Visitor. Children come before their parents.
func (v *names) Visit(node *ast.Node) {
	name := ""
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if v.survey.bound[n.Value] || v.survey.callees[n] || n.Value == "$env" {
			return
		}
		name = n.Value
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
	for _, known := range v.found {
		if known == name {
			return
		}
	}
	v.found = append(v.found, name)
}

func (p *Program) columns(source Source, root *ast.Node, s *survey) (types.Map, error) {
	v := names{survey: s}
	ast.Walk(root, &v)
	env := types.Map{}
	failed := false
	for _, name := range v.found {
		t, ok := source.Column(name)
		failed = failed || !ok
		if t != nil {
			env[name] = t
		}
	}
	p.inputs = v.found
	if failed {
		return nil, ErrColumn
	}
	return env, nil
}

// literals replaces each literal with decimals by the exact digits that the
// author wrote.
type literals struct{ source string }

// Visit implements ast.Visitor.
func (l literals) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.FloatNode)
	if !ok {
		return
	}
	text := shortestFloat(n.Value)
	if at := n.Location(); at.From >= 0 && at.From < at.To && at.To <= len(l.source) {
		text = strings.ReplaceAll(l.source[at.From:at.To], "_", "")
	}
	v, err := parseNumber(text)
	if err != nil {
		return // beyond an exact number: it stays a FLOAT
	}
	ast.Patch(node, &ast.ConstantNode{Value: v})
}

func invalid(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if strings.Contains(line, "invalid integer literal") {
		line += `; write number("…") around a number of more than 18 digits`
	}
	return errors.New(line)
}

// explained says what to write where a number meets a text.
func explained(root ast.Node, err error, source Source) error {
	var at *file.Error
	if !errors.As(err, &at) || source.Language != Exact {
		return invalid(err)
	}
	f := finder{at: at.Location}
	ast.Walk(&root, &f)
	if f.found == nil {
		return invalid(err)
	}
	return errors.New(mixed(f.found))
}

// finder finds the operator that the checker refuses, if a number meets a text
// there.
type finder struct {
	at    file.Location
	found *ast.BinaryNode
}

// Visit implements ast.Visitor.
func (f *finder) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.BinaryNode)
	if ok && n.Location() == f.at && (isText(n.Left) && isNumeric(n.Right) || isNumeric(n.Left) && isText(n.Right)) {
		f.found = n
	}
}

func isText(n ast.Node) bool { return elementKind(n) == reflect.String }

func isNumeric(n ast.Node) bool {
	k := elementKind(n)
	return k >= reflect.Int && k <= reflect.Float64
}

// elementKind is a value's kind, or of a list that of its elements.
func elementKind(n ast.Node) reflect.Kind {
	t := n.Type()
	if list, ok := n.(*ast.ArrayNode); ok && len(list.Nodes) > 0 {
		return elementKind(list.Nodes[0])
	}
	if t.Kind() == reflect.Slice {
		return t.Elem().Kind()
	}
	return t.Kind()
}

// mixed says what to write instead of a number beside a text.
func mixed(n *ast.BinaryNode) string {
	number, text := n.Left, n.Right
	if isText(n.Left) {
		number, text = n.Right, n.Left
	}
	what := fmt.Sprintf("%s is a number and %s is a text", number, text)
	write := func(changed ast.Node, as string) string {
		left, right := n.Left.String(), n.Right.String()
		if changed == n.Left {
			left = as
		} else {
			right = as
		}
		return left + " " + n.Operator + " " + right
	}
	if list, ok := text.(*ast.ArrayNode); ok {
		return what + "; write " + write(text, unquoted(list)) + ", or " + write(number, "string("+number.String()+")")
	}
	if constant, ok := text.(*ast.StringNode); ok && n.Operator != "+" {
		if _, err := parseNumber(constant.Value); err == nil && constant.Value != "" {
			return what + "; write " + write(text, constant.Value)
		}
	}
	if n.Operator == "+" {
		return what + "; write " + write(number, "string("+number.String()+")") + " to join them"
	}
	return what + "; write " + write(text, "number("+text.String()+")") + ", or " + write(number, "string("+number.String()+")")
}

// unquoted is a list of texts as numbers.
func unquoted(list *ast.ArrayNode) string {
	parts := make([]string, len(list.Nodes))
	for i, n := range list.Nodes {
		parts[i] = n.String()
		if text, ok := n.(*ast.StringNode); ok {
			if _, err := parseNumber(text.Value); err == nil {
				parts[i] = text.Value
			}
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
