package sandbox_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"github.com/snowflakedb/gosnowflake"
)

func TestEveryTypeKeepsItsEdges(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	// each value goes in as a literal and must come out as want
	for _, tc := range []struct{ typ, literal, want string }{
		{"number", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
		{"number", "-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"},
		{"number(12,2)", "-0.01", "-0.01"},
		{"int", "9223372036854775807", "9223372036854775807"},
		{"float", "1.7976931348623157e308", "1.7976931348623157e+308"},
		{"float", "'NaN'::float", "NaN"},
		{"float", "0.1", "0.1"},
		{"varchar", `'O''Reilly <&> \\ \n 世界 😀'`, "O'Reilly <&> \\ \n 世界 😀"},
		{"varchar(3)", "'äöü'", "äöü"},
		{"varchar", "''", ""},
		{"varchar", "1.5::float", "1.5"},
		{"varchar", "2::float", "2"},
		{"boolean", "true", "true"},
		{"date", "'0001-01-01'", "0001-01-01T00:00:00Z"},
		{"date", "'9999-12-31'", "9999-12-31T00:00:00Z"},
		{"date", "'2026-01-02 03:04:05'", "2026-01-02T00:00:00Z"},
		{"time", "'23:59:59.999999999'", "0001-01-01T23:59:59.999999999Z"},
		{"time(6)", "'23:59:59.123456'", "0001-01-01T23:59:59.123456Z"},
		{"timestamp_ntz", "'2026-01-02T03:04:05.123456789'", "2026-01-02T03:04:05.123456789Z"},
		{"timestamp_ntz", "'1678-01-01'", "1678-01-01T00:00:00Z"},
		{"timestamp_ntz", "'2261-12-31 23:59:59.999999999'", "2261-12-31T23:59:59.999999999Z"},
		{"timestamp_ntz", "'2026-01-02 03:04:05 +09:00'", "2026-01-02T03:04:05Z"},
		{"timestamp_ntz(6)", "'0001-01-01 00:00:00.000001'", "0001-01-01T00:00:00.000001Z"},
		{"timestamp_ntz(3)", "'9999-12-31 23:59:59.999'", "9999-12-31T23:59:59.999Z"},
		{"timestamp_ntz(0)", "'9999-12-31 23:59:59'", "9999-12-31T23:59:59Z"},
		{"timestamp_ltz", "'0001-01-01 00:00:00.000000001'", "0001-01-01T00:00:00.000000001Z"},
		{"timestamp_ltz", "'9999-12-31 23:59:59.999999999 +02:00'", "9999-12-31T21:59:59.999999999Z"},
		{"timestamp_tz", "'2026-01-02 03:04:05.000000001 +05:30'", "2026-01-02T03:04:05.000000001+05:30"},
		{"timestamp_tz", "'9999-12-31 23:59:59.999999999 -12:00'", "9999-12-31T23:59:59.999999999-12:00"},
		{"binary", "'00ff'", "00ff"},
		{"variant", `parse_json('{"b":1.50,"a":[1,"x"]}')`, "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": 1.50\n}"},
		{"variant", "'plain'", `"plain"`},
		{"object", "object_construct('k', 1, 'gone', null)", "{\n  \"k\": 1\n}"},
		{"array", "array_construct(1, 'two')", "[\n  1,\n  \"two\"\n]"},
	} {
		mustExec(t, db, "create or replace table edges (v "+tc.typ+")")
		mustExec(t, db, "insert into edges select "+tc.literal)
		mustExec(t, db, "insert into edges values (null)")
		got := texts(t, db, "select v from edges order by v nulls last")
		if diff := cmp.Diff([][]string{{tc.want}, {"∅"}}, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.typ, tc.literal, diff)
		}
	}
}

func TestValuesThatDoNotFitAreErrors(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	for _, tc := range []struct {
		typ, literal string
		code         int
	}{
		{"number(3,0)", "1000", 100039},
		{"number", "'12x'", 100038},
		{"varchar(3)", "'abcd'", 100078},
		{"number not null", "null", 100072},
		{"timestamp_ntz", "'2026-02-30'", 100035},
		{"date", "'2026-13-01'", 100040},
		{"boolean", "'maybe'", 100037},
	} {
		mustExec(t, db, "create or replace table bad (v "+tc.typ+")")
		_, err := db.ExecContext(t.Context(), "insert into bad values ("+tc.literal+")")
		if snowflakeCode(err) != tc.code {
			t.Errorf("insert %s into %s = %v, want code %d", tc.literal, tc.typ, err, tc.code)
		}
	}
	for _, typ := range []string{"timestamp_ntz(10)", "timestamp_tz(-1)", "time(12)", "geometry", "number(39,0)"} {
		if _, err := db.ExecContext(t.Context(), "create table never (v "+typ+")"); err == nil {
			t.Errorf("create table with %s = nil, want an error", typ)
		}
	}
}

// TestJSONResults reads the same values as texts, where decimals keep every digit.
func TestJSONResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	format := "JSON"
	db := w.open(t, func(c *gosnowflake.Config) { c.Params["GO_QUERY_RESULT_FORMAT"] = &format })
	mustExec(t, db, "create table j (n number(38,37), d number(10,2), h number, f float, b boolean, dt date, t time, ntz timestamp_ntz, tz timestamp_tz, x binary)")
	mustExec(t, db, `insert into j values ('1.0000000000000000000000000000000000001', -0.05, 99999999999999999999999999999999999999, 0.1, true, '1969-12-31',
		'00:00:01.000000001', '2026-01-01 23:59:59.999999999', '9999-12-31 00:00:00 -08:00', 'ff')`)
	want := [][]string{{"1.0000000000000000000000000000000000001", "-0.05", "99999999999999999999999999999999999999", "0.1", "1", "1969-12-31T00:00:00Z",
		"0001-01-01T00:00:01.000000001Z", "2026-01-01T23:59:59.999999999Z", "9999-12-31T00:00:00-08:00", "ff"}}
	if diff := cmp.Diff(want, readTexts(t.Context(), t, db, "select * from j")); diff != "" {
		t.Errorf("JSON result (-want +got):\n%s", diff)
	}
	if n := len(texts(t, db, "select seq4() from table(generator(rowcount => 2345))")); n != 2345 {
		t.Errorf("chunked JSON result = %d rows, want 2345", n)
	}
}

// TestArrowCarriers looks at the raw batches: types, and the metadata that gives them meaning.
func TestArrowCarriers(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, `create table c (i number(5,2), small number(3,0) not null, med number(9,0), big number(18,0), huge number(38,0), f float,
		s varchar(10), b boolean, d date, t time, n0 timestamp_ntz(0), n6 timestamp_ntz(6), n9 timestamp_ntz, l timestamp_ltz, z timestamp_tz,
		x binary(4), v variant, o object, a array)`)
	mustExec(t, db, `insert into c select 1.27, 300, 70000, 5000000000, 99999999999999999999, 1, 'a', true, '2026-01-01', '00:00:01', '2026-01-01',
		'2026-01-01', '2026-01-01', '2026-01-01', '2026-01-01', 'ff', 1, object_construct(), array_construct()`)
	want := []string{
		"I int8 FIXED p=5 s=2 null=true", "SMALL int16 FIXED p=3 s=0 null=false", "MED int32 FIXED p=9 s=0 null=true", "BIG int64 FIXED p=18 s=0 null=true",
		"HUGE decimal(38, 0) FIXED p=38 s=0 null=true", "F float64 REAL p=0 s=0 null=true", "S utf8 TEXT p=0 s=0 null=true", "B bool BOOLEAN p=0 s=0 null=true",
		"D date32 DATE p=0 s=0 null=true", "T int64 TIME p=0 s=9 null=true", "N0 int64 TIMESTAMP_NTZ p=0 s=0 null=true", "N6 int64 TIMESTAMP_NTZ p=0 s=6 null=true",
		"N9 struct<epoch: int64, fraction: int32> TIMESTAMP_NTZ p=0 s=9 null=true", "L struct<epoch: int64, fraction: int32> TIMESTAMP_LTZ p=0 s=9 null=true",
		"Z struct<epoch: int64, fraction: int32, timezone: int32> TIMESTAMP_TZ p=0 s=9 null=true", "X binary BINARY p=0 s=0 null=true",
		"V utf8 VARIANT p=0 s=0 null=true", "O utf8 OBJECT p=0 s=0 null=true", "A utf8 ARRAY p=0 s=0 null=true",
	}
	err := arrowStream(t, db, func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
		streams, err := readStreams(ctx, loader)
		if err != nil {
			return err
		}
		var got []string
		for _, f := range schemaOf(t, streams[0]).Fields() {
			meta := f.Metadata.ToMap()
			kind := f.Type.String()
			if s, ok := f.Type.(*arrow.StructType); ok {
				kind = "struct<"
				for i, child := range s.Fields() {
					kind += map[bool]string{true: ", "}[i > 0] + child.Name + ": " + child.Type.String()
				}
				kind += ">"
			}
			got = append(got, fmt.Sprintf("%s %s %s p=%s s=%s null=%t", f.Name, kind, meta["logicalType"], meta["precision"], meta["scale"], f.Nullable))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Arrow schema (-want +got):\n%s", diff)
		}
		return nil
	}, "select * from c")
	if err != nil {
		t.Fatal(err)
	}
}

func schemaOf(t *testing.T, stream []byte) *arrow.Schema {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	return r.Schema()
}

func TestBinds(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table b (n number, f float, s varchar, b boolean, d date, t time, ntz timestamp_ntz(6), ltz timestamp_ltz, tz timestamp_tz, x binary)")
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.FixedZone("", 5*3600+1800))
	far := time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	mustExec(t, db, "insert into b values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", 1, 0.1, "it's ?", true,
		gosnowflake.DataTypeDate, at, gosnowflake.DataTypeTime, at, gosnowflake.DataTypeTimestampNtz, far,
		gosnowflake.DataTypeTimestampLtz, at, gosnowflake.DataTypeTimestampTz, at, gosnowflake.DataTypeBinary, []byte{0, 255})
	mustExec(t, db, "insert into b (n, s) values (?, ?)", nil, nil)
	want := [][]string{
		{"1", "0.1", "it's ?", "true", "2026-01-02T00:00:00Z", "0001-01-01T03:04:05.123456789Z", "9999-12-31T23:59:59.999999Z", "2026-01-01T21:34:05.123456789Z", "2026-01-02T03:04:05.123456789+05:30", "00ff"},
		{"∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅"},
	}
	if diff := cmp.Diff(want, texts(t, db, "select * from b order by n")); diff != "" {
		t.Errorf("binds (-want +got):\n%s", diff)
	}
	got := texts(t, db, "select count(*) from b where n = :1 and s = :2 and n = :1", 1, "it's ?")
	if diff := cmp.Diff([][]string{{"1"}}, got); diff != "" {
		t.Errorf("numbered binds (-want +got):\n%s", diff)
	}
	if _, err := db.ExecContext(t.Context(), "select ? + ?", 1); snowflakeCode(err) != 2049 {
		t.Errorf("missing bind = %v, want code 2049", err)
	}
}

func TestArrayBinds(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table ab (n number, s varchar, at timestamp_ntz)")
	ids, names := make([]int, 2500), make([]string, 2500)
	times := make([]time.Time, 2500)
	for i := range ids {
		ids[i], names[i], times[i] = i, fmt.Sprintf("n'%d", i), time.Date(2026, 1, 1, 0, 0, i, i, time.UTC)
	}
	res := mustExec(t, db, "insert into ab values (?, ?, ?)", gosnowflake.Array(&ids), gosnowflake.Array(&names), gosnowflake.Array(&times, gosnowflake.TimestampNTZType))
	if n, err := res.RowsAffected(); n != 2500 || err != nil {
		t.Errorf("RowsAffected() = %d, %v", n, err)
	}
	got := texts(t, db, "select count(*), sum(n), max(s), max(at) from ab")
	want := [][]string{{"2500", "3123750", "n'999", "2026-01-01T00:41:39.000002499Z"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("array binds (-want +got):\n%s", diff)
	}
}

func TestFixturesServeEveryCarrier(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	got := texts(t, db, "select * from (\nselect * from table(tapline_fixture('timestamps'))\n) as src")
	if len(got) != 5 || got[0][7] != "2026-01-01T05:30:00.123456789+05:30" || got[1][3] != "0001-01-01T00:00:00Z" || got[2][3] != "9999-12-31T23:59:59.999999999Z" {
		t.Errorf("timestamps = %v", got)
	}
	if diff := cmp.Diff([]string{"∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅"}, got[4]); diff != "" {
		t.Errorf("NULLs on the structs (-want +got):\n%s", diff)
	}
	numbers := texts(t, db, "select * from table(tapline_fixture('numbers'))")
	if len(numbers) != 5 || numbers[0][4] != "99999999999999999999999999999999999999" || numbers[0][0] != "1.27" {
		t.Errorf("numbers = %v", numbers)
	}
	if n := len(texts(t, db, "select * from table(tapline_fixture('carriers'))")); n != 7 {
		t.Errorf("carriers in chunks = %d rows, want 7", n)
	}
	if got := texts(t, db, `SELECT src."AMOUNT" AS "AMOUNT", src."ID" AS "ID" FROM (`+"\nselect * from table(tapline_fixture('carriers'))\n) AS src"); len(got) != 7 || got[6][1] != "7" {
		t.Errorf("chosen columns of a fixture = %v", got)
	}
	if _, err := db.QueryContext(t.Context(), "select * from table(tapline_fixture('carriers')) where id = 1"); snowflakeCode(err) != 2 {
		t.Errorf("fixture with a condition = %v, want code 2", err)
	}
	if n := len(texts(t, db, "select * from table(tapline_fixture('empty'))")); n != 0 {
		t.Errorf("empty = %d rows", n)
	}
	if _, err := db.QueryContext(t.Context(), "select * from table(tapline_fixture('none'))"); snowflakeCode(err) != 2003 {
		t.Errorf("unknown fixture = %v, want code 2003", err)
	}
}

func TestWindowStatements(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table w (id number, ntz timestamp_ntz, ntz6 timestamp_ntz(6), ltz timestamp_ltz, tz timestamp_tz, d date)")
	mustExec(t, db, `insert into w values
		(1, '2026-01-01 00:00:00.000000001', '0001-01-01', '2026-01-01 00:00:00.000000001', '2026-01-01 05:30:00.000000001 +05:30', '2026-01-01'),
		(2, '2026-01-01 00:00:00.000000002', '9999-12-31 23:59:59.999999', '2026-01-01 00:00:00.000000002', '2026-01-01 00:00:00.000000002 +00:00', '9999-12-31'),
		(3, null, null, null, null, null)`)
	const (
		ntz = `TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD"T"HH24:MI:SS.FF9')`
		tz  = `TO_TIMESTAMP_TZ(?, 'YYYY-MM-DD"T"HH24:MI:SS.FF9TZH:TZM')`
	)
	for _, tc := range []struct{ column, bound, arg, want string }{
		{"NTZ", "TO_TIMESTAMP_NTZ(?)", "2026-01-01T00:00:00.000000001", "3 1 2"},
		{"NTZ", "TO_TIMESTAMP_NTZ(?)", "2026-01-01T00:00:00.000000002", "3 2"},
		{"NTZ6", "TO_TIMESTAMP_NTZ(?)", "2026-01-01T00:00:00.000000000", "3 2"},
		{"NTZ6", "TO_TIMESTAMP_NTZ(?)", "0001-01-01T00:00:00.000000000", "3 1 2"},
		{"LTZ", "CAST(? AS TIMESTAMP_TZ)", "2026-01-01T00:00:00.000000002+00:00", "3 2"},
		{"LTZ", "TO_TIMESTAMP_LTZ(?)", "2026-01-01T00:00:00.000000001Z", "3 1 2"},
		{"TZ", "CAST(? AS TIMESTAMP_TZ)", "2026-01-01T00:00:00.000000001+00:00", "3 1 2"},
		{"TZ", "CAST(? AS TIMESTAMP_TZ)", "2026-01-01T09:00:00.000000002+09:00", "3 2"},
		{"D", "TO_DATE(?)", "2026-01-02", "3 2"},
		{"NTZ", ntz, "2026-01-01T00:00:00.000000001", "3 1 2"},
		{"NTZ", ntz, "2026-01-01T00:00:00.000000002", "3 2"},
		{"NTZ6", ntz, "2026-01-01T00:00:00.000000000", "3 2"},
		{"NTZ6", ntz, "0001-01-01T00:00:00.000000000", "3 1 2"},
		{"LTZ", tz, "2026-01-01T00:00:00.000000002+00:00", "3 2"},
		{"TZ", tz, "2026-01-01T00:00:00.000000001+00:00", "3 1 2"},
		{"TZ", tz, "2026-01-01T09:00:00.000000002+09:00", "3 2"},
		{"D", "TO_DATE(?, 'YYYY-MM-DD')", "2026-01-02", "3 2"},
	} {
		text := `SELECT src."ID" AS "ID", src."NTZ" AS "NTZ" FROM (` + "\nselect * from shop.public.w -- all of it\n) AS src WHERE " +
			`src."` + tc.column + `" >= ` + tc.bound + ` OR src."` + tc.column + `" IS NULL ORDER BY src."` + tc.column + `" NULLS FIRST`
		got := ""
		for i, row := range texts(t, db, text, driver.Value(tc.arg)) {
			got += map[bool]string{true: " "}[i > 0] + row[0]
		}
		if got != tc.want {
			t.Errorf("%s >= %s %s: rows %q, want %q", tc.column, tc.bound, tc.arg, got, tc.want)
		}
	}
	for _, tc := range []struct {
		bound, arg string
		code       int
	}{
		{ntz, "2026-01-01 00:00:00.000000001", 100096},
		{ntz, "2026-01-01T00:00:00.000000001Z", 100096},
		{tz, "2026-01-01T00:00:00.000000001", 100096},
		{"TO_DATE(?, 'YYYY-MM-DD')", "01/02/2026", 100096},
		{"TO_DATE(?, 'YYYY-MM-DD')", "2026-02-30", 100096},
		{"TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD XX')", "2026-01-01 00", 100096},
	} {
		_, err := db.QueryContext(t.Context(), "select * from w where ntz >= "+tc.bound, driver.Value(tc.arg))
		if snowflakeCode(err) != tc.code {
			t.Errorf("%s of %s = %v, want code %d", tc.bound, tc.arg, err, tc.code)
		}
	}
}

// TestTypesThatDuckDBDoesNotHave reads them by the driver, which knows their carriers, and
// as texts.
func TestTypesThatDuckDBDoesNotHave(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	for _, tc := range []struct{ typ, literal, want, text, declared string }{
		{"decfloat", "'123456789012345678901234567890.5e100'", "1.234567890123456789012345678905e129", "1234567890123456789012345678905e99", "DECFLOAT"},
		{"decfloat", "'-0.00125'", "-1.25e-3", "-125e-5", "DECFLOAT"},
		{"geography", "'POINT(-122.35 37.55)'", "{\n  \"coordinates\": [\n    -1.223500000000000e+02,\n    3.755000000000000e+01\n  ],\n  \"type\": \"Point\"\n}",
			`{"coordinates":[-1.223500000000000e+02,3.755000000000000e+01],"type":"Point"}`, "GEOGRAPHY"},
		{"map(varchar, number)", "object_construct('k', 1)::map(varchar, number)", "", `{"k":1}`, "MAP(VARCHAR(16777216), NUMBER(38,0))"},
	} {
		mustExec(t, db, "create or replace table others (v "+tc.typ+")")
		mustExec(t, db, "insert into others select "+tc.literal+" union all select null")
		if got := texts(t, db, "select v from others where v is not null"); tc.want != "" && (len(got) != 1 || got[0][0] != tc.want) {
			t.Errorf("%s %s = %q, want %q", tc.typ, tc.literal, got, tc.want)
		}
		if got := texts(t, db, "select v::varchar from others where v is not null"); len(got) != 1 || got[0][0] != tc.text {
			t.Errorf("%s %s as text = %q, want %q", tc.typ, tc.literal, got, tc.text)
		}
		if got := texts(t, db, "describe table others"); got[0][1] != tc.declared {
			t.Errorf("%s is declared %s", tc.typ, got[0][1])
		}
	}
	mustExec(t, db, "create table vectors (v vector(float, 3))")
	mustExec(t, db, "insert into vectors select [1, 2.5, 3]::vector(float, 3)")
	err := arrowStream(t, db, func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
		streams, err := readStreams(ctx, loader)
		if err != nil || len(streams) != 1 {
			return fmt.Errorf("%d streams: %w", len(streams), err)
		}
		r, err := ipc.NewReader(bytes.NewReader(streams[0]))
		if err != nil || !r.Next() {
			return fmt.Errorf("no batch: %w", err)
		}
		if got := r.RecordBatch().Column(0); got.ValueStr(0) != "[1,2.5,3]" || r.Schema().Field(0).Metadata.ToMap()["logicalType"] != "VECTOR" {
			t.Errorf("vector = %v, %v", got, r.Schema())
		}
		return nil
	}, "select v from vectors")
	if err != nil {
		t.Error(err)
	}
	for text, code := range map[string]int{
		"select 'x'::decfloat":                  100038,
		"select 'POINT(1)'::geography":          100205,
		"select 1 where 1::decfloat > 0":        2,
		"create table v (v vector(varchar, 3))": 2040,
		"create table v (v vector(float, 0))":   2040,
	} {
		if _, err := db.ExecContext(t.Context(), text); snowflakeCode(err) != code {
			t.Errorf("%s = %v, want code %d", text, err, code)
		}
	}
}
