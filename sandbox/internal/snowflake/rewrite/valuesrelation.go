package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// valuesRelation rewrites FROM VALUES (…), (…) [[AS] name [(columns)]]: its columns are COLUMN1,
// COLUMN2 and so on unless they are named.
func (r *Rewriter) valuesRelation(c *cursor) (sqltext.Node, error) {
	c.i++
	var rows []string
	width := 0
	for c.peek(0).Kind == sqltext.KindGroup {
		width = len(sqltext.SplitComma(c.peek(0).Kids))
		row, err := r.group(c.peek(0))
		if err != nil {
			return sqltext.Node{}, err
		}
		rows = append(rows, row.Text)
		c.i++
		if !c.peek(0).IsOp(",") || c.peek(1).Kind != sqltext.KindGroup {
			break
		}
		c.i++
	}
	name := "VALUES"
	if c.peek(0).IsWord("AS") {
		c.i++
	}
	if n := c.peek(0); n.IsName() && !IsKeyword(n.Word()) {
		name = n.Name()
		c.i++
	}
	columns := make([]string, width)
	for i := range columns {
		columns[i] = sqltext.Identifier(fmt.Sprintf("COLUMN%d", i+1))
	}
	if g := c.peek(0); g.Kind == sqltext.KindGroup {
		columns = nil
		for _, item := range sqltext.SplitComma(g.Kids) {
			if len(item) == 1 && item[0].IsName() {
				columns = append(columns, r.env.Spelling.Identifier(item[0].Name()))
			}
		}
		c.i++
	}
	return sqltext.Raw(fmt.Sprintf("(VALUES %s) AS %s(%s)", strings.Join(rows, ", "), r.env.Spelling.Identifier(name), strings.Join(columns, ", "))), nil
}
