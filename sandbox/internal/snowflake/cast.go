package snowflake

import (
	"fmt"
	"strings"
	"time"
)

// castCall rewrites CAST(x AS type).
func (r *rewriter) castCall(group node, try bool) (node, error) {
	for i := len(group.kids) - 1; i > 0; i-- {
		if !group.kids[i].isWord("AS") {
			continue
		}
		t, used, err := parseType(group.kids[i+1:])
		if err != nil {
			return node{}, err
		}
		if i+1+used != len(group.kids) {
			return node{}, syntaxError("syntax error after the type of a CAST.")
		}
		inner, err := r.list(group.kids[:i])
		if err != nil {
			return node{}, err
		}
		if len(inner) == 1 {
			return r.cast(inner[0], t, try)
		}
		return r.cast(raw("("+emit(inner)+")"), t, try)
	}
	return node{}, syntaxError("syntax error: CAST needs AS and a type.")
}

// cast converts a rewritten expression to a type.
func (r *rewriter) cast(x node, t colType, try bool) (node, error) {
	if x.kind == kindString && !try {
		if lit, done, err := r.castLiteral(x.text, "", t); done || err != nil {
			return lit, err
		}
	}
	return rawTagged(r.convert(emit([]node{x}), x.tag, t, try), t.value()), nil
}

// convert is the SQL that makes a value one of the type t.
func (r *rewriter) convert(x string, tag valueKind, t colType, try bool) string {
	macro := func(name string) string {
		if try {
			name = "try_" + name
		}
		return fmt.Sprintf("memory.main.m_%s(%s, '', %s)", name, x, sqlString(r.env.zone))
	}
	cast := "CAST"
	if try {
		cast = "TRY_CAST"
	}
	switch t.Logical {
	case "TEXT":
		if t.Length < maxText {
			return fmt.Sprintf("left(%s, %d)", macro("text"), t.Length)
		}
		return macro("text")
	case "DATE":
		return macro("date")
	case "TIME":
		return fmt.Sprintf("%s(%s AS %s)", cast, macro("time"), t.duck())
	case "TIMESTAMP_NTZ":
		if t.Scale == 9 {
			return macro("ntz")
		}
		return fmt.Sprintf("%s(%s AS %s)", cast, macro("ntz_us"), t.duck())
	case "TIMESTAMP_LTZ":
		return macro("ltz")
	case "TIMESTAMP_TZ":
		return macro("tz")
	case "BINARY":
		return fmt.Sprintf("memory.main.m_binary(%s)", x)
	case "VARIANT", "OBJECT", "ARRAY":
		return macro("variant")
	}
	if tag == valueVariant {
		x = macro("text")
	}
	return fmt.Sprintf("%s(%s AS %s)", cast, x, t.duck())
}

// castLiteral converts a text literal to a time at once: an error is then an error of
// compilation, and the bound of a comparison can take the form that compares widest.
func (r *rewriter) castLiteral(text, format string, t colType) (out node, done bool, err error) {
	switch t.Logical {
	case "DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
	default:
		return node{}, false, nil
	}
	at, err := toClock("VARCHAR", text, format)
	switch {
	case err != nil && format == "" && t.Logical == "DATE":
		return node{}, false, &Error{"100040", "22007", "Date '" + text + "' is not recognized"}
	case err != nil:
		return node{}, false, err
	}
	out, err = r.instantLiteral(at, t)
	return out, true, err
}

func (r *rewriter) instantLiteral(at instant, t colType) (node, error) {
	loc, err := time.LoadLocation(r.env.zone)
	if err != nil {
		return node{}, &Error{"001073", "22023", "Unknown time zone '" + r.env.zone + "'"}
	}
	switch t.Logical {
	case "DATE":
		return raw("CAST('" + at.clockText()[:10] + "' AS DATE)"), nil
	case "TIMESTAMP_LTZ":
		return rawTagged(at.inZone(loc).ltzSQL(), valueLTZ), nil
	case "TIMESTAMP_TZ":
		return rawTagged(at.inZone(loc).tzSQL(), valueTZ), nil
	}
	if t.Scale < 9 {
		return rawTagged("CAST('"+at.clockText()[:26]+"' AS "+t.duck()+")", valueNTZ), nil
	}
	n := rawTagged(at.ntzSQL(), valueNTZ)
	n.alt = at.ntzBound()
	return n, nil
}

func isComparison(n node) bool {
	if n.kind != kindOp {
		return false
	}
	switch n.text {
	case "=", "<", ">", "<=", ">=", "<>", "!=":
		return true
	}
	return false
}

// compare gives the two sides of each operator a common form where DuckDB would answer
// otherwise than Snowflake: instants with offsets, VARIANTs, division and ||.
func (r *rewriter) compare(out []node) []node {
	out = r.divide(out)
	for i := 1; i+1 < len(out); i++ {
		switch {
		case isComparison(out[i]) && isPrimary(out[i-1]) && isPrimary(out[i+1]):
			out[i-1], out[i+1] = r.pair(out[i-1], out[i+1])
		case out[i].isWord("LIKE", "ILIKE", "IN"):
			left := i - 1
			if out[left].isWord("NOT") && left > 0 {
				left--
			}
			if isPrimary(out[left]) {
				out[left] = r.listed(out[left], out[i].isWord("IN"))
			}
		case out[i].isOp("||") && isPrimary(out[i-1]) && isPrimary(out[i+1]):
			out[i-1], out[i+1] = r.asText(out[i-1]), r.asText(out[i+1])
		case out[i].isWord("BETWEEN") && i+3 < len(out) && isPrimary(out[i-1]) && isPrimary(out[i+1]) && isPrimary(out[i+3]):
			x := out[i-1]
			low, a := r.pair(x, out[i+1])
			high, b := r.pair(x, out[i+3])
			out[i-1], out[i+1], out[i+3] = low, a, b
			if low.text != high.text {
				out[i-1], out[i+1], out[i+3] = r.asInstant(x), r.asInstant(out[i+1]), r.asInstant(out[i+3])
			}
		}
	}
	return out
}

// listed is the left side of LIKE and IN. IN over instants would compare their offsets.
func (r *rewriter) listed(n node, in bool) node {
	switch {
	case n.tag == valueVariant:
		return r.asText(n)
	case in && (n.tag == valueTZ || n.tag == valueMixed):
		return raw(codedExpr("000002", "0A000", "Unsupported feature 'IN over TIMESTAMP_TZ in the sandbox: compare by ='."))
	}
	return n
}

func (r *rewriter) pair(a, b node) (node, node) {
	zoned := func(n node) bool { return n.tag == valueLTZ || n.tag == valueTZ || n.tag == valueMixed }
	switch {
	case zoned(a) || zoned(b):
		if a.tag == valueLTZ && b.tag == valueLTZ {
			return a, b
		}
		return r.asInstant(a), r.asInstant(b)
	case (a.tag == valueVariant) != (b.tag == valueVariant):
		if a.tag == valueVariant {
			return r.variantAs(a, b), b
		}
		return a, r.variantAs(b, a)
	}
	return bound(a), bound(b)
}

func bound(n node) node {
	if n.alt != "" {
		n.text, n.alt = n.alt, ""
	}
	return n
}

func (r *rewriter) asInstant(n node) node {
	text := emit([]node{n})
	switch n.tag {
	case valueLTZ:
		return n
	case valueTZ:
		return rawTagged(fmt.Sprintf("memory.main.m_moment(%s)", text), valueLTZ)
	}
	return rawTagged(fmt.Sprintf("memory.main.m_instant(%s, %s)", text, sqlString(r.env.zone)), valueLTZ)
}

// variantAs makes a VARIANT comparable with a text or a number.
func (r *rewriter) variantAs(v, other node) node {
	text := fmt.Sprintf("memory.main.m_text(%s, '', %s)", v.text, sqlString(r.env.zone))
	if other.kind == kindNumber {
		if strings.ContainsAny(other.text, "eE") {
			return raw("CAST(" + text + " AS DOUBLE)")
		}
		return raw("CAST(" + text + " AS DECIMAL(38,10))")
	}
	return raw(text)
}

// divide hands each division to a macro that refuses two NUMBERs. Its left side is the
// whole product before it, as the precedence of operators has it.
func (r *rewriter) divide(in []node) []node {
	var out []node
	for i := 0; i < len(in); i++ {
		if !in[i].isOp("/") || len(out) == 0 || i+1 >= len(in) || !isPrimary(out[len(out)-1]) || !isPrimary(in[i+1]) {
			out = append(out, in[i])
			continue
		}
		start := len(out) - 1
		for start >= 2 && (out[start-1].isOp("*") || out[start-1].isOp("%")) && isPrimary(out[start-2]) {
			start -= 2
		}
		text := fmt.Sprintf("memory.main.m_divide(%s, %s)", emit(out[start:]), emit(in[i+1:i+2]))
		out = append(out[:start:start], raw(text))
		i++
	}
	return out
}

// asText is an operand of || as Snowflake would print it.
func (r *rewriter) asText(n node) node {
	if n.kind == kindString {
		return n
	}
	return raw(fmt.Sprintf("memory.main.m_text(%s, '', %s)", emit([]node{n}), sqlString(r.env.zone)))
}
