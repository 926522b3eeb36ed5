package snowflake

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/duckdb/duckdb-go/v2"
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

// addToStruct adds to a TIMESTAMP_LTZ or TIMESTAMP_TZ. Days and months are counted on the
// clock of UTC for the former and of its own offset for the latter.
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
