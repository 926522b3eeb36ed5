package expression

import (
	"errors"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// machine evaluates one expression for one row.
type machine struct {
	program *Program
	env     map[string]any
	budget  *Budget
	vars    []variable
	loops   []loop
}

type variable struct {
	name  string
	value any
}

// loop is one pass through a list: #, #index and #acc.
type loop struct {
	item, acc any
	index     int
}

// errChainEnds leaves a chain such as a?.b.c when a is NULL.
var errChainEnds = failure("an optional chain ends")

func (m *machine) eval(node ast.Node) (any, error) {
	if err := m.budget.step(1); err != nil {
		return nil, err
	}
	switch n := node.(type) {
	case *ast.NilNode:
		return nil, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode:
		return n.Value, nil
	case *ast.FloatNode:
		return n.Value, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.BytesNode:
		return n.Value, nil
	case *ast.ConstantNode:
		return n.Value, nil
	case *ast.IdentifierNode:
		return m.identifier(n.Value), nil
	case *ast.PointerNode:
		return m.pointer(n.Name)
	case *ast.UnaryNode:
		return m.unary(n)
	case *ast.BinaryNode:
		return m.binary(n)
	case *ast.ConditionalNode:
		return m.conditional(n)
	case *ast.VariableDeclaratorNode:
		return m.declaration(n)
	case *ast.SequenceNode:
		return m.sequence(n)
	case *ast.ArrayNode:
		return m.array(n)
	case *ast.MapNode:
		return m.object(n)
	case *ast.ChainNode:
		return m.chain(n)
	case *ast.MemberNode:
		return m.member(n)
	case *ast.SliceNode:
		return m.slice(n)
	case *ast.BuiltinNode:
		return m.builtin(n)
	case *ast.CallNode:
		return m.call(n)
	case *ast.PredicateNode:
		return m.eval(n.Node)
	}
	return nil, failure("a part of the expression is not known here")
}

func (m *machine) evalAll(nodes []ast.Node) ([]any, error) {
	values := make([]any, len(nodes))
	for i, n := range nodes {
		v, err := m.eval(n)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (m *machine) identifier(name string) any {
	for i := len(m.vars) - 1; i >= 0; i-- {
		if m.vars[i].name == name {
			return m.vars[i].value
		}
	}
	if name == "$env" {
		return m.env
	}
	return m.env[name]
}

func (m *machine) pointer(name string) (any, error) {
	if len(m.loops) == 0 {
		return nil, failure("# stands outside of a loop")
	}
	l := &m.loops[len(m.loops)-1]
	switch name {
	case "index":
		return l.index, nil
	case "acc":
		return l.acc, nil
	}
	return l.item, nil
}

func (m *machine) unary(n *ast.UnaryNode) (any, error) {
	v, err := m.eval(n.Node)
	if err != nil {
		return nil, err
	}
	if m.program.exact() && v == nil {
		return nil, nil
	}
	switch n.Operator {
	case "!", "not":
		b, ok := v.(bool)
		if !ok {
			return nil, mismatch("not", v, nil)
		}
		return !b, nil
	case "-":
		if m.program.exact() {
			return negate(v)
		}
		return runtime.Negate(v), nil
	}
	return v, nil // a plus
}

func (m *machine) binary(n *ast.BinaryNode) (any, error) {
	left, err := m.eval(n.Left)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "??":
		if !runtime.IsNil(left) {
			return left, nil
		}
		return m.eval(n.Right)
	case "and", "&&", "or", "||":
		return m.logical(n, left)
	case "matches":
		if _, constant := m.program.patterns[n]; constant {
			return m.matchesConstant(n, left)
		}
	}
	right, err := m.eval(n.Right)
	if err != nil {
		return nil, err
	}
	if m.program.exact() {
		return m.exact(n.Operator, left, right)
	}
	return m.former(n.Operator, left, right)
}

// logical evaluates and, or. In Exact a NULL is neither true nor false, and the
// result is NULL only if it depends on that NULL.
func (m *machine) logical(n *ast.BinaryNode, left any) (any, error) {
	decides := n.Operator == "or" || n.Operator == "||"
	l, ok := left.(bool)
	if !ok && (left != nil || !m.program.exact()) {
		return nil, mismatch(n.Operator, left, nil)
	}
	if ok && l == decides {
		return decides, nil
	}
	right, err := m.eval(n.Right)
	if err != nil || !m.program.exact() {
		return right, err
	}
	r, isBool := right.(bool)
	switch {
	case !isBool && right != nil:
		return nil, mismatch(n.Operator, right, nil)
	case isBool && r == decides:
		return decides, nil
	case left == nil || right == nil:
		return nil, nil
	}
	return r, nil
}

func (m *machine) conditional(n *ast.ConditionalNode) (any, error) {
	v, err := m.eval(n.Cond)
	if err != nil {
		return nil, err
	}
	if v == nil && m.program.exact() {
		return nil, nil
	}
	condition, ok := v.(bool)
	switch {
	case !ok:
		return nil, mismatch("a condition", v, nil)
	case condition:
		return m.eval(n.Exp1)
	}
	return m.eval(n.Exp2)
}

func (m *machine) declaration(n *ast.VariableDeclaratorNode) (any, error) {
	v, err := m.eval(n.Value)
	if err != nil {
		return nil, err
	}
	m.vars = append(m.vars, variable{n.Name, v})
	defer func() { m.vars = m.vars[:len(m.vars)-1] }()
	return m.eval(n.Expr)
}

func (m *machine) sequence(n *ast.SequenceNode) (v any, err error) {
	for _, part := range n.Nodes {
		if v, err = m.eval(part); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (m *machine) array(n *ast.ArrayNode) (any, error) {
	if err := m.budget.list(len(n.Nodes)); err != nil {
		return nil, err
	}
	return m.evalAll(n.Nodes)
}

func (m *machine) object(n *ast.MapNode) (any, error) {
	if err := m.budget.list(2 * len(n.Pairs)); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(n.Pairs))
	for _, p := range n.Pairs {
		pair, ok := p.(*ast.PairNode)
		if !ok {
			return nil, failure("an object is made of pairs")
		}
		key, err := m.eval(pair.Key)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, mismatch("the name of an object's member", key, nil)
		}
		if out[name], err = m.eval(pair.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (m *machine) chain(n *ast.ChainNode) (any, error) {
	v, err := m.eval(n.Node)
	if errors.Is(err, errChainEnds) || err == nil && runtime.IsNil(v) {
		return nil, nil
	}
	return v, err
}

func (m *machine) member(n *ast.MemberNode) (any, error) {
	base, err := m.eval(n.Node)
	if err != nil {
		return nil, err
	}
	if n.Optional && runtime.IsNil(base) {
		return nil, errChainEnds
	}
	key, err := m.eval(n.Property)
	if err != nil {
		return nil, err
	}
	if m.program.exact() {
		return m.fetch(base, key)
	}
	return runtime.Fetch(base, key), nil
}

func (m *machine) slice(n *ast.SliceNode) (any, error) {
	v, err := m.eval(n.Node)
	if err != nil {
		return nil, err
	}
	bounds := [2]any{0, nil}
	for i, node := range []ast.Node{n.From, n.To} {
		if node == nil {
			continue
		}
		if bounds[i], err = m.eval(node); err != nil {
			return nil, err
		}
		if bounds[i] == nil && m.program.exact() {
			return nil, nil
		}
	}
	if m.program.exact() {
		return m.part(v, bounds[0], bounds[1])
	}
	if n.To == nil {
		bounds[1] = runtime.Len(v)
	}
	return runtime.Slice(v, bounds[0], bounds[1]), nil
}
