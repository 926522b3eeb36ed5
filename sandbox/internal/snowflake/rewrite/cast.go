package rewrite

import (
	"fmt"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// castCall rewrites CAST(x AS type).
func (r *Rewriter) castCall(group sqltext.Node, try bool) (sqltext.Node, error) {
	for i := len(group.Kids) - 1; i > 0; i-- {
		if !group.Kids[i].IsWord("AS") {
			continue
		}
		t, used, err := sftype.Parse(group.Kids[i+1:])
		if err != nil {
			return sqltext.Node{}, err
		}
		if i+1+used != len(group.Kids) {
			return sqltext.Node{}, sferr.Syntax("syntax error after the type of a CAST.")
		}
		inner, err := r.List(group.Kids[:i])
		if err != nil {
			return sqltext.Node{}, err
		}
		if len(inner) == 1 {
			return r.cast(inner[0], t, try)
		}
		return r.cast(sqltext.Raw("("+sqltext.Emit(inner)+")"), t, try)
	}
	return sqltext.Node{}, sferr.Syntax("syntax error: CAST needs AS and a type.")
}

// Cast converts a rewritten expression to a type.
func (r *Rewriter) Cast(x sqltext.Node, t sftype.Type, try bool) (sqltext.Node, error) {
	return r.cast(x, t, try)
}

// cast converts a rewritten expression to a type.
func (r *Rewriter) cast(x sqltext.Node, t sftype.Type, try bool) (sqltext.Node, error) {
	if x.Kind == sqltext.KindString && !try {
		if lit, done, err := r.castLiteral(x.Text, "", t); done || err != nil {
			return lit, err
		}
	}
	return sqltext.RawOf(r.convert(sqltext.Emit([]sqltext.Node{x}), x.Value, t, try), t.ValueKind()), nil
}

// convert returns the SQL that converts a value to the type t.
func (r *Rewriter) convert(x string, tag sqltext.ValueKind, t sftype.Type, try bool) string {
	macro := func(name string) string {
		if try {
			name = "try_" + name
		}
		return fmt.Sprintf("memory.main.m_%s(%s, '', %s)", name, x, r.settings())
	}
	cast := "CAST"
	if try {
		cast = "TRY_CAST"
	}
	if tag == sqltext.ValueDecfloat || (tag == sqltext.ValueGeography || tag == sqltext.ValueMap) && t.Logical == "TEXT" {
		if tag != t.ValueKind() {
			x = unwrapped(x, tag)
		}
	}
	switch t.Logical {
	case "TEXT":
		if t.Length < sftype.MaxText {
			return fmt.Sprintf("left(%s, %d)", macro("text"), t.Length)
		}
		return macro("text")
	case "DATE":
		return macro("date")
	case "TIME":
		if t.Scale%3 != 0 || t.Scale == 0 || t.Scale == 3 { // digits that DuckDB's type would keep
			return fmt.Sprintf("%s(left(CAST(%s AS VARCHAR), %d) AS %s)", cast, macro("time"), timeDigits(t.Scale), t.Duck())
		}
		return fmt.Sprintf("%s(%s AS %s)", cast, macro("time"), t.Duck())
	case "TIMESTAMP_NTZ":
		if t.Duck() == "TIMESTAMP_NS" {
			return scaled("ntz_ns", macro("ntz"), t.Scale, 9)
		}
		return fmt.Sprintf("%s(%s AS %s)", cast, scaled("ntz_us", macro("ntz_us"), min(t.Scale, 6), 6), t.Duck())
	case "TIMESTAMP_LTZ":
		return scaled("ltz", macro("ltz"), t.Scale, 9)
	case "TIMESTAMP_TZ":
		return scaled("tz", macro("tz"), t.Scale, 9)
	case "BINARY":
		return fmt.Sprintf("memory.main.m_binary(%s)", x)
	case "VARIANT", "OBJECT", "ARRAY":
		if tag == sqltext.ValueGeography || tag == sqltext.ValueMap {
			return fmt.Sprintf("CAST(%s AS JSON)", unwrapped(x, tag))
		}
		return macro("variant")
	case "DECFLOAT", "GEOGRAPHY":
		if tag == t.ValueKind() {
			return x
		}
		return fmt.Sprintf("memory.main.m_%s(%s)", strings.ToLower(t.Logical), macro("text"))
	case "MAP":
		if tag == sqltext.ValueMap {
			return x
		}
		return fmt.Sprintf("struct_pack(SF_MAP := CAST(%s AS VARCHAR))", x)
	case "VECTOR":
		return fmt.Sprintf("%s(%s AS %s)", cast, macro("text"), t.Duck())
	}
	if tag == sqltext.ValueVariant {
		x = macro("text")
	}
	return fmt.Sprintf("%s(%s AS %s)", cast, x, t.Duck())
}

// unwrapped returns the SQL of the text in the struct that holds a type which DuckDB does
// not have.
func unwrapped(x string, tag sqltext.ValueKind) string {
	return fmt.Sprintf("(%s).%s", x, sftype.Wrapped(strings.ToUpper(string(tag))))
}

func timeDigits(scale int) int {
	if scale == 0 {
		return len("HH:MM:SS")
	}
	return len("HH:MM:SS.") + scale
}

// scaled truncates the fraction of a second to the scale, as Snowflake does.
func scaled(kind, x string, scale, digits int) string {
	if scale >= digits {
		return x
	}
	unit := "1" + strings.Repeat("0", digits-scale)
	return fmt.Sprintf("memory.main.m_cut_%s(%s, %s)", kind, x, unit)
}

// castLiteral converts a text literal to a time during the rewrite. An error is then a
// compilation error, and in a comparison the literal can take the form that DuckDB compares
// with timestamps of every precision.
func (r *Rewriter) castLiteral(text, format string, t sftype.Type) (out sqltext.Node, done bool, err error) {
	switch t.Logical {
	case "DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
	default:
		return sqltext.Node{}, false, nil
	}
	read := format
	if read == "" {
		read = r.env.Settings.InputFormat(t.Logical)
	}
	at, err := values.ToClock("VARCHAR", text, read)
	switch {
	case err != nil && format == "" && t.Logical == "DATE":
		return sqltext.Node{}, false, sferr.New("100040", "22007", "Date '"+text+"' is not recognized")
	case err != nil:
		return sqltext.Node{}, false, err
	}
	out, err = r.instantLiteral(at, t)
	return out, true, err
}

func (r *Rewriter) instantLiteral(at values.Instant, t sftype.Type) (sqltext.Node, error) {
	loc, err := time.LoadLocation(r.env.Settings.Zone)
	if err != nil {
		return sqltext.Node{}, sferr.New("001073", "22023", "Unknown time zone '"+r.env.Settings.Zone+"'")
	}
	if t.Logical == "TIMESTAMP_LTZ" || t.Logical == "TIMESTAMP_TZ" {
		unit := int32(1)
		for range 9 - t.Scale {
			unit *= 10
		}
		at.Nsec -= at.Nsec % unit
	}
	switch t.Logical {
	case "DATE":
		return sqltext.Raw("CAST('" + at.ClockText()[:10] + "' AS DATE)"), nil
	case "TIMESTAMP_LTZ":
		return sqltext.RawOf(at.InZone(loc).LTZSQL(), sqltext.ValueLTZ), nil
	case "TIMESTAMP_TZ":
		return sqltext.RawOf(at.InZone(loc).TZSQL(), sqltext.ValueTZ), nil
	}
	if t.Scale < 9 || t.Wide {
		digits := min(t.Scale, 6)
		if t.Duck() == "TIMESTAMP_NS" {
			digits = t.Scale
		}
		if t.Wide && at.Nsec%1000 != 0 {
			return sqltext.Raw(Raise("100051", "22003", "The sandbox holds whole microseconds in a TIMESTAMP_NTZ column with years outside of 1678 to 2261")), nil
		}
		text := at.ClockText()[:20+digits]
		return sqltext.RawOf("CAST('"+strings.TrimSuffix(text, ".")+"' AS "+t.Duck()+")", sqltext.ValueNTZ), nil
	}
	n := sqltext.RawOf(at.NTZSQL(), sqltext.ValueNTZ)
	n.Alt = at.NTZBound()
	return n, nil
}

func isComparison(n sqltext.Node) bool {
	if n.Kind != sqltext.KindOp {
		return false
	}
	switch n.Text {
	case "=", "<", ">", "<=", ">=", "<>", "!=":
		return true
	}
	return false
}

// compare converts the two sides of operators to a common form where DuckDB's answer would
// differ from Snowflake's: instants with offsets, VARIANTs, division and ||.
func (r *Rewriter) compare(out []sqltext.Node) []sqltext.Node {
	out = r.divide(out)
	for i := 1; i+1 < len(out); i++ {
		switch {
		case isComparison(out[i]) && isPrimary(out[i-1]) && isPrimary(out[i+1]):
			out[i-1], out[i+1] = r.comparableSides(out[i-1], out[i+1])
		case out[i].IsWord("LIKE", "ILIKE", "IN"):
			left := i - 1
			if out[left].IsWord("NOT") && left > 0 {
				left--
			}
			if isPrimary(out[left]) {
				out[left] = r.leftOfLikeOrIn(out[left], out[i].IsWord("IN"))
			}
		case out[i].IsOp("||") && isPrimary(out[i-1]) && isPrimary(out[i+1]):
			out[i-1], out[i+1] = r.asText(out[i-1]), r.asText(out[i+1])
		case out[i].IsWord("BETWEEN") && i+3 < len(out) && isPrimary(out[i-1]) && isPrimary(out[i+1]) && isPrimary(out[i+3]):
			x := out[i-1]
			low, a := r.comparableSides(x, out[i+1])
			high, b := r.comparableSides(x, out[i+3])
			out[i-1], out[i+1], out[i+3] = low, a, b
			if low.Text != high.Text {
				out[i-1], out[i+1], out[i+3] = r.asInstant(x), r.asInstant(out[i+1]), r.asInstant(out[i+3])
			}
		}
	}
	return out
}

// leftOfLikeOrIn rewrites the left side of LIKE and IN. IN over TIMESTAMP_TZ is refused:
// DuckDB would compare the offsets too.
func (r *Rewriter) leftOfLikeOrIn(n sqltext.Node, in bool) sqltext.Node {
	switch {
	case n.Value == sqltext.ValueVariant:
		return r.asText(n)
	case in && (n.Value == sqltext.ValueTZ || n.Value == sqltext.ValueMixed):
		return sqltext.Raw(Raise("000002", "0A000", "Unsupported feature 'IN over TIMESTAMP_TZ in the sandbox: compare by ='."))
	}
	return n
}

func (r *Rewriter) comparableSides(a, b sqltext.Node) (sqltext.Node, sqltext.Node) {
	for _, n := range []sqltext.Node{a, b} {
		switch n.Value {
		case sqltext.ValueDecfloat, sqltext.ValueGeography, sqltext.ValueMap, sqltext.ValueVector:
			refused := sqltext.Raw(Raise("000002", "0A000", "Unsupported feature 'comparison of a "+strings.ToUpper(string(n.Value))+" in the sandbox'."))
			return refused, refused
		}
	}
	zoned := func(n sqltext.Node) bool {
		return n.Value == sqltext.ValueLTZ || n.Value == sqltext.ValueTZ || n.Value == sqltext.ValueMixed
	}
	switch {
	case zoned(a) || zoned(b):
		if a.Value == sqltext.ValueLTZ && b.Value == sqltext.ValueLTZ {
			return a, b
		}
		return r.asInstant(a), r.asInstant(b)
	case (a.Value == sqltext.ValueVariant) != (b.Value == sqltext.ValueVariant):
		if a.Value == sqltext.ValueVariant {
			return r.variantAs(a, b), b
		}
		return a, r.variantAs(b, a)
	}
	return widestForm(a), widestForm(b)
}

// widestForm returns the form of a literal that DuckDB compares with timestamps of every
// precision and year.
func widestForm(n sqltext.Node) sqltext.Node {
	if n.Alt != "" {
		n.Text, n.Alt = n.Alt, ""
	}
	return n
}

func (r *Rewriter) asInstant(n sqltext.Node) sqltext.Node {
	text := sqltext.Emit([]sqltext.Node{n})
	switch n.Value {
	case sqltext.ValueLTZ:
		return n
	case sqltext.ValueTZ:
		return sqltext.RawOf(fmt.Sprintf("memory.main.m_moment(%s)", text), sqltext.ValueLTZ)
	}
	return sqltext.RawOf(fmt.Sprintf("memory.main.m_instant(%s, %s)", text, r.settings()), sqltext.ValueLTZ)
}

// variantAs converts a VARIANT for a comparison with a text or a number.
func (r *Rewriter) variantAs(v, other sqltext.Node) sqltext.Node {
	text := fmt.Sprintf("memory.main.m_text(%s, '', %s)", v.Text, r.settings())
	if other.Kind == sqltext.KindNumber {
		if strings.ContainsAny(other.Text, "eE") {
			return sqltext.Raw("CAST(" + text + " AS DOUBLE)")
		}
		return sqltext.Raw("CAST(" + text + " AS DECIMAL(38,10))")
	}
	return sqltext.Raw(text)
}

// asText converts an operand of || to the text that Snowflake would print.
func (r *Rewriter) asText(n sqltext.Node) sqltext.Node {
	switch {
	case n.Kind == sqltext.KindString:
		return n
	case n.Value == sqltext.ValueDecfloat, n.Value == sqltext.ValueGeography, n.Value == sqltext.ValueMap:
		return sqltext.Raw(unwrapped(n.Text, n.Value))
	}
	return sqltext.Raw(fmt.Sprintf("memory.main.m_text(%s, '', %s)", sqltext.Emit([]sqltext.Node{n}), r.settings()))
}
