package snowflake

import (
	"context"
	"strings"
)

// change runs INSERT, UPDATE, DELETE, MERGE and TRUNCATE.
func (st *statement) change(ctx context.Context, describe bool) (*result, error) {
	kind, names := st.changeKind()
	if describe {
		r := countResult(kind, names, make([]int64, len(names))...)
		r.rows, r.total = [][]*string{}, 0
		return r, nil
	}
	rows, isArray, err := arrayRows(st.binds)
	if err != nil {
		return nil, err
	}
	if isArray && st.nodes[0].isWord("INSERT") {
		text, err := st.insertSQL(rows)
		if err != nil {
			return nil, err
		}
		n, err := st.affected(ctx, text)
		return countResult(kind, names, n), err
	}
	if !isArray {
		rows = [][]bindValue{st.binds}
	}
	counts := make([]int64, len(names))
	for _, binds := range rows {
		st.rw = newRewriter(st.env(binds))
		if err := st.changeOnce(ctx, counts); err != nil {
			return nil, err
		}
	}
	return countResult(kind, names, counts...), nil
}

func (st *statement) changeKind() (int, []string) {
	switch st.nodes[0].word() {
	case "INSERT":
		return typeInsert, []string{"number of rows inserted"}
	case "UPDATE":
		return typeUpdate, []string{"number of rows updated", "number of multi-joined rows updated"}
	case "MERGE":
		return typeMerge, []string{"number of rows inserted", "number of rows updated"}
	}
	return typeDelete, []string{"number of rows deleted"}
}

func (st *statement) changeOnce(ctx context.Context, counts []int64) error {
	var text string
	var err error
	switch st.nodes[0].word() {
	case "INSERT":
		text, err = st.insertSQL(nil)
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
	p := &nodeReader{in: st.nodes, i: 1}
	parts, err := p.path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	if err != nil {
		return "", err
	}
	alias := ""
	p.accept("AS")
	if n := p.peek(); n.isName() && !n.isWord("SET") {
		alias = " AS " + sqlName(n.name())
		p.i++
	}
	if !p.accept("SET") {
		return "", p.unexpected()
	}
	rest := p.rest()
	end := 0
	for end < len(rest) && !rest[end].isWord("FROM", "WHERE") {
		end++
	}
	var sets []string
	for _, item := range splitComma(rest[:end]) {
		set, err := st.assignment(item, t)
		if err != nil {
			return "", err
		}
		sets = append(sets, set)
	}
	tail, err := st.rw.sql(rest[end:])
	return "UPDATE " + t.sqlName() + alias + " SET " + strings.Join(sets, ", ") + " " + tail, err
}

func (st *statement) assignment(item []node, t table) (string, error) {
	q := &nodeReader{in: item}
	left, err := q.path()
	if err != nil {
		return "", err
	}
	if !q.peek().isOp("=") {
		return "", q.unexpected()
	}
	c, ok := t.column(left[len(left)-1])
	if !ok {
		return "", invalidIdentifier(dotted(left))
	}
	inner, err := st.rw.list(item[q.i+1:])
	if err != nil {
		return "", err
	}
	x := raw("(" + emit(inner) + ")")
	if len(inner) == 1 {
		x = inner[0]
	}
	x, err = st.rw.assign(x, c.Type)
	return sqlName(c.Name) + " = " + emit([]node{x}), err
}

func (st *statement) deleteSQL() (string, error) {
	p := &nodeReader{in: st.nodes, i: 1}
	if !p.accept("FROM") {
		return "", p.unexpected()
	}
	parts, err := p.path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	if err != nil {
		return "", err
	}
	tail, err := st.rw.sql(p.rest())
	return "DELETE FROM " + t.sqlName() + " " + tail, err
}

func (st *statement) truncateSQL() (string, error) {
	p := &nodeReader{in: st.nodes, i: 1}
	p.accept("TABLE")
	parts, err := p.path()
	if err != nil {
		return "", err
	}
	t, err := st.target(parts)
	return "DELETE FROM " + t.sqlName(), err
}

// merge runs a MERGE and counts what it did by its actions.
func (st *statement) merge(ctx context.Context, counts []int64) error {
	text, err := st.rw.sql(st.nodes)
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
