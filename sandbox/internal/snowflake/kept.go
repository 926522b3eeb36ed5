package snowflake

import "strings"

// keptCall is a select from a result that is there already, and the columns it names.
type keptCall struct {
	function, argument string
	names              []string // nil for all
}

// keptResult answers SELECT * FROM TABLE(RESULT_SCAN('query id')) and
// SELECT * FROM TABLE(TAPLINE_FIXTURE('name')). The latter may be wrapped in selects that
// only choose columns, since that is how a query is described and read.
func (st *statement) keptResult(describe bool) (*result, bool, error) {
	if !mentions(st.nodes, "TAPLINE_FIXTURE") && !mentions(st.nodes, "RESULT_SCAN") {
		return nil, false, nil
	}
	call, ok := readKept(st.nodes)
	if !ok {
		return nil, false, unsupported("a kept result with anything around it but a choice of columns")
	}
	if call.function == "TAPLINE_FIXTURE" {
		f, ok := st.s.fixtures[strings.ToLower(call.argument)]
		if !ok {
			return nil, false, notFound("Fixture", call.argument)
		}
		r, err := f.result(call.names, describe)
		return r, err == nil, err
	}
	q := st.s.find(call.argument)
	if q == nil || call.names != nil {
		return nil, false, &Error{"000709", "02000", "Statement " + call.argument + " not found"}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.result == nil || q.lost {
		return nil, false, &Error{"000709", "02000", "Statement " + call.argument + " not found"}
	}
	same := *q.result
	same.statement = typeSelect
	return &same, true, nil
}

func mentions(nodes []node, word string) bool {
	for _, n := range nodes {
		if n.isWord(word) || mentions(n.kids, word) {
			return true
		}
	}
	return false
}

// readKept reads SELECT columns FROM (TABLE(f('x')) | (the same again)) [[AS] alias].
func readKept(nodes []node) (keptCall, bool) {
	p := &nodeReader{in: nodes}
	if !p.accept("SELECT") {
		return keptCall{}, false
	}
	start := p.i
	for p.more() && !p.peek().isWord("FROM") {
		p.i++
	}
	names, ok := chosenNames(nodes[start:p.i])
	if !ok || !p.accept("FROM") {
		return keptCall{}, false
	}
	var call keptCall
	switch {
	case p.accept("TABLE"):
		kids := p.peek().kids
		if len(kids) != 2 || len(kids[1].kids) != 1 || kids[1].kids[0].kind != kindString {
			return keptCall{}, false
		}
		call = keptCall{function: kids[0].word(), argument: kids[1].kids[0].text}
	case p.peek().kind == kindGroup:
		if call, ok = readKept(p.peek().kids); !ok {
			return keptCall{}, false
		}
	default:
		return keptCall{}, false
	}
	p.i++
	p.accept("AS")
	if p.peek().isName() && !isKeyword(p.peek().word()) {
		p.i++
	}
	if names != nil {
		call.names = names
	}
	return call, !p.more()
}

// chosenNames reads *, a.*, or a list of plain columns under their own names.
func chosenNames(nodes []node) ([]string, bool) {
	var out []string
	for _, item := range splitComma(nodes) {
		if len(item) == 0 {
			return nil, false
		}
		if isStar(item) {
			return nil, len(splitComma(nodes)) == 1
		}
		name := item[len(item)-1]
		if len(item) > 2 && item[len(item)-2].isWord("AS") {
			item = item[:len(item)-2]
		}
		if !isColumn(item) || item[len(item)-1].name() != name.name() {
			return nil, false
		}
		out = append(out, name.name())
	}
	return out, true
}
