package engine

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// dateAdd is DATEADD for one type of time: the answer has the type of the argument.
type dateAdd struct {
	inputs []duckdb.TypeInfo
	add    func(part string, n int64, v driver.Value) (any, error)
}

func (f dateAdd) Config() duckdb.ScalarFuncConfig {
	return duckdb.ScalarFuncConfig{InputTypeInfos: f.inputs, ResultTypeInfo: f.inputs[2]}
}

func (f dateAdd) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(values []driver.Value) (any, error) {
		part, ok1 := values[0].(string)
		n, ok2 := values[1].(int64)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("arguments are not a part and a number")
		}
		return f.add(part, n, values[2])
	}}
}

func dateAddOverloads(types typeInfos) []duckdb.ScalarFunc {
	clock := func(add func(string, int64, time.Time) (time.Time, error)) func(string, int64, driver.Value) (any, error) {
		return func(part string, n int64, v driver.Value) (any, error) {
			t, ok := v.(time.Time)
			if !ok {
				return nil, fmt.Errorf("argument is not a time")
			}
			return add(part, n, t.UTC())
		}
	}
	var out []duckdb.ScalarFunc
	for _, o := range []struct {
		info duckdb.TypeInfo
		add  func(string, int64, driver.Value) (any, error)
	}{
		{types.date, clock(addToDate)}, {types.us, clock(addToTime)}, {types.ns, clock(addToTime)},
		{types.ltz, addToStruct("LTZ")}, {types.tz, addToStruct("TZ")},
	} {
		out = append(out, dateAdd{[]duckdb.TypeInfo{types.text, types.bigint, o.info}, o.add})
	}
	return out
}

// addToStruct adds to a TIMESTAMP_LTZ or TIMESTAMP_TZ. Days and months are
// counted in UTC for the former and at its own offset for the latter.
func addToStruct(prefix string) func(string, int64, driver.Value) (any, error) {
	return func(part string, n int64, v driver.Value) (any, error) {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("argument is not a timestamp")
		}
		epoch, ok1 := m[prefix+"_EPOCH"].(int64)
		fraction, ok2 := m[prefix+"_FRACTION"].(int32)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("argument is not a timestamp")
		}
		offset, _ := m["TZ_OFFSET"].(int32)
		shift := int64(offset) * 60
		t, err := addToTime(part, n, time.Unix(epoch+shift, int64(fraction)).UTC())
		if err != nil {
			return nil, err
		}
		out := map[string]any{prefix + "_EPOCH": t.Unix() - shift, prefix + "_FRACTION": int32(t.Nanosecond())}
		if prefix == "TZ" {
			out["TZ_OFFSET"] = offset
		}
		return out, nil
	}
}

// addToTime adds n parts to a time. A day that the resulting month does not have becomes
// its last day.
func addToTime(part string, n int64, t time.Time) (time.Time, error) {
	units := map[string]time.Duration{
		"hour": time.Hour, "minute": time.Minute, "second": time.Second,
		"millisecond": time.Millisecond, "microsecond": time.Microsecond, "nanosecond": time.Nanosecond,
	}
	if unit, ok := units[part]; ok {
		seconds, rest := splitDuration(n, unit)
		return time.Unix(t.Unix()+seconds, int64(t.Nanosecond())+rest).UTC(), nil
	}
	months := map[string]int64{"month": 1, "quarter": 3, "year": 12}[part]
	if months > 0 {
		total := int64(t.Year())*12 + int64(t.Month()) - 1 + n*months
		year, month := int(total/12), time.Month(total%12+1)
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
		return time.Date(year, month, min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), nil
	}
	days := map[string]int64{"day": 1, "week": 7}[part]
	if days == 0 {
		return t, sferr.Coded("001006", "22023", "The sandbox cannot add the date part '"+part+"'")
	}
	return t.AddDate(0, 0, int(n*days)), nil
}

func splitDuration(n int64, unit time.Duration) (seconds, nanoseconds int64) {
	if unit >= time.Second {
		return n * int64(unit/time.Second), 0
	}
	per := int64(time.Second / unit)
	return n / per, (n % per) * int64(unit)
}

// addToDate adds to a DATE. It refuses parts shorter than a day, for which Snowflake answers
// a TIMESTAMP.
func addToDate(part string, n int64, t time.Time) (time.Time, error) {
	switch part {
	case "day", "week", "month", "quarter", "year":
		return addToTime(part, n, t)
	}
	return t, sferr.Coded("000002", "0A000", "The sandbox adds whole days to a DATE; cast it to TIMESTAMP_NTZ to add less")
}
