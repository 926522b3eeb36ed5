package rewrite

import (
	"fmt"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Functions holds the functions that the rewrite knows.
type Functions struct {
	same      map[string]string
	templates map[string]map[int]string
	variants  map[string]bool // templates whose answer is a VARIANT
}

// NewFunctions returns the table of all known functions.
func NewFunctions() *Functions {
	return &Functions{sameFunctions(), mergeTemplates(templates(), textTemplates(), numberTemplates(), jsonTemplates(), dateTemplates()), variantResults()}
}

// sameFunctions maps the functions whose meaning is the same in DuckDB to their names
// there. A function that is neither here nor among the rewritten ones is an error, so
// that a DuckDB function of the same name with another meaning is never called.
func sameFunctions() map[string]string {
	out := map[string]string{
		"LEN": "length", "CHARACTER_LENGTH": "length", "LENGTH": "length", "IFNULL": "ifnull", "NVL": "ifnull",
		"STARTSWITH": "starts_with", "ENDSWITH": "ends_with", "CONTAINS": "contains", "POW": "pow", "POWER": "pow",
		"CEIL": "ceil", "COUNT_IF": "count_if", "BOOLAND_AGG": "bool_and",
		"BOOLOR_AGG": "bool_or", "CHR": "chr", "CHAR": "chr",
		"LN":        "ln",
		"ANY_VALUE": "any_value", "MOD": "mod", "COUNT": "count",
	}
	for _, same := range []string{
		"ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "COALESCE", "COS", "DEGREES",
		"DENSE_RANK", "EXP", "FIRST_VALUE", "FLOOR", "LAG", "LAST_VALUE", "LEAD", "LEFT", "LOWER", "LPAD", "LTRIM", "MAX", "MD5", "MIN", "NTILE", "NULLIF", "NTH_VALUE",
		"PERCENT_RANK", "PI", "RADIANS", "RANK", "REPEAT", "REVERSE", "RIGHT", "ROUND", "ROW_NUMBER",
		"RPAD", "RTRIM", "SIGN", "SIN", "SPLIT_PART", "SQRT", "SUBSTR", "SUBSTRING", "SUM", "TAN",
		"TRANSLATE", "TRIM", "UPPER", "CUME_DIST", "MAX_BY", "MIN_BY",
	} {
		if _, ok := out[same]; !ok {
			out[same] = strings.ToLower(same)
		}
	}
	return out
}

// templates returns functions by name and number of arguments, which replace $1, $2, …
func templates() map[string]map[int]string {
	return map[string]map[int]string{
		"IFF":            {3: "CASE WHEN $1 THEN $2 ELSE $3 END"},
		"NVL2":           {3: "CASE WHEN ($1) IS NOT NULL THEN $2 ELSE $3 END"},
		"ZEROIFNULL":     {1: "coalesce($1, 0)"},
		"NULLIFZERO":     {1: "nullif($1, 0)"},
		"EQUAL_NULL":     {2: "(($1) IS NOT DISTINCT FROM ($2))"},
		"SQUARE":         {1: "(($1) * ($1))"},
		"DIV0":           {2: "CASE WHEN ($2) = 0 THEN 0 ELSE memory.main.m_divide($1, $2) END"},
		"UUID_STRING":    {0: "uuid()::VARCHAR"},
		"RANDOM":         {0: "((random() - 0.5) * 18446744073709549568)::BIGINT", 1: "((random() - 0.5) * 18446744073709549568)::BIGINT"},
		"UNIFORM":        {3: "floor(($1) + random() * (($2) - ($1) + 1))::BIGINT"},
		"SEQ4":           {0: "(row_number() OVER () - 1)"},
		"SEQ8":           {0: "(row_number() OVER () - 1)"},
		"TO_DOUBLE":      {1: "CAST($1 AS DOUBLE)"},
		"TRY_TO_DOUBLE":  {1: "TRY_CAST($1 AS DOUBLE)"},
		"TO_BOOLEAN":     {1: "CAST($1 AS BOOLEAN)"},
		"TRY_TO_BOOLEAN": {1: "TRY_CAST($1 AS BOOLEAN)"},
		"TO_BINARY":      {1: "memory.main.m_binary($1)"},
		"SYSTEM$TYPEOF":  {1: "typeof($1)"},
		"ARRAY_SIZE":     {1: "CASE WHEN json_type($1) = 'ARRAY' THEN json_array_length($1) END"},
	}
}

// call rewrites a function call; args are not rewritten yet.
func (r *Rewriter) call(name string, group sqltext.Node) (sqltext.Node, error) {
	args := sqltext.SplitComma(group.Kids)
	if r.functions == nil {
		r.functions = r.functionRewrites()
	}
	if special, ok := r.functions[name]; ok {
		return special(args)
	}
	if forms, ok := r.env.Functions.templates[name]; ok {
		form, ok := forms[len(args)]
		if !ok {
			return sqltext.Node{}, sferr.New("000938", "22023", "SQL compilation error:\nnot enough or too many arguments for function ["+name+"]")
		}
		fill := []string{"$z", r.settings()}
		for i, a := range args {
			text, err := r.SQL(a)
			if err != nil {
				return sqltext.Node{}, err
			}
			fill = append(fill, fmt.Sprintf("$%d", i+1), text)
		}
		out := sqltext.Raw("(" + strings.NewReplacer(fill...).Replace(form) + ")")
		if r.env.Functions.variants[name] {
			out.Value = sqltext.ValueVariant
		}
		return out, nil
	}
	same, ok := r.env.Functions.same[name]
	if !ok {
		return sqltext.Node{}, sferr.UnknownFunction(name)
	}
	inner, err := r.List(group.Kids)
	if err != nil {
		return sqltext.Node{}, err
	}
	switch name {
	case "COALESCE", "NVL", "IFNULL":
		return sqltext.RawOf(same+"("+sqltext.Emit(inner)+")", commonKind(sqltext.SplitComma(inner))), nil
	case "MAX", "MIN", "ANY_VALUE", "NULLIF", "FIRST_VALUE", "LAST_VALUE", "LAG", "LEAD":
		return sqltext.RawOf(same+"("+sqltext.Emit(inner)+")", kindOf(inner)), nil
	case "COUNT":
		return r.count(same, inner), nil
	}
	known := resultKind(name, inner)
	for i, n := range inner { // other functions get the text of a VARIANT, to which Snowflake casts it
		if n.Value == sqltext.ValueVariant {
			inner[i] = r.asText(n)
		}
	}
	return sqltext.RawOf(same+"("+sqltext.Emit(inner)+")", known), nil
}

// functionRewrite rewrites a call from its arguments, which are not rewritten yet.
type functionRewrite func(args [][]sqltext.Node) (sqltext.Node, error)

func (r *Rewriter) functionRewrites() map[string]functionRewrite {
	conversion := func(t sftype.Type, try bool) functionRewrite {
		return func(args [][]sqltext.Node) (sqltext.Node, error) { return r.conversion(args, t, try) }
	}
	number := func(try bool) functionRewrite {
		return func(args [][]sqltext.Node) (sqltext.Node, error) { return r.toNumber(args, try) }
	}
	out := map[string]functionRewrite{
		"DATEADD": r.dateAdd, "TIMESTAMPADD": r.dateAdd, "DATEDIFF": r.dateDiff, "TIMESTAMPDIFF": r.dateDiff,
		"HASH": r.hash, "DATE_TRUNC": r.dateTrunc, "DATE_PART": r.datePart,
		"CONCAT": r.concat, "GREATEST": r.greatestOrLeast("greatest"), "LEAST": r.greatestOrLeast("least"), "ARRAY_AGG": r.arrayAgg,
		"PARSE_JSON": r.parseJSON(false), "TRY_PARSE_JSON": r.parseJSON(true),
		"DECODE": r.decode, "CONCAT_WS": r.concatWS, "TIME_SLICE": r.timeSlice, "TRUNC": r.trunc, "TRUNCATE": r.trunc, "AVG": r.average,
		"MEDIAN": r.median, "TIMEADD": r.dateAdd, "TIMEDIFF": r.dateDiff, "LISTAGG": r.listAgg,
		"PERCENTILE_CONT": r.percentile("quantile_cont(CAST(%s AS DOUBLE), %s)"), "PERCENTILE_DISC": r.percentile("quantile_disc(%s, %s)"),
		"RATIO_TO_REPORT": r.ratio, "OBJECT_CONSTRUCT_KEEP_NULL": r.objectKeepNull,
		"OBJECT_CONSTRUCT": r.object, "ARRAY_CONSTRUCT": r.array, "GET": r.get, "GET_PATH": r.getPath,
	}
	for _, name := range dateFields() {
		out[name] = func(args [][]sqltext.Node) (sqltext.Node, error) { return r.dateField(name, args) }
	}
	for _, name := range []string{"TO_NUMBER", "TO_DECIMAL", "TO_NUMERIC"} {
		out[name], out["TRY_"+name] = number(false), number(true)
	}
	for name, logical := range map[string]string{
		"TO_VARCHAR": "TEXT", "TO_CHAR": "TEXT", "TO_DATE": "DATE", "DATE": "DATE", "TO_TIME": "TIME", "TIME": "TIME",
		"TO_TIMESTAMP": "TIMESTAMP_NTZ", "TO_TIMESTAMP_NTZ": "TIMESTAMP_NTZ", "TO_TIMESTAMP_LTZ": "TIMESTAMP_LTZ",
		"TO_TIMESTAMP_TZ": "TIMESTAMP_TZ", "TO_VARIANT": "VARIANT", "TO_OBJECT": "OBJECT", "TO_ARRAY": "ARRAY",
		"TO_DECFLOAT": "DECFLOAT", "TO_GEOGRAPHY": "GEOGRAPHY",
	} {
		t := sftype.Type{Logical: logical, Scale: 9, Length: sftype.MaxText}
		out[name], out["TRY_"+name] = conversion(t, false), conversion(t, true)
	}
	return out
}

// conversion rewrites TO_x(value[, format]).
func (r *Rewriter) conversion(args [][]sqltext.Node, t sftype.Type, try bool) (sqltext.Node, error) {
	if len(args) == 0 || len(args) > 2 {
		return sqltext.Node{}, sferr.New("000938", "22023", "SQL compilation error:\nnot enough or too many arguments for a conversion")
	}
	inner, err := r.List(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	x := sqltext.Raw("(" + sqltext.Emit(inner) + ")")
	if len(inner) == 1 {
		x = inner[0]
	}
	if len(args) == 1 {
		return r.cast(x, t, try)
	}
	if len(args[1]) == 1 && args[1][0].Kind == sqltext.KindNumber {
		return r.scaledEpoch(x, t, args[1][0].Text)
	}
	if x.Kind == sqltext.KindString && len(args[1]) == 1 && args[1][0].Kind == sqltext.KindString && !try {
		if lit, done, err := r.castLiteral(x.Text, args[1][0].Text, t); done || err != nil {
			return lit, err
		}
	}
	format, err := r.SQL(args[1])
	if err != nil {
		return sqltext.Node{}, err
	}
	macro := map[string]string{"TEXT": "text", "DATE": "date", "TIME": "time", "TIMESTAMP_NTZ": "ntz", "TIMESTAMP_LTZ": "ltz", "TIMESTAMP_TZ": "tz"}[t.Logical]
	if macro == "" {
		return sqltext.Node{}, sferr.Unsupported("a format for %s", t.Logical)
	}
	if try {
		macro = "try_" + macro
	}
	return sqltext.RawOf(fmt.Sprintf("memory.main.m_%s(%s, %s, %s)", macro, sqltext.Emit([]sqltext.Node{x}), format, r.settings()), t.ValueKind()), nil
}

// scaledEpoch is TO_TIMESTAMP_x(number, scale).
func (r *Rewriter) scaledEpoch(x sqltext.Node, t sftype.Type, scale string) (sqltext.Node, error) {
	digits, err := strconv.Atoi(scale)
	if err != nil || digits < 0 || digits > 9 || t.Logical != "TIMESTAMP_NTZ" {
		return sqltext.Node{}, sferr.Unsupported("an epoch with this scale")
	}
	factor := "1" + strings.Repeat("0", 9-digits)
	return sqltext.RawOf(fmt.Sprintf("make_timestamp_ns(CAST((%s) * %s AS BIGINT))", sqltext.Emit([]sqltext.Node{x}), factor), sqltext.ValueNTZ), nil
}

// toNumber is TO_NUMBER(x[, precision[, scale]]).
func (r *Rewriter) toNumber(args [][]sqltext.Node, try bool) (sqltext.Node, error) {
	sizes := []int{}
	for _, a := range args[min(1, len(args)):] {
		if len(a) != 1 || a[0].Kind != sqltext.KindNumber {
			return sqltext.Node{}, sferr.Unsupported("TO_NUMBER with a format")
		}
		v, err := strconv.Atoi(a[0].Text)
		if err != nil {
			return sqltext.Node{}, sferr.Syntax("syntax error unexpected '%s'.", a[0].Text)
		}
		sizes = append(sizes, v)
	}
	t, err := sftype.Named("NUMBER", sizes)
	if err != nil {
		return sqltext.Node{}, err
	}
	return r.conversion(args[:min(1, len(args))], t, try)
}

// concat rewrites CONCAT. Unlike DuckDB's function, it is NULL if one of its arguments is.
func (r *Rewriter) concat(args [][]sqltext.Node) (sqltext.Node, error) {
	parts := make([]string, len(args))
	for i, a := range args {
		text, err := r.SQL(a)
		if err != nil {
			return sqltext.Node{}, err
		}
		parts[i] = r.asText(sqltext.Raw("(" + text + ")")).Text
	}
	return sqltext.Raw("(" + strings.Join(parts, " || ") + ")"), nil
}

// greatestOrLeast rewrites GREATEST and LEAST, which are NULL if one of their arguments is.
func (r *Rewriter) greatestOrLeast(name string) functionRewrite {
	return func(args [][]sqltext.Node) (sqltext.Node, error) {
		texts, nulls := make([]string, len(args)), make([]string, len(args))
		tag := sqltext.ValueUnknown
		for i, a := range args {
			inner, err := r.List(a)
			if err != nil {
				return sqltext.Node{}, err
			}
			if len(inner) == 1 && i == 0 {
				tag = inner[0].Value
			}
			texts[i] = sqltext.Emit(inner)
			nulls[i] = "(" + texts[i] + ") IS NULL"
		}
		return sqltext.RawOf("CASE WHEN "+strings.Join(nulls, " OR ")+" THEN NULL ELSE "+name+"("+strings.Join(texts, ", ")+") END", tag), nil
	}
}
