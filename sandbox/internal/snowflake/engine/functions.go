package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"tapline.dev/sandbox/internal/snowflake/values"
)

// scalar is a function of VARCHARs that DuckDB calls for each row.
type scalar struct {
	args   int
	result duckdb.TypeInfo
	call   func(args []string) (any, error)
}

func (f scalar) Config() duckdb.ScalarFuncConfig {
	text, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
	if err != nil {
		return duckdb.ScalarFuncConfig{} // refused by RegisterScalarUDF
	}
	inputs := make([]duckdb.TypeInfo, f.args)
	for i := range inputs {
		inputs[i] = text
	}
	return duckdb.ScalarFuncConfig{InputTypeInfos: inputs, ResultTypeInfo: f.result}
}

func (f scalar) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(values []driver.Value) (any, error) {
		args := make([]string, len(values))
		for i, v := range values {
			text, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("argument %d is not text", i+1)
			}
			args[i] = text
		}
		return f.call(args)
	}}
}

// registerFunctions adds the conversions to DuckDB. Each takes the type and the text of
// a value, a format ("" for AUTO) and the session's zone.
func registerFunctions(ctx context.Context, db *sql.DB) error {
	types, err := resultTypes()
	if err != nil {
		return fmt.Errorf("describing result types: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening connection: %w", err)
	}
	conv := values.NewConverter()
	for name, f := range conversionFunctions(types, conv) {
		for _, tolerant := range []bool{false, true} {
			g := scalar{4, f.result, f.call}
			full := "sf_" + name
			if tolerant {
				full, g.call = "sf_try_"+name, orNull(f.call)
			}
			if err := duckdb.RegisterScalarUDF(conn, full, g); err != nil {
				return fmt.Errorf("registering function: %w", err)
			}
		}
	}
	if err := duckdb.RegisterScalarUDFSet(conn, "sf_dateadd", dateAddOverloads(types)...); err != nil {
		return fmt.Errorf("registering function: %w", err)
	}
	if err := duckdb.RegisterScalarUDFSet(conn, "sf_trunc", dateTruncOverloads(types, conv)...); err != nil {
		return fmt.Errorf("registering function: %w", err)
	}
	if err := registerTextFunctions(conn, types, conv); err != nil {
		return err
	}
	for _, macro := range macros() {
		if _, err := conn.ExecContext(ctx, macro); err != nil {
			return fmt.Errorf("creating macro: %w", err)
		}
	}
	return conn.Close()
}

func orNull(call func([]string) (any, error)) func([]string) (any, error) {
	return func(args []string) (any, error) {
		v, err := call(args)
		if err != nil {
			return nil, nil //nolint:nilerr,nilnil // TRY_ functions answer NULL
		}
		return v, nil
	}
}

type typeInfos struct{ text, bigint, ns, us, date, ltz, tz duckdb.TypeInfo }

func resultTypes() (typeInfos, error) {
	var out typeInfos
	for t, to := range map[duckdb.Type]*duckdb.TypeInfo{
		duckdb.TYPE_VARCHAR: &out.text, duckdb.TYPE_BIGINT: &out.bigint, duckdb.TYPE_TIMESTAMP_NS: &out.ns,
		duckdb.TYPE_TIMESTAMP: &out.us, duckdb.TYPE_DATE: &out.date,
	} {
		info, err := duckdb.NewTypeInfo(t)
		if err != nil {
			return out, err
		}
		*to = info
	}
	var err error
	if out.ltz, err = structType("LTZ_EPOCH", "LTZ_FRACTION"); err != nil {
		return out, err
	}
	out.tz, err = structType("TZ_EPOCH", "TZ_FRACTION", "TZ_OFFSET")
	return out, err
}

func structType(names ...string) (duckdb.TypeInfo, error) {
	entries := make([]duckdb.StructEntry, len(names))
	for i, name := range names {
		t := duckdb.TYPE_INTEGER
		if i == 0 {
			t = duckdb.TYPE_BIGINT
		}
		info, err := duckdb.NewTypeInfo(t)
		if err != nil {
			return nil, err
		}
		if entries[i], err = duckdb.NewStructEntry(info, name); err != nil {
			return nil, err
		}
	}
	return duckdb.NewStructInfo(entries[0], entries[1:]...)
}

func conversionFunctions(types typeInfos, c *values.Converter) map[string]scalar {
	return map[string]scalar{
		"text": {4, types.text, func(a []string) (any, error) { return c.ToText(a[0], a[1], a[2], a[3]) }},
		"variant": {4, types.text, func(a []string) (any, error) {
			return c.ToVariant(a[0], a[1], a[3])
		}},
		"decfloat":  {4, types.text, func(a []string) (any, error) { return values.Decfloat(a[1]) }},
		"geography": {4, types.text, func(a []string) (any, error) { return values.GeoJSON(a[1]) }},
		"ntz":       {4, types.ns, func(a []string) (any, error) { return c.ToNTZ(a, "TIMESTAMP", true) }},
		"ntz_us":    {4, types.us, func(a []string) (any, error) { return c.ToNTZ(a, "TIMESTAMP", false) }},
		"date": {4, types.date, func(a []string) (any, error) {
			t, err := c.ToNTZ(a, "DATE", false)
			if err != nil {
				return nil, err
			}
			return t.Truncate(24 * time.Hour), nil
		}},
		"time": {4, types.text, func(a []string) (any, error) { return c.ToTime(a) }},
		"ltz": {4, types.ltz, func(a []string) (any, error) {
			at, err := c.ToInstant(a[0], a[1], a[2], a[3])
			return map[string]any{"LTZ_EPOCH": at.Sec, "LTZ_FRACTION": at.Nsec}, err
		}},
		"tz": {4, types.tz, func(a []string) (any, error) {
			at, err := c.ToInstant(a[0], a[1], a[2], a[3])
			return map[string]any{"TZ_EPOCH": at.Sec, "TZ_FRACTION": at.Nsec, "TZ_OFFSET": int32(at.Offset)}, err
		}},
	}
}
