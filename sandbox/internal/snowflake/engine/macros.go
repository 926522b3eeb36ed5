package engine

import (
	"fmt"

	"tapline.dev/sandbox/internal/snowflake/rewrite"
)

// macros returns macros around the functions, so that rewritten SQL evaluates a value once. They live in the
// catalogue "memory" and are called by their full name from every database. Where a value
// has the right type already the function is left out; DuckDB decides that once a query.
func macros() []string {
	var out []string
	same := map[string]string{"text": "VARCHAR", "ntz": "TIMESTAMP_NS", "ntz_us": "TIMESTAMP", "date": "DATE"}
	for _, name := range []string{"text", "ntz", "ntz_us", "date", "ltz", "tz"} {
		for _, prefix := range []string{"", "try_"} {
			body := fmt.Sprintf("sf_%s%s(typeof(x), x::VARCHAR, f, z)", prefix, name)
			if duck, ok := same[name]; ok {
				body = fmt.Sprintf("CASE WHEN typeof(x) = '%[1]s' AND f = '' THEN x::VARCHAR::%[1]s ELSE %[2]s END", duck, body)
			}
			out = append(out, fmt.Sprintf("CREATE MACRO memory.main.m_%s%s(x, f, z) AS %s", prefix, name, body))
		}
	}
	for _, prefix := range []string{"", "try_"} {
		out = append(out,
			fmt.Sprintf("CREATE MACRO memory.main.m_%[1]stime(x, f, z) AS CAST(sf_%[1]stime(typeof(x), x::VARCHAR, f, z) AS TIME_NS)", prefix),
			fmt.Sprintf("CREATE MACRO memory.main.m_%[1]svariant(x, f, z) AS CAST(sf_%[1]svariant(typeof(x), x::VARCHAR, f, z) AS JSON)", prefix))
	}
	float := func(x string) string { return "typeof(" + x + ") IN ('DOUBLE', 'FLOAT')" }
	out = append(out,
		"CREATE MACRO memory.main.m_cut_ntz_us(x, u) AS make_timestamp(epoch_us(x) - ((epoch_us(x) % u) + u) % u)",
		"CREATE MACRO memory.main.m_cut_ntz_ns(x, u) AS make_timestamp_ns(epoch_ns(x) - ((epoch_ns(x) % u) + u) % u)",
		"CREATE MACRO memory.main.m_cut_ltz(x, u) AS CASE WHEN x IS NULL THEN NULL ELSE struct_pack(LTZ_EPOCH := x.LTZ_EPOCH, LTZ_FRACTION := CAST(x.LTZ_FRACTION - x.LTZ_FRACTION % u AS INTEGER)) END",
		"CREATE MACRO memory.main.m_cut_tz(x, u) AS CASE WHEN x IS NULL THEN NULL ELSE struct_pack(TZ_EPOCH := x.TZ_EPOCH, TZ_FRACTION := CAST(x.TZ_FRACTION - x.TZ_FRACTION % u AS INTEGER), TZ_OFFSET := x.TZ_OFFSET) END",
		"CREATE MACRO memory.main.m_decfloat(x) AS CASE WHEN x IS NULL THEN NULL ELSE struct_pack(SF_DECFLOAT := sf_decfloat('VARCHAR', x, '', '')) END",
		"CREATE MACRO memory.main.m_geography(x) AS CASE WHEN x IS NULL THEN NULL ELSE struct_pack(SF_GEOGRAPHY := sf_geography('VARCHAR', x, '', '')) END",
		// The first day of the week of a date; w is the day on which weeks begin, Monday is 1.
		"CREATE MACRO memory.main.m_week(x, w) AS CAST(x AS DATE) - CAST((isodow(CAST(x AS DATE)) - w + 7) % 7 AS INTEGER)",
	)
	return append(out,
		"CREATE MACRO memory.main.m_instant(x, z) AS sf_ltz(typeof(x), x::VARCHAR, '', z)",
		"CREATE MACRO memory.main.m_moment(x) AS CASE WHEN x IS NULL THEN NULL ELSE struct_pack(LTZ_EPOCH := x.TZ_EPOCH, LTZ_FRACTION := x.TZ_FRACTION) END",
		// The seconds of an instant stand in its struct; those of the others, whole ones
		// rounded down, follow from the microseconds.
		"CREATE MACRO memory.main.m_floor(us) AS (us - ((us % 1000000) + 1000000) % 1000000) // 1000000",
		`CREATE MACRO memory.main.m_epoch(x) AS CASE WHEN typeof(x) LIKE 'STRUCT%'
			THEN TRY_CAST(regexp_extract(x::VARCHAR, 'TZ_EPOCH''?: (-?[0-9]+)', 1) AS BIGINT)
			ELSE memory.main.m_floor(epoch_us(TRY_CAST(x::VARCHAR AS TIMESTAMP))) END`,
		"CREATE MACRO memory.main.m_binary(x) AS CASE WHEN typeof(x) = 'BLOB' THEN from_hex(hex(x)) ELSE from_hex(x::VARCHAR) END",
		fmt.Sprintf("CREATE MACRO memory.main.m_divide(x, y) AS CASE WHEN %s OR %s THEN CASE WHEN y = 0 THEN %s ELSE x / y END ELSE %s END",
			float("x"), float("y"), rewrite.Raise("100051", "22012", "Division by zero"),
			rewrite.Raise("000002", "0A000", "Unsupported feature 'division of two NUMBERs in the sandbox: cast one of them to FLOAT'.")),
		fmt.Sprintf("CREATE MACRO memory.main.m_avg(x) AS CASE WHEN %s THEN avg(x) ELSE %s END", float("any_value(x)"),
			rewrite.Raise("000002", "0A000", "Unsupported feature 'AVG of a NUMBER in the sandbox: cast it to FLOAT'.")),
	)
}
