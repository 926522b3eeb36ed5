package rewrite

import (
	"fmt"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// groupMark is the placeholder for the clause behind a call: OVER (…), or an order.
const groupMark = "\x02"

// expressionMark is the placeholder for the expression that a group is ordered by.
const expressionMark = "\x03"

// overMark is the placeholder for an OVER clause in a form with an order WITHIN GROUP.
const overMark = "\x05"

// distinctMark stands around what a call with DISTINCT has to be ordered by, before its form.
const distinctMark = "\x04"

// orderedDistinct returns the form of a call of DISTINCT values with WITHIN GROUP (ORDER BY …).
// As in Snowflake, they are ordered by themselves.
func (r *Rewriter) orderedDistinct(call, group sqltext.Node) (sqltext.Node, error) {
	value, form, _ := strings.Cut(strings.TrimPrefix(call.Within, distinctMark), distinctMark)
	order, direction := group.Kids, "ASC"
	if len(order) < 3 || !order[0].IsWord("ORDER") || !order[1].IsWord("BY") {
		return call, sferr.Syntax("syntax error unexpected 'WITHIN'.")
	}
	order = order[2:]
	if n := len(order); n > 2 && order[n-2].IsWord("NULLS") {
		order = order[:n-2] // no NULL is in the list
	}
	if n := len(order); n > 1 && order[n-1].IsWord("ASC", "DESC") {
		order, direction = order[:n-1], order[n-1].Word()
	}
	by, err := r.SQL(order)
	if err != nil {
		return call, err
	}
	if by != value {
		return call, sferr.Unsupported("WITHIN GROUP by something else than the DISTINCT values")
	}
	return sqltext.RawOf(strings.ReplaceAll(form, groupMark, direction), call.Value), nil
}

// orderedBy returns the form of a call with WITHIN GROUP (ORDER BY …). The order must be
// ascending.
func orderedBy(call, group sqltext.Node) (sqltext.Node, error) {
	for _, n := range group.Kids {
		if n.IsWord("DESC", "NULLS") || n.IsOp(",") {
			return call, sferr.Unsupported("WITHIN GROUP of such an order")
		}
	}
	return sqltext.RawOf(call.Within, call.Value), nil
}

func wrongArguments(name string) error {
	return sferr.New("000938", "22023", "SQL compilation error:\nnot enough or too many arguments for function ["+name+"]")
}

// decode rewrites DECODE(x, search, result, …, default), for which two NULLs are equal.
func (r *Rewriter) decode(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) < 3 {
		return sqltext.Node{}, wrongArguments("DECODE")
	}
	texts := make([]string, len(args))
	for i, a := range args {
		text, err := r.SQL(a)
		if err != nil {
			return sqltext.Node{}, err
		}
		texts[i] = text
	}
	out := "CASE"
	i := 1
	for ; i+1 < len(texts); i += 2 {
		out += fmt.Sprintf(" WHEN (%s) IS NOT DISTINCT FROM (%s) THEN %s", texts[0], texts[i], texts[i+1])
	}
	if i < len(texts) {
		out += " ELSE " + texts[i]
	}
	return sqltext.Raw(out + " END"), nil
}

// hash rewrites HASH(x, …), a signed number of 64 bits. The numbers are not Snowflake's.
func (r *Rewriter) hash(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) == 0 {
		return sqltext.Node{}, wrongArguments("HASH")
	}
	texts := make([]string, len(args))
	for i, a := range args {
		text, err := r.SQL(a)
		if err != nil {
			return sqltext.Node{}, err
		}
		texts[i] = text
	}
	return sqltext.Raw("CAST(CAST(hash(" + strings.Join(texts, ", ") + ") AS HUGEINT) - 9223372036854775808 AS BIGINT)"), nil
}

// concatWS rewrites CONCAT_WS. Unlike DuckDB's function, it is NULL if one of its arguments is.
func (r *Rewriter) concatWS(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) < 2 {
		return sqltext.Node{}, wrongArguments("CONCAT_WS")
	}
	var parts []string
	for _, a := range args[1:] {
		text, err := r.SQL(a)
		if err != nil {
			return sqltext.Node{}, err
		}
		parts = append(parts, r.asText(sqltext.Raw("("+text+")")).Text)
	}
	separator, err := r.SQL(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	return sqltext.Raw("(" + strings.Join(parts, " || ("+separator+") || ") + ")"), nil
}

// timeSlice rewrites TIME_SLICE(time, length, part [, 'START' | 'END']) for parts of a fixed length.
func (r *Rewriter) timeSlice(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) < 3 || len(args) > 4 || len(args[1]) != 1 || args[1][0].Kind != sqltext.KindNumber {
		return sqltext.Node{}, wrongArguments("TIME_SLICE")
	}
	part, err := datePartName(args[2])
	if err != nil {
		return sqltext.Node{}, err
	}
	n, err := strconv.ParseInt(args[1][0].Text, 10, 32)
	unit := map[string]int64{"second": 1e6, "minute": 60e6, "hour": 3600e6, "day": 86400e6}[part]
	if err != nil || n < 1 || unit == 0 {
		return sqltext.Node{}, sferr.Unsupported("TIME_SLICE by %s", part)
	}
	x, err := r.wallClock(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	end := int64(0)
	if len(args) == 4 && len(args[3]) == 1 && strings.EqualFold(args[3][0].Text, "END") {
		end = n * unit
	}
	return sqltext.RawOf(fmt.Sprintf("CAST(make_timestamp(epoch_us(%[1]s) - ((epoch_us(%[1]s) %% %[2]d) + %[2]d) %% %[2]d + %[3]d) AS TIMESTAMP_NS)", x, n*unit, end), sqltext.ValueNTZ), nil
}

// trunc rewrites TRUNC(number [, scale]) and TRUNC(date, part).
func (r *Rewriter) trunc(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) == 2 && len(args[1]) == 1 && (args[1][0].Kind == sqltext.KindString || isPartWord(args[1][0])) {
		return r.dateTrunc([][]sqltext.Node{args[1], args[0]})
	}
	if len(args) < 1 || len(args) > 2 {
		return sqltext.Node{}, wrongArguments("TRUNC")
	}
	x, err := r.SQL(args[0])
	if err != nil || len(args) == 1 {
		return sqltext.Raw("trunc(" + x + ")"), err
	}
	digits, err := r.SQL(args[1])
	return sqltext.Raw(fmt.Sprintf("trunc(%s, CAST(%s AS INTEGER))", x, digits)), err
}

// listAgg rewrites LISTAGG([DISTINCT] x [, separator]); an order within its group comes after it.
func (r *Rewriter) listAgg(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) < 1 || len(args) > 2 || len(args[0]) == 0 {
		return sqltext.Node{}, wrongArguments("LISTAGG")
	}
	distinct, value := "", args[0]
	if value[0].IsWord("DISTINCT") {
		distinct, value = "DISTINCT ", value[1:]
	}
	x, err := r.SQL(value)
	if err != nil {
		return sqltext.Node{}, err
	}
	separator := "''"
	if len(args) == 2 {
		if separator, err = r.SQL(args[1]); err != nil {
			return sqltext.Node{}, err
		}
	}
	// Snowflake joins no values to an empty text, DuckDB to NULL.
	call := fmt.Sprintf("coalesce(string_agg(%s%s, %s%s)%s, '')", distinct, r.asText(sqltext.Raw("("+x+")")).Text, separator, overMark, groupMark)
	joined := func(order, over string) string {
		return strings.NewReplacer(overMark, order, groupMark, over).Replace(call)
	}
	out := sqltext.Raw(joined("", ""))
	out.Over = joined("", groupMark)
	if distinct != "" {
		// DuckDB orders distinct texts only; Snowflake orders the values, such as numbers.
		out.Within = distinctMark + x + distinctMark + fmt.Sprintf("coalesce(array_to_string([%s FOR each IN list_sort(list_distinct(list(%s)), '%s')], %s), '')",
			r.asText(sqltext.Raw("each")).Text, x, groupMark, separator)
		return out, nil
	}
	out.Within = joined(" "+groupMark, overMark)
	return out, nil
}

func (r *Rewriter) median(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 1 {
		return sqltext.Node{}, wrongArguments("MEDIAN")
	}
	x, err := r.SQL(args[0])
	return sqltext.Raw("median(CAST(" + x + " AS DOUBLE))"), err
}

// average rewrites AVG. The average of a NUMBER has the scale of a division.
func (r *Rewriter) average(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 1 {
		return sqltext.Node{}, wrongArguments("AVG")
	}
	distinct, arg := "", args[0]
	if len(arg) > 0 && arg[0].IsWord("DISTINCT") {
		distinct, arg = "DISTINCT ", arg[1:]
	}
	inner, err := r.List(arg)
	if err != nil {
		return sqltext.Node{}, err
	}
	x := sqltext.Emit(inner)
	_, scale, ok := numberOf(inner)
	if !ok {
		return sqltext.Raw("memory.main.m_avg(" + distinct + x + ")"), nil
	}
	scale = quotientScale(scale)
	form := fmt.Sprintf("CAST(sf_divide((sum(%[1]s)%[2]s)::VARCHAR, nullif(count(%[1]s)%[2]s, 0)::VARCHAR, '%[3]d') AS DECIMAL(38,%[3]d))", distinct+x, groupMark, scale)
	out := sqltext.RawOf("("+strings.ReplaceAll(form, groupMark, "")+")", numberKind(38, scale))
	out.Over = "(" + form + ")"
	return out, nil
}

// percentile rewrites PERCENTILE_CONT(p) and PERCENTILE_DISC(p) WITHIN GROUP (ORDER BY x).
func (r *Rewriter) percentile(form string) functionRewrite {
	return func(args [][]sqltext.Node) (sqltext.Node, error) {
		if len(args) != 1 {
			return sqltext.Node{}, wrongArguments("PERCENTILE")
		}
		p, err := r.SQL(args[0])
		out := sqltext.Raw(Raise("000904", "42601", "SQL compilation error: PERCENTILE needs WITHIN GROUP"))
		out.Within = fmt.Sprintf(form, expressionMark, p)
		return out, err
	}
}

// interval rewrites x ± INTERVAL 'n part, …', which adds each part in turn.
func (r *Rewriter) interval(c *cursor, out []sqltext.Node) ([]sqltext.Node, error) {
	if len(out) < 2 || !isPrimary(out[len(out)-2]) || !out[len(out)-1].IsOp("+") && !out[len(out)-1].IsOp("-") {
		return nil, sferr.Unsupported("an INTERVAL in such an expression")
	}
	sign := ""
	if out[len(out)-1].IsOp("-") {
		sign = "-"
	}
	x := out[len(out)-2]
	text := sqltext.Emit([]sqltext.Node{x})
	for piece := range strings.SplitSeq(c.peek(1).Text, ",") {
		fields := strings.Fields(piece)
		if len(fields) == 1 {
			fields = append(fields, "second")
		}
		if len(fields) != 2 {
			return nil, sferr.Unsupported("an INTERVAL of such a form")
		}
		n, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, sferr.Unsupported("an INTERVAL of such a form")
		}
		part, err := datePartName([]sqltext.Node{{Kind: sqltext.KindString, Text: fields[1]}})
		if err != nil {
			return nil, err
		}
		text = fmt.Sprintf("sf_dateadd('%s', CAST(%s%d AS BIGINT), %s)", part, sign, n, text)
	}
	c.i += 2
	return append(out[:len(out)-2], sqltext.RawOf(text, x.Value)), nil
}

// allColumns returns the arguments of OBJECT_CONSTRUCT(*): each column's name and value.
func (r *Rewriter) allColumns() ([][]sqltext.Node, error) {
	if r.env.AllColumns == nil {
		return nil, sferr.Unsupported("OBJECT_CONSTRUCT(*) without a table")
	}
	names, ok := r.env.AllColumns()
	if !ok {
		return nil, sferr.Unsupported("OBJECT_CONSTRUCT(*) over more than one table")
	}
	var out [][]sqltext.Node
	for _, name := range names {
		out = append(out, []sqltext.Node{{Kind: sqltext.KindString, Text: name}}, []sqltext.Node{{Kind: sqltext.KindQuoted, Text: name}})
	}
	return out, nil
}

// ratio rewrites RATIO_TO_REPORT(x) OVER (…) of a NUMBER.
func (r *Rewriter) ratio(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 1 {
		return sqltext.Node{}, wrongArguments("RATIO_TO_REPORT")
	}
	inner, err := r.List(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	_, scale, ok := numberOf(inner)
	if !ok {
		return sqltext.Node{}, sferr.Unsupported("RATIO_TO_REPORT of anything but a NUMBER of a known scale")
	}
	x := sqltext.Emit(inner)
	out := sqltext.Raw(Raise("002303", "42601", "SQL compilation error: RATIO_TO_REPORT needs OVER"))
	out.Over = quotient(x, "nullif(sum("+x+")"+groupMark+", 0)", scale).Text
	return out, nil
}
