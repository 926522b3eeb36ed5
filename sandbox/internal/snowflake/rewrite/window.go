package rewrite

import (
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// window joins OVER (…), FILTER (…) and WITHIN GROUP (…) to the call before them.
func (r *Rewriter) window(c *cursor, call sqltext.Node) (sqltext.Node, error) {
	for {
		n, used := c.peek(0), 1
		switch {
		case n.IsWord("OVER", "FILTER") && c.peek(1).Kind == sqltext.KindGroup:
		case n.IsWord("WITHIN") && c.peek(1).IsWord("GROUP") && c.peek(2).Kind == sqltext.KindGroup:
			used = 2
		case n.IsWord("IGNORE", "RESPECT") && c.peek(1).IsWord("NULLS"):
			return sqltext.Node{}, sferr.Unsupported("%s NULLS", n.Word())
		default:
			return call, nil
		}
		inner, err := r.group(c.peek(used))
		if err != nil {
			return sqltext.Node{}, err
		}
		switch {
		case call.Over != "" && n.IsWord("OVER"):
			call = sqltext.RawOf(strings.ReplaceAll(call.Over, groupMark, " OVER "+inner.Text), call.Value)
			c.i += used + 1
			continue
		case call.Within != "" && n.IsWord("WITHIN"):
			if strings.HasPrefix(call.Within, distinctMark) {
				if call, err = r.orderedDistinct(call, c.peek(used)); err != nil {
					return sqltext.Node{}, err
				}
				c.i += used + 1
				continue
			}
			if strings.Contains(call.Within, expressionMark) {
				if call, err = orderedBy(call, c.peek(used)); err != nil {
					return sqltext.Node{}, err
				}
				call.Text = strings.ReplaceAll(call.Text, expressionMark, strings.TrimSuffix(strings.TrimPrefix(inner.Text, "(ORDER BY "), ")"))
				c.i += used + 1
				continue
			}
			form := strings.ReplaceAll(call.Within, groupMark, strings.TrimSuffix(strings.TrimPrefix(inner.Text, "("), ")"))
			call = sqltext.RawOf(strings.ReplaceAll(form, overMark, ""), call.Value)
			if strings.Contains(form, overMark) {
				call.Over = strings.ReplaceAll(form, overMark, groupMark)
			}
			c.i += used + 1
			continue
		}
		call = sqltext.RawOf(call.Text+" "+sqltext.Emit(c.in[c.i:c.i+used])+" "+inner.Text, call.Value)
		c.i += used + 1
	}
}

func (r *Rewriter) caseExpr(c *cursor) (sqltext.Node, error) {
	start, depth := c.i, 0
	for ; c.i < len(c.in); c.i++ {
		if c.in[c.i].IsWord("CASE") {
			depth++
		}
		if c.in[c.i].IsWord("END") {
			if depth--; depth == 0 {
				break
			}
		}
	}
	if c.i >= len(c.in) {
		return sqltext.Node{}, sferr.Syntax("syntax error unexpected '<EOF>'.")
	}
	inner, err := r.List(c.in[start+1 : c.i])
	c.i++
	if err != nil {
		return sqltext.Node{}, err
	}
	return sqltext.Raw("CASE " + sqltext.Emit(inner) + " END"), nil
}
