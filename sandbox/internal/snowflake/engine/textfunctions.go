package engine

import (
	"database/sql"
	"fmt"
	"math"
	"strconv"

	"github.com/duckdb/duckdb-go/v2"

	"tapline.dev/sandbox/internal/snowflake/values"
)

// textOrNull returns a text, or NULL where there is none.
func textOrNull(text string, ok bool, err error) (any, error) {
	if err != nil || !ok {
		return nil, err
	}
	return text, nil
}

// registerTextFunctions adds Snowflake's text functions that DuckDB does not have or that
// mean something else there.
func registerTextFunctions(conn *sql.Conn, types typeInfos, conv *values.Converter) error {
	p := values.NewPatterns()
	truth := func(ok bool, err error) (any, error) { return ok, err }
	count := func(n int, err error) (any, error) { return strconv.Itoa(n), err }
	boolean, err := duckdb.NewTypeInfo(duckdb.TYPE_BOOLEAN)
	if err != nil {
		return fmt.Errorf("describing result types: %w", err)
	}
	text := types.text
	for name, f := range map[string]scalar{
		"regexp_like":    {3, boolean, func(a []string) (any, error) { return truth(p.Like(a[0], a[1], a[2])) }},
		"regexp_count":   {4, text, func(a []string) (any, error) { return count(p.Count(a[0], a[1], a[2], a[3])) }},
		"regexp_substr":  {6, text, func(a []string) (any, error) { return textOrNull(p.Substr(a[0], a[1], a[2], a[3], a[4], a[5])) }},
		"regexp_instr":   {6, text, func(a []string) (any, error) { return count(p.Instr(a[0], a[1], a[2], a[3], a[4], a[5])) }},
		"regexp_replace": {6, text, func(a []string) (any, error) { return p.Replace(a[0], a[1], a[2], a[3], a[4], a[5]) }},
		"initcap":        {2, text, func(a []string) (any, error) { return values.InitCap(a[0], a[1]), nil }},
		"strtok": {3, text, func(a []string) (any, error) {
			token, ok := values.Strtok(a[0], a[1], a[2])
			return textOrNull(token, ok, nil)
		}},
		"soundex":        {1, text, func(a []string) (any, error) { return values.Soundex(a[0]), nil }},
		"divide":         {3, text, func(a []string) (any, error) { return values.Divide(a[0], a[1], a[2]) }},
		"json":           {1, text, func(a []string) (any, error) { return values.CanonicalJSON(a[0]) }},
		"array_distinct": {1, text, func(a []string) (any, error) { return values.ArrayDistinct(a[0]) }},
		"object_delete":  {2, text, func(a []string) (any, error) { return values.ObjectDelete(a[0], a[1]) }},
		"object_pick":    {2, text, func(a []string) (any, error) { return values.ObjectPick(a[0], a[1]) }},
		"object_insert":  {4, text, func(a []string) (any, error) { return values.ObjectInsert(a[0], a[1], a[2], a[3]) }},
		"distance":       {2, text, func(a []string) (any, error) { return values.Distance(a[0], a[1]) }},
		"cbrt": {1, text, func(a []string) (any, error) {
			v, err := strconv.ParseFloat(a[0], 64)
			return strconv.FormatFloat(math.Cbrt(v), 'g', -1, 64), err
		}},
		"months_between": {2, text, func(a []string) (any, error) { return values.MonthsBetween(a[0], a[1]) }},
		"zone_from":      {4, types.ns, func(a []string) (any, error) { return conv.ZoneFrom(a[0], a[1], a[2]) }},
		"zone_of": {4, types.tz, func(a []string) (any, error) {
			at, err := conv.ZoneOf(a[0], a[1], a[2], a[3])
			return map[string]any{"TZ_EPOCH": at.Sec, "TZ_FRACTION": at.Nsec, "TZ_OFFSET": int32(at.Offset)}, err
		}},
	} {
		if err := duckdb.RegisterScalarUDF(conn, "sf_"+name, f); err != nil {
			return fmt.Errorf("registering function: %w", err)
		}
	}
	return nil
}
