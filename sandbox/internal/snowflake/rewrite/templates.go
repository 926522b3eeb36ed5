package rewrite

import "fmt"

// In templates $1, $2, … are the arguments and $z is the session's settings. A template is
// DuckDB SQL with the documented meaning of the Snowflake function, whatever DuckDB's
// function of that name does.

func mergeTemplates(sets ...map[string]map[int]string) map[string]map[int]string {
	out := map[string]map[int]string{}
	for _, set := range sets {
		for name, forms := range set {
			if out[name] == nil {
				out[name] = map[int]string{}
			}
			for n, form := range forms {
				out[name][n] = form
			}
		}
	}
	return out
}

func textTemplates() map[string]map[int]string {
	return map[string]map[int]string{
		"CHARINDEX":              {2: "strpos($2, $1)", 3: "CASE WHEN strpos(substr($2, $3), $1) = 0 THEN 0 ELSE strpos(substr($2, $3), $1) + $3 - 1 END"},
		"POSITION":               {2: "strpos($2, $1)", 3: "CASE WHEN strpos(substr($2, $3), $1) = 0 THEN 0 ELSE strpos(substr($2, $3), $1) + $3 - 1 END"},
		"INSERT":                 {4: "left($1, CAST($2 AS BIGINT) - 1) || $4 || substr($1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT))"},
		"SPACE":                  {1: "repeat(' ', CAST($1 AS BIGINT))"},
		"INITCAP":                {1: "sf_initcap($1, ' ')", 2: "sf_initcap($1, $2)"},
		"STRTOK":                 {1: "sf_strtok($1, ' ', '1')", 2: "sf_strtok($1, $2, '1')", 3: "sf_strtok($1, $2, ($3)::VARCHAR)"},
		"SOUNDEX":                {1: "sf_soundex($1)"},
		"EDITDISTANCE":           {2: "levenshtein($1, $2)"},
		"JAROWINKLER_SIMILARITY": {2: "CAST(floor(jaro_winkler_similarity(lower($1), lower($2)) * 100) AS BIGINT)"},
		"REGEXP_LIKE":            {2: "sf_regexp_like($1, $2, '')", 3: "sf_regexp_like($1, $2, $3)"},
		"RLIKE":                  {2: "sf_regexp_like($1, $2, '')", 3: "sf_regexp_like($1, $2, $3)"},
		"REGEXP":                 {2: "sf_regexp_like($1, $2, '')"},
		"REGEXP_COUNT":           {2: "CAST(sf_regexp_count($1, $2, '1', '') AS BIGINT)", 3: "CAST(sf_regexp_count($1, $2, ($3)::VARCHAR, '') AS BIGINT)", 4: "CAST(sf_regexp_count($1, $2, ($3)::VARCHAR, $4) AS BIGINT)"},
		"REGEXP_SUBSTR":          regexpForms("sf_regexp_substr(%s)"),
		"REGEXP_INSTR":           {2: "CAST(sf_regexp_instr($1, $2, '1', '1', '0', '') AS BIGINT)", 3: "CAST(sf_regexp_instr($1, $2, ($3)::VARCHAR, '1', '0', '') AS BIGINT)", 4: "CAST(sf_regexp_instr($1, $2, ($3)::VARCHAR, ($4)::VARCHAR, '0', '') AS BIGINT)", 5: "CAST(sf_regexp_instr($1, $2, ($3)::VARCHAR, ($4)::VARCHAR, ($5)::VARCHAR, '') AS BIGINT)", 6: "CAST(sf_regexp_instr($1, $2, ($3)::VARCHAR, ($4)::VARCHAR, ($5)::VARCHAR, $6) AS BIGINT)"},
		"REGEXP_REPLACE":         {2: "sf_regexp_replace($1, $2, '', '1', '0', '')", 3: "sf_regexp_replace($1, $2, $3, '1', '0', '')", 4: "sf_regexp_replace($1, $2, $3, ($4)::VARCHAR, '0', '')", 5: "sf_regexp_replace($1, $2, $3, ($4)::VARCHAR, ($5)::VARCHAR, '')", 6: "sf_regexp_replace($1, $2, $3, ($4)::VARCHAR, ($5)::VARCHAR, $6)"},
		"BASE64_ENCODE":          {1: "to_base64(CASE WHEN typeof($1) = 'BLOB' THEN from_hex(hex($1)) ELSE encode(($1)::VARCHAR) END)"},
		"BASE64_DECODE_STRING":   {1: "decode(from_base64($1))"},
		"HEX_DECODE_STRING":      {1: "decode(from_hex($1))"},
		"HEX_ENCODE":             {1: "hex($1)"},
		"MD5_HEX":                {1: "md5($1)"},
		"SHA1":                   {1: "sha1($1)"},
		"SHA1_HEX":               {1: "sha1($1)"},
		"SHA2":                   {1: "sha256($1)"},
		"SHA2_HEX":               {1: "sha256($1)"},
		"BIT_LENGTH":             {1: "octet_length(encode($1)) * 8"},
		"OCTET_LENGTH":           {1: "octet_length(encode($1))"},
		"UNICODE":                {1: "unicode($1)"},
		"ASCII":                  {1: "ascii($1)"},
		"RTRIMMED_LENGTH":        {1: "length(rtrim($1, ' '))"},
		"REPLACE":                {2: "replace($1, $2, '')", 3: "replace($1, $2, $3)"},
	}
}

// regexpForms returns the templates for the argument lists of REGEXP_SUBSTR: subject, pattern, position,
// occurrence, parameters, group.
func regexpForms(form string) map[int]string {
	lists := map[int]string{
		2: "$1, $2, '1', '1', '', '0'", 3: "$1, $2, ($3)::VARCHAR, '1', '', '0'", 4: "$1, $2, ($3)::VARCHAR, ($4)::VARCHAR, '', '0'",
		5: "$1, $2, ($3)::VARCHAR, ($4)::VARCHAR, $5, '0'", 6: "$1, $2, ($3)::VARCHAR, ($4)::VARCHAR, $5, ($6)::VARCHAR",
	}
	out := map[int]string{}
	for n, list := range lists {
		out[n] = fmt.Sprintf(form, list)
	}
	return out
}

func numberTemplates() map[string]map[int]string {
	return map[string]map[int]string{
		"BITAND":        {2: "CAST($1 AS HUGEINT) & CAST($2 AS HUGEINT)"},
		"BITOR":         {2: "CAST($1 AS HUGEINT) | CAST($2 AS HUGEINT)"},
		"BITXOR":        {2: "xor(CAST($1 AS HUGEINT), CAST($2 AS HUGEINT))"},
		"BITNOT":        {1: "-CAST($1 AS HUGEINT) - 1"},
		"BITSHIFTLEFT":  {2: "CAST($1 AS HUGEINT) * CAST(pow(2, $2) AS HUGEINT)"},
		"BITSHIFTRIGHT": {2: "CAST(floor(CAST($1 AS HUGEINT) // CAST(pow(2, $2) AS HUGEINT)) AS HUGEINT)"},
		"BITAND_AGG":    {1: "bit_and(CAST($1 AS HUGEINT))"},
		"BITOR_AGG":     {1: "bit_or(CAST($1 AS HUGEINT))"},
		"BITXOR_AGG":    {1: "bit_xor(CAST($1 AS HUGEINT))"},
		"CBRT":          {1: "CAST(sf_cbrt((CAST($1 AS DOUBLE))::VARCHAR) AS DOUBLE)"},
		"SINH":          {1: "sinh(CAST($1 AS DOUBLE))"}, "COSH": {1: "cosh(CAST($1 AS DOUBLE))"}, "TANH": {1: "tanh(CAST($1 AS DOUBLE))"},
		"ASINH": {1: "asinh(CAST($1 AS DOUBLE))"}, "ACOSH": {1: "acosh(CAST($1 AS DOUBLE))"}, "ATANH": {1: "atanh(CAST($1 AS DOUBLE))"},
		"COT":          {1: "cot(CAST($1 AS DOUBLE))"},
		"LOG":          {2: "ln(CAST($2 AS DOUBLE)) / ln(CAST($1 AS DOUBLE))"},
		"FACTORIAL":    {1: "CAST(factorial(CAST($1 AS INTEGER)) AS DECIMAL(38,0))"},
		"HAVERSINE":    {4: "2 * 6371.0 * asin(sqrt(pow(sin(radians(CAST($3 AS DOUBLE) - CAST($1 AS DOUBLE)) / 2), 2) + cos(radians(CAST($1 AS DOUBLE))) * cos(radians(CAST($3 AS DOUBLE))) * pow(sin(radians(CAST($4 AS DOUBLE) - CAST($2 AS DOUBLE)) / 2), 2)))"},
		"WIDTH_BUCKET": {4: "CASE WHEN ($1) < ($2) THEN 0 WHEN ($1) >= ($3) THEN CAST($4 AS BIGINT) + 1 ELSE CAST(floor((CAST($1 AS DOUBLE) - CAST($2 AS DOUBLE)) * CAST($4 AS DOUBLE) / (CAST($3 AS DOUBLE) - CAST($2 AS DOUBLE))) AS BIGINT) + 1 END"},
		"DIV0NULL":     {2: "CASE WHEN coalesce($2, 0) = 0 THEN 0 ELSE memory.main.m_divide($1, $2) END"},
		"BOOLAND":      {2: "(($1) <> 0 AND ($2) <> 0)"}, "BOOLOR": {2: "(($1) <> 0 OR ($2) <> 0)"}, "BOOLNOT": {1: "(($1) = 0)"}, "BOOLXOR": {2: "((($1) <> 0) <> (($2) <> 0))"},
		"APPROX_COUNT_DISTINCT": {1: "count(DISTINCT $1)"}, "HLL": {1: "count(DISTINCT $1)"},
		"STDDEV": {1: "stddev_samp(CAST($1 AS DOUBLE))"}, "STDDEV_SAMP": {1: "stddev_samp(CAST($1 AS DOUBLE))"}, "STDDEV_POP": {1: "stddev_pop(CAST($1 AS DOUBLE))"},
		"VARIANCE": {1: "var_samp(CAST($1 AS DOUBLE))"}, "VARIANCE_SAMP": {1: "var_samp(CAST($1 AS DOUBLE))"}, "VAR_SAMP": {1: "var_samp(CAST($1 AS DOUBLE))"},
		"VARIANCE_POP": {1: "var_pop(CAST($1 AS DOUBLE))"}, "VAR_POP": {1: "var_pop(CAST($1 AS DOUBLE))"},
		"KURTOSIS": {1: "kurtosis(CAST($1 AS DOUBLE))"}, "SKEW": {1: "skewness(CAST($1 AS DOUBLE))"},
		"CORR": {2: "corr(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"}, "COVAR_POP": {2: "covar_pop(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"}, "COVAR_SAMP": {2: "covar_samp(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"},
		"REGR_SLOPE": {2: "regr_slope(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"}, "REGR_INTERCEPT": {2: "regr_intercept(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"}, "REGR_R2": {2: "regr_r2(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"}, "REGR_COUNT": {2: "regr_count(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"},
		"MODE": {1: "mode($1)"}, "APPROX_PERCENTILE": {2: "quantile_cont(CAST($1 AS DOUBLE), $2)"},
	}
}

func jsonTemplates() map[string]map[int]string {
	// The texts of the elements of an ARRAY, and an ARRAY of such texts.
	items := "list_transform(json_extract(CAST($1 AS JSON), '$[*]'), lambda e: e::VARCHAR)"
	other := "list_transform(json_extract(CAST($2 AS JSON), '$[*]'), lambda e: e::VARCHAR)"
	one := func(arg string) string { return "(memory.main.m_variant(" + arg + ", '', $z))::VARCHAR" }
	made := func(list string) string { return "CAST('[' || array_to_string(" + list + ", ',') || ']' AS JSON)" }
	kind := "json_type(CAST($1 AS JSON))"
	text := "(CAST($1 AS JSON))::VARCHAR"
	return map[string]map[int]string{
		"TO_JSON":     {1: "sf_json(" + text + ")"},
		"OBJECT_KEYS": {1: "to_json(list_sort(json_keys($1)))"},
		"TYPEOF": {1: "CASE WHEN " + kind + " IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT') THEN 'INTEGER' WHEN " + kind + " = 'DOUBLE' THEN CASE WHEN contains(lower(" + text + "), 'e') THEN 'DOUBLE' WHEN contains(" + text + ", '.') THEN 'DECIMAL' ELSE 'INTEGER' END " +
			"WHEN " + kind + " = 'NULL' THEN 'NULL_VALUE' ELSE " + kind + " END"},
		"IS_NULL_VALUE": {1: kind + " = 'NULL'"}, "IS_ARRAY": {1: kind + " = 'ARRAY'"}, "IS_OBJECT": {1: kind + " = 'OBJECT'"}, "IS_BOOLEAN": {1: kind + " = 'BOOLEAN'"},
		"IS_VARCHAR": {1: kind + " = 'VARCHAR'"}, "IS_CHAR": {1: kind + " = 'VARCHAR'"}, "IS_INTEGER": {1: kind + " IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT')"},
		"AS_VARCHAR": {1: "CASE WHEN " + kind + " = 'VARCHAR' THEN json_extract_string(CAST($1 AS JSON), '$') END"}, "AS_CHAR": {1: "CASE WHEN " + kind + " = 'VARCHAR' THEN json_extract_string(CAST($1 AS JSON), '$') END"},
		"AS_INTEGER": {1: "CASE WHEN " + kind + " IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT') THEN CAST(" + text + " AS DECIMAL(38,0)) END"},
		"AS_DOUBLE":  {1: "CASE WHEN " + kind + " IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE') THEN CAST(" + text + " AS DOUBLE) END"},
		"AS_BOOLEAN": {1: "CASE WHEN " + kind + " = 'BOOLEAN' THEN CAST(" + text + " AS BOOLEAN) END"},
		"CHECK_JSON": {1: "CASE WHEN TRY_CAST($1 AS JSON) IS NULL AND ($1) IS NOT NULL THEN 'invalid JSON' END"},

		"SPLIT":                {2: "to_json(string_split($1, $2))"},
		"STRTOK_TO_ARRAY":      {1: "to_json(list_filter(string_split($1, ' '), lambda e: e <> ''))", 2: "to_json(list_filter(string_split($1, $2), lambda e: e <> ''))"},
		"ARRAY_CONTAINS":       {2: "list_contains(" + other + ", " + one("$1") + ")"},
		"ARRAY_POSITION":       {2: "nullif(list_position(" + other + ", " + one("$1") + "), 0) - 1"},
		"ARRAY_APPEND":         {2: made("list_append(" + items + ", " + one("$2") + ")")},
		"ARRAY_PREPEND":        {2: made("list_prepend(" + one("$2") + ", " + items + ")")},
		"ARRAY_CAT":            {2: made("list_concat(" + items + ", " + other + ")")},
		"ARRAY_COMPACT":        {1: made("list_filter(" + items + ", lambda e: e <> 'null')")},
		"ARRAY_DISTINCT":       {1: "CAST(sf_array_distinct(" + text + ") AS JSON)"},
		"ARRAY_TO_STRING":      {2: "array_to_string(list_transform(json_extract_string(CAST($1 AS JSON), '$[*]'), lambda e: coalesce(e, '')), $2)"},
		"ARRAY_SLICE":          {3: made("list_slice(" + items + ", CAST($2 AS BIGINT) + 1, CAST($3 AS BIGINT))")},
		"ARRAYS_OVERLAP":       {2: "list_has_any(" + items + ", " + other + ")"},
		"ARRAY_INTERSECTION":   {2: made("list_filter(" + items + ", lambda e: list_contains(" + other + ", e))")},
		"ARRAY_REMOVE":         {2: made("list_filter(" + items + ", lambda e: e <> " + one("$2") + ")")},
		"ARRAY_REVERSE":        {1: made("list_reverse(" + items + ")")},
		"ARRAY_INSERT":         {3: made("list_concat(list_append(list_slice(" + items + ", 1, CAST($2 AS BIGINT)), " + one("$3") + "), list_slice(" + items + ", CAST($2 AS BIGINT) + 1, 1000000000))")},
		"ARRAY_GENERATE_RANGE": {2: "to_json(range(CAST($1 AS BIGINT), CAST($2 AS BIGINT)))", 3: "to_json(range(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT)))"},
		"STRIP_NULL_VALUE":     {1: "CASE WHEN " + kind + " <> 'NULL' THEN CAST($1 AS JSON) END"},
		"OBJECT_DELETE":        {2: "CAST(sf_object_delete(" + text + ", $2) AS JSON)"},
		"OBJECT_INSERT":        {3: "CAST(sf_object_insert(" + text + ", $2, " + one("$3") + ", 'false') AS JSON)", 4: "CAST(sf_object_insert(" + text + ", $2, " + one("$3") + ", ($4)::VARCHAR) AS JSON)"},
		"OBJECT_PICK":          {2: "CAST(sf_object_pick(" + text + ", $2) AS JSON)"},
		"OBJECT_AGG":           {2: "CAST('{' || coalesce(string_agg(to_json($1)::VARCHAR || ':' || " + one("$2") + ", ','), '') || '}' AS JSON)"},

		"ST_MAKEPOINT": {2: "memory.main.m_geography('POINT(' || CAST($1 AS DOUBLE)::VARCHAR || ' ' || CAST($2 AS DOUBLE)::VARCHAR || ')')"},
		"ST_POINT":     {2: "memory.main.m_geography('POINT(' || CAST($1 AS DOUBLE)::VARCHAR || ' ' || CAST($2 AS DOUBLE)::VARCHAR || ')')"},
		"ST_DISTANCE":  {2: "CAST(sf_distance(($1).SF_GEOGRAPHY, ($2).SF_GEOGRAPHY) AS DOUBLE)"},
		"ST_X":         {1: "CAST(json_extract_string(($1).SF_GEOGRAPHY, '$.coordinates[0]') AS DOUBLE)"},
		"ST_Y":         {1: "CAST(json_extract_string(($1).SF_GEOGRAPHY, '$.coordinates[1]') AS DOUBLE)"},
		"ST_ASGEOJSON": {1: "CAST(($1).SF_GEOGRAPHY AS JSON)"},
	}
}

// variantResults returns the functions above whose answer is a VARIANT.
func variantResults() map[string]bool {
	out := map[string]bool{}
	for _, name := range []string{
		"SPLIT", "STRTOK_TO_ARRAY", "ARRAY_APPEND", "ARRAY_PREPEND", "ARRAY_CAT", "ARRAY_COMPACT", "ARRAY_DISTINCT", "ARRAY_REVERSE", "ARRAY_INSERT", "ARRAY_GENERATE_RANGE", "ARRAY_SLICE", "ARRAY_INTERSECTION", "ARRAY_REMOVE",
		"STRIP_NULL_VALUE", "OBJECT_DELETE", "OBJECT_INSERT", "OBJECT_PICK", "OBJECT_AGG", "OBJECT_KEYS", "ST_ASGEOJSON",
	} {
		out[name] = true
	}
	return out
}

func dateTemplates() map[string]map[int]string {
	weekday := "list_position(['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'], lower(left($2, 2)))"
	return map[string]map[int]string{
		"NEXT_DAY":        {2: "CAST($1 AS DATE) + CAST((" + weekday + " - isodow(CAST($1 AS DATE)) + 6) % 7 + 1 AS INTEGER)"},
		"PREVIOUS_DAY":    {2: "CAST($1 AS DATE) - CAST((isodow(CAST($1 AS DATE)) - " + weekday + " + 6) % 7 + 1 AS INTEGER)"},
		"ADD_MONTHS":      {2: "CASE WHEN last_day(CAST($1 AS DATE)) = CAST($1 AS DATE) THEN last_day(sf_dateadd('month', CAST($2 AS BIGINT), CAST($1 AS DATE))) ELSE sf_dateadd('month', CAST($2 AS BIGINT), CAST($1 AS DATE)) END"},
		"LAST_DAY":        {1: "last_day(CAST($1 AS DATE))", 2: "sf_dateadd('day', -1, sf_dateadd(lower($2), 1, sf_trunc(lower($2), $z, CAST($1 AS DATE))))"},
		"DATE_FROM_PARTS": {3: "make_date(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))"}, "DATEFROMPARTS": {3: "make_date(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))"},
		"TIME_FROM_PARTS":          {3: "CAST(make_time(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS DOUBLE)) AS TIME_NS)"},
		"TIMESTAMP_NTZ_FROM_PARTS": {6: "CAST(make_timestamp(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS DOUBLE)) AS TIMESTAMP_NS)"},
		"TIMESTAMP_FROM_PARTS":     {6: "CAST(make_timestamp(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS DOUBLE)) AS TIMESTAMP_NS)"},
		"CONVERT_TIMEZONE":         {2: "sf_zone_of(typeof($2), ($2)::VARCHAR, $1, $z)", 3: "sf_zone_from($1, ($3)::VARCHAR, $2, $z)"},
		"MONTHS_BETWEEN":           {2: "CAST(sf_months_between(CAST($1 AS DATE)::VARCHAR, CAST($2 AS DATE)::VARCHAR) AS DOUBLE)"},
	}
}
