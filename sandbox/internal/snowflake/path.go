package snowflake

import (
	"fmt"
	"strings"
)

// path reads a.b[0].c after the colon of a VARIANT.
func (r *rewriter) path(c *cursor, base node) node {
	out := jsonStep(base, c.peek(0))
	c.i++
	for {
		switch n := c.peek(0); {
		case n.isOp(".") && c.peek(1).isName():
			out = jsonStep(out, c.peek(1))
			c.i += 2
		case n.kind == kindIndex && len(n.kids) == 1:
			out = jsonStep(out, n.kids[0])
			c.i++
		default:
			return out
		}
	}
}

func jsonStep(base, key node) node {
	step := `$."` + strings.ReplaceAll(key.text, `"`, `\"`) + `"`
	if key.kind == kindNumber {
		step = "$[" + key.text + "]"
	}
	return rawTagged(fmt.Sprintf("json_extract(%s, %s)", emit([]node{base}), sqlString(step)), valueVariant)
}
