package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// path reads a.b[0].c after the colon of a VARIANT.
func (r *Rewriter) path(c *cursor, base sqltext.Node) sqltext.Node {
	out := jsonMember(base, c.peek(0))
	c.i++
	for {
		switch n := c.peek(0); {
		case n.IsOp(".") && c.peek(1).IsName():
			out = jsonMember(out, c.peek(1))
			c.i += 2
		case n.Kind == sqltext.KindIndex && len(n.Kids) == 1:
			out = jsonMember(out, n.Kids[0])
			c.i++
		default:
			return out
		}
	}
}

func jsonMember(base, key sqltext.Node) sqltext.Node {
	step := `$."` + strings.ReplaceAll(key.Text, `"`, `\"`) + `"`
	if key.Kind == sqltext.KindNumber {
		step = "$[" + key.Text + "]"
	}
	return sqltext.RawOf(fmt.Sprintf("json_extract(%s, %s)", sqltext.Emit([]sqltext.Node{base}), sqltext.Literal(step)), sqltext.ValueVariant)
}
