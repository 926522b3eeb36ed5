package engine

import (
	"context"
	"fmt"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// codeNanoseconds is the error code for a year outside the range of DuckDB's timestamps in
// nanoseconds.
const codeNanoseconds = "100051"

// widen changes the TIMESTAMP_NTZ columns of the statement's table to whole microseconds,
// which hold every year: DuckDB's timestamps in nanoseconds end in 2261, Snowflake's do
// not. A column with fractions of a microsecond is not changed.
func (st *statement) widen(ctx context.Context) (bool, error) {
	t, err := st.changed()
	if err != nil {
		return false, err
	}
	done := false
	for i, c := range t.columns {
		if c.Type.Logical != "TIMESTAMP_NTZ" || c.Type.Duck() != "TIMESTAMP_NS" {
			continue
		}
		name := c.Identifier()
		var finer bool
		row := st.ses.conn.QueryRowContext(ctx, fmt.Sprintf("SELECT coalesce(bool_or(epoch_ns(%s) %% 1000 <> 0), false) FROM %s", name, t.sqlName()))
		if err := row.Scan(&finer); err != nil {
			return false, err
		}
		if finer {
			continue
		}
		t.columns[i].Type.Wide = true
		if _, err := st.ses.conn.ExecContext(ctx, fmt.Sprintf("ALTER TABLE %s ALTER %s TYPE TIMESTAMP", t.sqlName(), name)); err != nil {
			return false, fmt.Errorf("widening column: %w", err)
		}
		done = true
	}
	if !done {
		return false, nil
	}
	if err := st.comment(ctx, []string{t.database, t.schema, t.name}, t.columns); err != nil {
		return false, err
	}
	st.e.catalog.invalidate()
	st.snap, err = st.e.catalog.read(ctx)
	return true, err
}

// changed is the table that the statement changes.
func (st *statement) changed() (table, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	for p.Peek().IsWord("INTO", "FROM", "OVERWRITE", "TABLE") {
		p.I++
	}
	parts, err := p.Path()
	if err != nil {
		return table{}, err
	}
	return st.target(parts)
}
