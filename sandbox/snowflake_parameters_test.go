package sandbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/sandbox"
)

// TestParametersAreObeyed sets each parameter and asks a query whose answer depends on it.
func TestParametersAreObeyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, tc := range []struct {
		set, text string
		want      [][]string
	}{
		{"rows_per_resultset = 2", "select value from table(flatten(parse_json('[1,2,3]')))", [][]string{{"1"}, {"2"}}},
		{"quoted_identifiers_ignore_case = true", `select "x" from (select 1 as "X")`, [][]string{{"1"}}},
		{"timezone = 'Asia/Kolkata'", "select '2026-01-01 00:00:00 +0000'::timestamp_ltz::varchar", [][]string{{"2026-01-01 05:30:00.000 +0530"}}},
		{"timestamp_type_mapping = timestamp_ltz", "select '2026-01-01'::timestamp::varchar, to_timestamp('2026-01-01')::varchar", [][]string{{"2026-01-01 00:00:00.000 +0000", "2026-01-01 00:00:00.000 +0000"}}},
		{"timestamp_ntz_output_format = 'DD.MM.YYYY'", "select '2026-02-01'::timestamp_ntz::varchar", [][]string{{"01.02.2026"}}},
		{"timestamp_output_format = 'DD.MM.YYYY TZHTZM'", "select '2026-02-01 00:00:00 +0100'::timestamp_tz::varchar", [][]string{{"01.02.2026 +0100"}}},
		{"date_output_format = 'DD'", "select '2026-02-01'::date::varchar, concat('d', '2026-02-03'::date)", [][]string{{"01", "d03"}}},
		{"time_output_format = 'HH12 AM'", "select '13:00'::time::varchar", [][]string{{"01 PM"}}},
		{"binary_output_format = 'BASE64'", "select to_varchar(to_binary('6162'))", [][]string{{"YWI="}}},
		{"date_input_format = 'DD.MM.YYYY'", "select '03.02.2026'::date::varchar, to_date(column1)::varchar from values ('04.02.2026')", [][]string{{"2026-02-03", "2026-02-04"}}},
		{"json_indent = 0", `select parse_json('{"a":[1]}')`, [][]string{{`{"a":[1]}`}}},
		{"week_start = 7", "select dayofweek('2026-02-01'::date), date_trunc('week', '2026-02-03'::date)::varchar, datediff('week', '2026-01-31'::date, '2026-02-01'::date)", [][]string{{"1", "2026-02-01", "1"}}},
	} {
		db := w.open(t, nil)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := readOrError(t, conn, tc.text)
		mustExec(t, conn, "alter session set "+tc.set)
		if diff := cmp.Diff(tc.want, texts(t, conn, tc.text)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tc.set, tc.text, diff)
		}
		if cmp.Equal(tc.want, before) {
			t.Errorf("%s: %s answers the same without it", tc.set, tc.text)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// readOrError is a query's answer, or nil if it fails.
func readOrError(t *testing.T, db queryer, text string) [][]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		return nil
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	return texts(t, db, text)
}

func TestParametersOfOthersAreInherited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	const rows = "select column1 from values (1), (2), (3)"
	level := func(db queryer) string {
		return texts(t, db, "show parameters like 'rows_per_resultset' in session")[0][3]
	}
	for _, step := range []struct {
		set   string
		want  int
		level string
	}{
		{"alter account set rows_per_resultset = 2", 2, "ACCOUNT"},
		{"alter user tapline set rows_per_resultset = 1", 1, "USER"},
		{"alter user tapline unset rows_per_resultset", 2, "ACCOUNT"},
		{"alter account unset rows_per_resultset", 3, ""},
	} {
		mustExec(t, db, step.set)
		if got := len(texts(t, db, rows)); got != step.want || level(db) != step.level {
			t.Errorf("after %s: %d rows at level %q, want %d at %q", step.set, got, level(db), step.want, step.level)
		}
	}
	mustExec(t, db, "alter account set rows_per_resultset = 2")
	zero := "0"
	own := w.open(t, func(c *gosnowflake.Config) { c.Params["ROWS_PER_RESULTSET"] = &zero })
	if got := len(texts(t, own, rows)); got != 3 || level(own) != "SESSION" {
		t.Errorf("a session's own value gives %d rows at level %q", got, level(own))
	}
}

func TestParametersThatAreNotObeyedAreRefused(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	for text, code := range map[string]int{
		"alter session set autocommit = false":                      2,
		"alter session set week_of_year_policy = 1":                 2,
		"alter session set default_null_ordering = 'FIRST'":         2,
		"alter session set rows_per_resultset = 'x'":                1073,
		"alter session set timestamp_output_format = 'EEE'":         1073,
		"alter session set no_such_parameter = 1":                   1006,
		"alter user somebody_else set timezone = 'UTC'":             2003,
		"alter account set two_digit_century_start = 1980":          2,
		"alter session set timestamp_type_mapping = 'TIMESTAMP_XX'": 1073,
	} {
		if _, err := db.ExecContext(t.Context(), text); snowflakeCode(err) != code {
			t.Errorf("%s = %v, want code %d", text, err, code)
		}
	}
}

// TestDateFunctions has the values that differ from DuckDB's own functions.
func TestDateFunctions(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	for text, want := range map[string]string{
		"system$typeof(date_trunc('month', '2026-02-03'::date))":                     "DATE",
		"date_trunc('month', '2026-02-03'::date)::varchar":                           "2026-02-01",
		"date_trunc('hour', '2026-02-03 12:34:56.5 +0530'::timestamp_tz)::varchar":   "2026-02-03 12:00:00.000 +0530",
		"date_trunc('day', '2026-02-03 12:34:56'::timestamp_ntz)::varchar":           "2026-02-03 00:00:00.000",
		"date_trunc('month', '2026-02-03')::varchar":                                 "2026-02-01 00:00:00.000",
		"datediff('week', '2026-02-01'::date, '2026-02-02'::date)":                   "1",
		"datediff('week', '2026-02-02'::date, '2026-02-08'::date)":                   "0",
		"datediff('week', '2026-02-02'::date, '2026-02-01'::date)":                   "-1",
		"datediff('day', '2026-02-01 23:00:00 +0000'::timestamp_ltz, '2026-02-03')":  "2",
		"hour('2026-02-03 12:34:56 +0530'::timestamp_tz)":                            "12",
		"'2026-02-03 12:34:56.789'::timestamp_ltz(2)::varchar":                       "2026-02-03 12:34:56.780 +0000",
		"to_char('12:34:56.789'::time(1), 'HH24:MI:SS.FF3')":                         "12:34:56.700",
		"to_char('2026-02-03 12:34:56.789'::timestamp_ntz(1), 'HH24:MI:SS.FF3')":     "12:34:56.700",
		"to_char('2026-02-03 12:34:56.789 +0100'::timestamp_tz(0), 'HH24:MI:SS.FF')": "12:34:56.000000000",
	} {
		if got := texts(t, db, "select "+text); got[0][0] != want {
			t.Errorf("%s = %s, want %s", text, got[0][0], want)
		}
	}
}

// TestDistinctLists has LISTAGG of distinct values in an order of their own: of the values, and
// not of their texts.
func TestDistinctLists(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table listed (g varchar, n number(10,0), s varchar)")
	mustExec(t, db, "insert into listed values ('a', 10, 'x'), ('a', 9, 'y'), ('a', 10, 'x'), ('a', null, null), ('b', null, null)")
	for text, want := range map[string]string{
		"listagg(distinct n, ',') within group (order by n)":                 "9,10",
		"listagg(distinct n, ',') within group (order by n desc)":            "10,9",
		"listagg(distinct n, ',') within group (order by n asc nulls first)": "9,10",
		"listagg(distinct n) within group (order by n)":                      "910",
		"listagg(distinct s, '-') within group (order by s desc)":            "y-x",
		"listagg(distinct upper(s), '-') within group (order by upper(s))":   "X-Y",
		"listagg(n, ',') within group (order by n)":                          "9,10,10",
	} {
		if got := texts(t, db, "select "+text+" from listed where g = 'a'"); got[0][0] != want {
			t.Errorf("%s = %s, want %s", text, got[0][0], want)
		}
	}
	if got := texts(t, db, "select g, listagg(distinct n, ',') within group (order by n) l from listed group by g order by g"); got[0][1] != "9,10" || got[1][1] != "" {
		t.Errorf("by group: %v", got)
	}
	// A group without values is an empty text, as Snowflake documents it, and no NULL.
	for _, list := range []string{
		"listagg(n, ',')", "listagg(n)", "listagg(distinct n, ',')", "listagg(s, '-') within group (order by n)", "listagg(distinct n, ',') within group (order by n)",
		"listagg(n, ',') over (partition by g)", "listagg(n, ',') within group (order by n) over (partition by g)",
	} {
		if got := texts(t, db, "select "+list+" is null, length("+list+") from listed where g = 'b'"); got[0][0] != "false" || got[0][1] != "0" {
			t.Errorf("%s of no values is %v", list, got)
		}
	}
	if got := texts(t, db, "select listagg(n, ',') from listed where 1 = 0"); got[0][0] != "" {
		t.Errorf("of no rows: %v", got)
	}
	if got := texts(t, db, "select distinct g, listagg(n, '+') within group (order by n desc) over (partition by g) l from listed order by g"); got[0][1] != "10+10+9" || got[1][1] != "" {
		t.Errorf("beside each row: %v", got)
	}
	if _, err := db.QueryContext(t.Context(), "select listagg(distinct n, ',') within group (order by s) from listed"); snowflakeCode(err) == 0 {
		t.Errorf("ordered by something else: %v", err)
	}
}

// TestScalesKeepTheirCarriers reads every precision of every timestamp back.
func TestScalesKeepTheirCarriers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	asArrow := w.open(t, nil)
	json := "JSON"
	asJSON := w.open(t, func(c *gosnowflake.Config) { c.Params["GO_QUERY_RESULT_FORMAT"] = &json })
	const full = "2026-01-02T03:04:05.123456789"
	for _, typ := range []string{"timestamp_ntz", "timestamp_ltz", "timestamp_tz"} {
		for scale := range 10 {
			name := typ + "(" + string(rune('0'+scale)) + ")"
			mustExec(t, asArrow, "create or replace table scales (v "+name+")")
			mustExec(t, asArrow, "insert into scales values ('2026-01-02 03:04:05.123456789'), (null)")
			want := strings.TrimSuffix(full[:20+scale], ".") + "Z"
			for kind, db := range map[string]queryer{"Arrow": asArrow, "JSON": asJSON} {
				if got := texts(t, db, "select v from scales order by v nulls last"); got[0][0] != want || got[1][0] != "∅" {
					t.Errorf("%s by %s = %v, want %s", name, kind, got, want)
				}
			}
		}
	}
}

// TestYearsBeyondNanoseconds stores the usual open end in a TIMESTAMP_NTZ of the default
// precision, beside values that were there before.
func TestYearsBeyondNanoseconds(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table ends (v timestamp_ntz)")
	mustExec(t, db, "insert into ends values ('2026-01-02 03:04:05.123456')")
	mustExec(t, db, "insert into ends values ('9999-12-31 23:59:59')")
	mustExec(t, db, "update ends set v = '1500-01-01' where v > '2500-01-01'")
	want := [][]string{{"1500-01-01T00:00:00Z"}, {"2026-01-02T03:04:05.123456Z"}}
	if diff := cmp.Diff(want, texts(t, db, "select v from ends order by v")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := texts(t, db, "describe table ends"); got[0][1] != "TIMESTAMP_NTZ(9)" {
		t.Errorf("the column is declared %s now", got[0][1])
	}
	mustExec(t, db, "create table exact (v timestamp_ntz)")
	mustExec(t, db, "insert into exact values ('2026-01-02 03:04:05.123456789')")
	if _, err := db.ExecContext(t.Context(), "insert into exact values ('9999-12-31')"); snowflakeCode(err) != 100051 {
		t.Errorf("nanoseconds and the year 9999 in one column = %v, want code 100051", err)
	}
}

// TestChunkLinksExpireByThemselves: links that are as old as they may get are refused as
// Snowflake refuses them after six hours, with no fault set.
func TestChunkLinksExpireByThemselves(t *testing.T) {
	t.Parallel()
	read := func(valid time.Duration) error {
		w := newWorld(t, func(cfg *sandbox.SnowflakeConfig) { cfg.ChunkValidity = valid })
		return arrowStream(t, w.open(t, nil), func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
			_, err := readStreams(ctx, loader)
			return err
		}, manyRows)
	}
	if err := read(time.Nanosecond); snowflakeCode(err) != gosnowflake.ErrFailedToGetChunk {
		t.Errorf("reading by links that have expired = %v, want the driver to give up", err)
	}
	if err := read(time.Hour); err != nil {
		t.Errorf("reading by links that hold = %v", err)
	}
}

// TestChunkLinksExpire asks for a chunk by an old link, and for new links by the query id.
func TestChunkLinksExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	w.faults(t, map[string]any{"expireChunkLinks": 1})
	err := arrowStream(t, db, func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
		_, err := readStreams(ctx, loader)
		return err
	}, manyRows)
	if snowflakeCode(err) != gosnowflake.ErrFailedToGetChunk {
		t.Errorf("reading by expired links = %v, want the driver to give up", err)
	}
	if got := texts(t, db, "select count(*) from ("+manyRows+")"); got[0][0] != "5350" {
		t.Errorf("after the fault: %v", got)
	}
}
