package engine

import (
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// storedSelect is a select from a stored result (RESULT_SCAN or a fixture), and the
// columns that it names.
type storedSelect struct {
	function, argument string
	last               bool     // the argument is the session's last statement
	names              []string // nil for all
}

// storedResult answers SELECT * FROM TABLE(RESULT_SCAN('query id')) and
// SELECT * FROM TABLE(TAPLINE_FIXTURE('name')). The latter may be inside selects that
// only choose columns, because the extractor describes and reads a query that way.
func (st *statement) storedResult(describe bool) (*resultset.Result, bool, error) {
	if !mentions(st.nodes, "TAPLINE_FIXTURE") && !mentions(st.nodes, "RESULT_SCAN") {
		return nil, false, nil
	}
	call, ok := readStoredSelect(st.nodes)
	if !ok {
		return nil, false, sferr.Unsupported("a kept result with anything around it but a choice of columns")
	}
	if call.function == "TAPLINE_FIXTURE" {
		f, ok := st.e.fixtures[strings.ToLower(call.argument)]
		if !ok {
			return nil, false, sferr.NotFound("Fixture", call.argument)
		}
		r, err := f.Result(call.names, describe)
		return r, err == nil, err
	}
	if call.last {
		call.argument = st.ses.lastQuery
	}
	kept, ok := st.in.Statements.Result(call.argument)
	if !ok || call.names != nil {
		return nil, false, sferr.New("000709", "02000", "Statement "+call.argument+" not found")
	}
	same := *kept
	same.Statement = resultset.Select
	return &same, true, nil
}

func mentions(nodes []sqltext.Node, word string) bool {
	for _, n := range nodes {
		if n.IsWord(word) || mentions(n.Kids, word) {
			return true
		}
	}
	return false
}

// readStoredSelect reads SELECT columns FROM (TABLE(f('x')) | (the same again)) [[AS] alias].
func readStoredSelect(nodes []sqltext.Node) (storedSelect, bool) {
	p := &sqltext.Reader{In: nodes}
	if !p.Accept("SELECT") {
		return storedSelect{}, false
	}
	start := p.I
	for p.More() && !p.Peek().IsWord("FROM") {
		p.I++
	}
	names, ok := chosenNames(nodes[start:p.I])
	if !ok || !p.Accept("FROM") {
		return storedSelect{}, false
	}
	var call storedSelect
	switch {
	case p.Accept("TABLE"):
		kids := p.Peek().Kids
		if len(kids) != 2 {
			return storedSelect{}, false
		}
		switch args := kids[1].Kids; {
		case len(args) == 1 && args[0].Kind == sqltext.KindString:
			call = storedSelect{function: kids[0].Word(), argument: args[0].Text}
		case len(args) == 2 && args[0].IsWord("LAST_QUERY_ID") && args[1].Kind == sqltext.KindGroup && len(args[1].Kids) == 0:
			call = storedSelect{function: kids[0].Word(), last: true}
		default:
			return storedSelect{}, false
		}
	case p.Peek().Kind == sqltext.KindGroup:
		if call, ok = readStoredSelect(p.Peek().Kids); !ok {
			return storedSelect{}, false
		}
	default:
		return storedSelect{}, false
	}
	p.I++
	p.Accept("AS")
	if p.Peek().IsName() && !rewrite.IsKeyword(p.Peek().Word()) {
		p.I++
	}
	if names != nil {
		call.names = names
	}
	return call, !p.More()
}

// chosenNames reads *, a.*, or a list of plain columns under their own names.
func chosenNames(nodes []sqltext.Node) ([]string, bool) {
	var out []string
	for _, item := range sqltext.SplitComma(nodes) {
		if len(item) == 0 {
			return nil, false
		}
		if rewrite.IsStar(item) {
			return nil, len(sqltext.SplitComma(nodes)) == 1
		}
		name := item[len(item)-1]
		if len(item) > 2 && item[len(item)-2].IsWord("AS") {
			item = item[:len(item)-2]
		}
		if !rewrite.IsColumn(item) || item[len(item)-1].Name() != name.Name() {
			return nil, false
		}
		out = append(out, name.Name())
	}
	return out, true
}
