package engine

import (
	"context"
	"errors"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// change runs INSERT, UPDATE, DELETE, MERGE and TRUNCATE.
func (st *statement) change(ctx context.Context, describe bool) (*resultset.Result, error) {
	kind, names := st.changeKind()
	if describe {
		r := resultset.CountResult(kind, names, make([]int64, len(names))...)
		r.Rows, r.Total = [][]*string{}, 0
		return r, nil
	}
	rows, isArray, err := rewrite.ArrayRows(st.binds)
	if err != nil {
		return nil, err
	}
	if isArray && st.nodes[0].IsWord("INSERT") {
		text, err := st.insertSQL(ctx, rows)
		if err != nil {
			return nil, err
		}
		n, err := st.affected(ctx, text)
		return resultset.CountResult(kind, names, n), err
	}
	if !isArray {
		rows = [][]rewrite.BindValue{st.binds}
	}
	counts := make([]int64, len(names))
	for _, binds := range rows {
		if err := st.changeWidening(ctx, binds, counts); err != nil {
			return nil, err
		}
	}
	return resultset.CountResult(kind, names, counts...), nil
}

func (st *statement) changeKind() (int, []string) {
	switch st.nodes[0].Word() {
	case "INSERT":
		return resultset.Insert, []string{"number of rows inserted"}
	case "UPDATE":
		return resultset.Update, []string{"number of rows updated", "number of multi-joined rows updated"}
	case "MERGE":
		return resultset.Merge, []string{"number of rows inserted", "number of rows updated"}
	}
	return resultset.Delete, []string{"number of rows deleted"}
}

// changeWidening runs a change, and runs it again if a column had to be widened for its
// values.
func (st *statement) changeWidening(ctx context.Context, binds []rewrite.BindValue, counts []int64) error {
	st.rw = rewrite.New(st.env(binds))
	before := append([]int64{}, counts...)
	err := st.changeOnce(ctx, counts)
	if err == nil || st.ses.inTransaction || st.e.Translate(err).Code != codeNanoseconds {
		return err
	}
	widened, wideErr := st.widen(ctx)
	if wideErr != nil || !widened {
		return errors.Join(err, wideErr)
	}
	copy(counts, before)
	st.rw = rewrite.New(st.env(binds))
	return st.changeOnce(ctx, counts)
}

func (st *statement) changeOnce(ctx context.Context, counts []int64) error {
	var text string
	var err error
	switch st.nodes[0].Word() {
	case "INSERT":
		text, err = st.insertSQL(ctx, nil)
	case "UPDATE":
		text, err = st.updateSQL()
	case "DELETE":
		text, err = st.deleteSQL()
	case "TRUNCATE":
		text, err = st.truncateSQL()
	case "MERGE":
		return st.merge(ctx, counts)
	}
	if err != nil {
		return err
	}
	n, err := st.affected(ctx, text)
	counts[0] += n
	return err
}

func (st *statement) affected(ctx context.Context, text string) (int64, error) {
	res, err := st.ses.conn.ExecContext(ctx, text)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// updateSQL rewrites UPDATE t SET a = …, b = … [FROM …] [WHERE …].
func (st *statement) updateSQL() (string, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	parts, err := p.Path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	if err != nil {
		return "", err
	}
	alias := ""
	p.Accept("AS")
	if n := p.Peek(); n.IsName() && !n.IsWord("SET") {
		alias = " AS " + sqltext.Identifier(n.Name())
		p.I++
	}
	if !p.Accept("SET") {
		return "", p.Unexpected()
	}
	rest := p.Rest()
	end := 0
	for end < len(rest) && !rest[end].IsWord("FROM", "WHERE") {
		end++
	}
	var sets []string
	for _, item := range sqltext.SplitComma(rest[:end]) {
		set, err := st.assignment(item, t)
		if err != nil {
			return "", err
		}
		sets = append(sets, set)
	}
	tail, err := st.rw.SQL(rest[end:])
	return "UPDATE " + t.sqlName() + alias + " SET " + strings.Join(sets, ", ") + " " + tail, err
}

func (st *statement) assignment(item []sqltext.Node, t table) (string, error) {
	q := &sqltext.Reader{In: item}
	left, err := q.Path()
	if err != nil {
		return "", err
	}
	if !q.Peek().IsOp("=") {
		return "", q.Unexpected()
	}
	c, ok := t.column(left[len(left)-1])
	if !ok {
		return "", sferr.InvalidIdentifier(sqltext.Dotted(left))
	}
	inner, err := st.rw.List(item[q.I+1:])
	if err != nil {
		return "", err
	}
	x := sqltext.Raw("(" + sqltext.Emit(inner) + ")")
	if len(inner) == 1 {
		x = inner[0]
	}
	x, err = st.rw.Assign(x, c.Type)
	return c.Identifier() + " = " + sqltext.Emit([]sqltext.Node{x}), err
}

func (st *statement) deleteSQL() (string, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	if !p.Accept("FROM") {
		return "", p.Unexpected()
	}
	parts, err := p.Path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	if err != nil {
		return "", err
	}
	tail, err := st.rw.SQL(p.Rest())
	return "DELETE FROM " + t.sqlName() + " " + tail, err
}

func (st *statement) truncateSQL() (string, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	p.Accept("TABLE")
	parts, err := p.Path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	return "DELETE FROM " + t.sqlName(), err
}

// merge runs a MERGE and counts the inserted, updated and deleted rows.
func (st *statement) merge(ctx context.Context, counts []int64) error {
	text, err := st.rw.SQL(st.nodes)
	if err != nil {
		return err
	}
	rows, err := st.ses.conn.QueryContext(ctx, text+" RETURNING merge_action")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var action string
		if err := rows.Scan(&action); err != nil {
			return err
		}
		switch action {
		case "INSERT":
			counts[0]++
		default:
			counts[1]++
		}
	}
	return rows.Err()
}
