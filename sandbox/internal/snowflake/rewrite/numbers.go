package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// numberKind returns the ValueKind of a NUMBER, "number(p,s)".

func numberKind(precision, scale int) sqltext.ValueKind { return sqltext.NumberKind(precision, scale) }

// numberOf returns the precision and scale of an expression; ok is false if it may be
// something else than a NUMBER.
func numberOf(nodes []sqltext.Node) (precision, scale int, ok bool) {
	switch len(nodes) {
	case 1:
		if nodes[0].Kind == sqltext.KindNumber {
			return literalNumber(nodes[0].Text)
		}
		return nodes[0].Value.Number()
	case 2: // a sign
		if nodes[0].IsOp("-") || nodes[0].IsOp("+") {
			return numberOf(nodes[1:])
		}
	case 3:
		p1, s1, ok1 := numberOf(nodes[:1])
		p2, s2, ok2 := numberOf(nodes[2:])
		if !ok1 || !ok2 {
			return 0, 0, false
		}
		switch nodes[1].Text {
		case "+", "-":
			return min(38, max(p1-s1, p2-s2)+max(s1, s2)+1), max(s1, s2), true
		case "*":
			return min(38, p1+p2), s1 + s2, s1+s2 <= 12
		}
	}
	return 0, 0, false
}

// kindOf is what is known of the first of several expressions.
func kindOf(nodes []sqltext.Node) sqltext.ValueKind {
	parts := sqltext.SplitComma(nodes)
	if len(parts) == 0 {
		return ""
	}
	first := undistinct(parts[0])
	if precision, scale, ok := numberOf(first); ok {
		return numberKind(precision, scale)
	}
	if len(first) == 1 {
		return first[0].Value
	}
	return ""
}

// commonKind is what is known of a value that is one of several: of NUMBERs, the scale that
// holds each of them.
func commonKind(parts [][]sqltext.Node) sqltext.ValueKind {
	whole, scale := 0, 0
	for _, part := range parts {
		p, s, ok := numberOf(part)
		if !ok {
			if _, _, number := numberOf(parts[0]); number || len(parts[0]) != 1 {
				return ""
			}
			return parts[0][0].Value
		}
		whole, scale = max(whole, p-s), max(scale, s)
	}
	if len(parts) == 0 || whole+scale > 38 {
		return ""
	}
	return numberKind(whole+scale, scale)
}

// resultKind is what is known of the value of an aggregate of NUMBERs.
func resultKind(name string, inner []sqltext.Node) sqltext.ValueKind {
	switch _, scale, ok := numberOf(undistinct(inner)); {
	case name == "COUNT_IF":
		return numberKind(18, 0)
	case name == "SUM" && ok:
		return numberKind(38, scale)
	}
	return ""
}

// undistinct takes DISTINCT off the argument of an aggregate.
func undistinct(nodes []sqltext.Node) []sqltext.Node {
	if len(nodes) > 0 && nodes[0].IsWord("DISTINCT") {
		return nodes[1:]
	}
	return nodes
}

// count rewrites COUNT, which gives a NUMBER without decimals. Rows of several DISTINCT
// values are those without a NULL, as in Snowflake.
func (r *Rewriter) count(name string, inner []sqltext.Node) sqltext.Node {
	text := sqltext.Emit(inner)
	if parts := sqltext.SplitComma(undistinct(inner)); len(parts) > 1 {
		var known, all []string
		for _, part := range parts {
			one := sqltext.Emit(part)
			known, all = append(known, "("+one+") IS NOT NULL"), append(all, one)
		}
		distinct := ""
		if len(undistinct(inner)) < len(inner) {
			distinct = "DISTINCT "
		}
		text = fmt.Sprintf("%sCASE WHEN %s THEN row(%s) END", distinct, strings.Join(known, " AND "), strings.Join(all, ", "))
	}
	return sqltext.RawOf(name+"("+text+")", numberKind(18, 0))
}

func literalNumber(text string) (precision, scale int, ok bool) {
	if strings.ContainsAny(text, "eE") {
		return 0, 0, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	precision = len(strings.TrimLeft(whole, "0")) + len(fraction)
	return max(precision, 1), len(fraction), precision <= 38
}

// quotientScale returns the scale of a quotient by the scale of the dividend.
func quotientScale(scale int) int { return max(scale, min(scale+6, 12)) }

// quotient divides two NUMBERs exactly and rounds half away from zero.
func quotient(x, y string, scale int) sqltext.Node {
	s := quotientScale(scale)
	return sqltext.RawOf(fmt.Sprintf("CAST(sf_divide((%s)::VARCHAR, (%s)::VARCHAR, '%d') AS DECIMAL(38,%d))", x, y, s, s), numberKind(38, s))
}

// divide rewrites each division. Its dividend is the whole product before it, by the
// precedence of operators. Two NUMBERs of known scales are divided exactly. If a scale is
// not known, the macro refuses to divide two NUMBERs, because the result would be a FLOAT.
func (r *Rewriter) divide(in []sqltext.Node) []sqltext.Node {
	var out []sqltext.Node
	for i := 0; i < len(in); i++ {
		if !in[i].IsOp("/") || len(out) == 0 || i+1 >= len(in) || !isPrimary(out[len(out)-1]) || !isPrimary(in[i+1]) {
			out = append(out, in[i])
			continue
		}
		start := len(out) - 1
		for start >= 2 && (out[start-1].IsOp("*") || out[start-1].IsOp("%")) && isPrimary(out[start-2]) {
			start -= 2
		}
		left, right := sqltext.Emit(out[start:]), sqltext.Emit(in[i+1:i+2])
		_, scale, ok1 := numberOf(out[start:])
		_, _, ok2 := numberOf(in[i+1 : i+2])
		result := sqltext.Raw(fmt.Sprintf("memory.main.m_divide(%s, %s)", left, right))
		if ok1 && ok2 {
			result = quotient(left, right, scale)
		}
		out = append(out[:start:start], result)
		i++
	}
	return out
}
