package engine

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// dateTrunc is DATE_TRUNC for one type of time: the answer has the type of the argument.
type dateTrunc struct {
	inputs []duckdb.TypeInfo
	trunc  func(part string, settings values.Settings, v driver.Value) (any, error)
	conv   *values.Converter
}

func (f dateTrunc) Config() duckdb.ScalarFuncConfig {
	return duckdb.ScalarFuncConfig{InputTypeInfos: f.inputs, ResultTypeInfo: f.inputs[2]}
}

func (f dateTrunc) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(in []driver.Value) (any, error) {
		part, ok1 := in[0].(string)
		packed, ok2 := in[1].(string)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("arguments are not a part and settings")
		}
		return f.trunc(part, f.conv.Settings(packed), in[2])
	}}
}

func dateTruncOverloads(types typeInfos, conv *values.Converter) []duckdb.ScalarFunc {
	clock := func(part string, s values.Settings, v driver.Value) (any, error) {
		t, ok := v.(time.Time)
		if !ok {
			return nil, fmt.Errorf("argument is not a time")
		}
		return truncTime(part, s.WeekStart, t.UTC())
	}
	date := func(part string, s values.Settings, v driver.Value) (any, error) {
		switch part {
		case "year", "quarter", "month", "week", "day":
			return clock(part, s, v)
		}
		return nil, sferr.Coded("001006", "22023", "SQL compilation error: invalid date part '"+part+"' for a DATE")
	}
	var out []duckdb.ScalarFunc
	for _, o := range []struct {
		info  duckdb.TypeInfo
		trunc func(string, values.Settings, driver.Value) (any, error)
	}{
		{types.date, date}, {types.us, clock}, {types.ns, clock}, {types.ltz, truncLTZ}, {types.tz, truncTZ},
	} {
		out = append(out, dateTrunc{[]duckdb.TypeInfo{types.text, types.text, o.info}, o.trunc, conv})
	}
	return out
}

// truncTime truncates a wall-clock time. Weeks begin on the session's first day, or on Monday.
func truncTime(part string, weekStart int, t time.Time) (time.Time, error) {
	date := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, t.Location()) }
	y, m, d := t.Date()
	switch part {
	case "year":
		return date(y, 1, 1), nil
	case "quarter":
		return date(y, (m-1)/3*3+1, 1), nil
	case "month":
		return date(y, m, 1), nil
	case "week":
		first := max(weekStart, 1)
		iso := (int(t.Weekday())+6)%7 + 1
		return date(y, m, d-(iso-first+7)%7), nil
	case "day":
		return date(y, m, d), nil
	}
	nsec := t.Nanosecond()
	switch part {
	case "hour":
		return time.Date(y, m, d, t.Hour(), 0, 0, 0, t.Location()), nil
	case "minute":
		return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, t.Location()), nil
	case "second":
		nsec = 0
	case "millisecond":
		nsec -= nsec % 1e6
	case "microsecond":
		nsec -= nsec % 1e3
	case "nanosecond":
	default:
		return t, sferr.Coded("001006", "22023", "SQL compilation error: invalid date part '"+part+"'")
	}
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), nsec, t.Location()), nil
}

// truncLTZ truncates the wall-clock time in the session's zone.
func truncLTZ(part string, s values.Settings, v driver.Value) (any, error) {
	m, ok := v.(map[string]any)
	epoch, ok1 := m["LTZ_EPOCH"].(int64)
	fraction, ok2 := m["LTZ_FRACTION"].(int32)
	if !ok || !ok1 || !ok2 {
		return nil, fmt.Errorf("argument is not a timestamp")
	}
	loc, err := time.LoadLocation(s.Zone)
	if err != nil {
		return nil, sferr.Coded("001073", "22023", "Unknown time zone '"+s.Zone+"'")
	}
	t, err := truncTime(part, s.WeekStart, time.Unix(epoch, int64(fraction)).In(loc))
	return map[string]any{"LTZ_EPOCH": t.Unix(), "LTZ_FRACTION": int32(t.Nanosecond())}, err
}

// truncTZ truncates the wall-clock time at the value's own offset.
func truncTZ(part string, s values.Settings, v driver.Value) (any, error) {
	m, ok := v.(map[string]any)
	epoch, ok1 := m["TZ_EPOCH"].(int64)
	fraction, ok2 := m["TZ_FRACTION"].(int32)
	offset, ok3 := m["TZ_OFFSET"].(int32)
	if !ok || !ok1 || !ok2 || !ok3 {
		return nil, fmt.Errorf("argument is not a timestamp")
	}
	shift := int64(offset) * 60
	t, err := truncTime(part, s.WeekStart, time.Unix(epoch+shift, int64(fraction)).UTC())
	return map[string]any{"TZ_EPOCH": t.Unix() - shift, "TZ_FRACTION": int32(t.Nanosecond()), "TZ_OFFSET": offset}, err
}
