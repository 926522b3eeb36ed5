package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/sandbox"
)

func TestSpellings(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, `create table s (id number, name varchar, ntz timestamp_ntz, ltz timestamp_ltz, tz timestamp_tz, v variant, "lower" varchar)`)
	mustExec(t, db, `insert into s select 1, 'Ann', '2026-03-31 10:11:12.123456789', '2026-03-31 10:11:12.123456789', '2026-03-31 10:11:12.123456789 +02:00',
		parse_json('{"a": {"B": [1, "two", {"c": null}]}, "n": 10, "s": "10"}'), 'low'`)
	mustExec(t, db, "insert into s (id) values (2)")
	for _, tc := range []struct{ text, want string }{
		{"iff(id = 1, 'one', 'two')", "one"},
		{"nvl(null, 'x') || ifnull(null, 'y')", "xy"},
		{"zeroifnull(null)", "0"},
		{"div0(1::float, 0)", "0"},
		{"equal_null(null, null)", "true"},
		{"greatest(1, null)", "∅"},
		{"concat('a', null)", "∅"},
		{"concat('a', 1.50::float)", "a1.5"},
		{"v:a.B[1]::varchar", "two"},
		{"v['a']['B'][0]::number", "1"},
		{"v:a.b", "∅"},
		{"get_path(v, 'a.B[1]')::string", "two"},
		{"v:s = '10'", "true"},
		{"upper(v:a.B[1]) || length(v:s)", "TWO2"},
		{"v:a.B[1] like 'tw%' and v:s not in ('11') and v:n in ('10', '12')", "true"},
		{"v:n > 9", "true"},
		{"array_size(v:a.B)", "3"},
		{"date_part(epoch_second, tz)", "1774944672"},
		{"date_part(epoch_second, ntz)", "1774951872"},
		{"date_part(epoch_second, to_date('1969-12-31'))", "-86400"},
		{"to_number('12.345', 10, 2)", "12.35"},
		{"try_to_number('x')", "∅"},
		{"'7'::int + 1", "8"},
		{"3.0::float * 1 / 2", "1.5"},
		{"dateadd(day, 1, ntz)", "2026-04-01T10:11:12.123456789Z"},
		{"dateadd('month', -1, ntz)", "2026-02-28T10:11:12.123456789Z"},
		{"dateadd(nanosecond, 11, ntz)", "2026-03-31T10:11:12.1234568Z"},
		{"dateadd(hour, 1, tz)", "2026-03-31T11:11:12.123456789+02:00"},
		{"dateadd(minute, -15, ltz)", "2026-03-31T09:56:12.123456789Z"},
		{"datediff(day, '2026-03-01'::date, ntz)", "30"},
		{"date_trunc('month', ntz)", "2026-03-01T00:00:00Z"},
		{"year(ntz) * 100 + month(ntz)", "202603"},
		{`to_varchar(ntz, 'YYYY-MM-DD"T"HH24:MI:SS.FF9')`, "2026-03-31T10:11:12.123456789"},
		{"to_varchar(tz, 'DD-MON-YY HH12:MI AM TZH:TZM')", "31-Mar-26 10:11 AM +02:00"},
		{"to_char(ntz)", "2026-03-31 10:11:12.123"},
		{"tz::varchar", "2026-03-31 10:11:12.123 +0200"},
		{"to_timestamp_ntz('31/03/2026 22:00', 'DD/MM/YYYY HH24:MI')", "2026-03-31T22:00:00Z"},
		{"to_timestamp_ntz(1767225600)", "2026-01-01T00:00:00Z"},
		{"to_timestamp_ntz(1767225600123)", "2026-01-01T00:00:00.123Z"},
		{"to_timestamp_ntz(1767225600123456789, 9)", "2026-01-01T00:00:00.123456789Z"},
		{"to_date('20260102', 'YYYYMMDD')", "2026-01-02T00:00:00Z"},
		{"try_to_date('nope')", "∅"},
		{"tz::timestamp_ntz", "2026-03-31T10:11:12.123456789Z"},
		{"tz = '2026-03-31 08:11:12.123456789Z'", "true"},
		{"tz between '2026-03-31 08:11:12Z' and '2026-03-31 08:11:13Z'", "true"},
		{"ltz > tz", "true"},
		{`"lower"`, "low"},
		{"case when id = 1 then 'x' end::varchar(1)", "x"},
		{"current_database() || '.' || current_schema()", "SHOP.PUBLIC"},
		{"$$it's $$ || 'a\\tb'", "it's a\tb"},
		{"sum(id) over ()::varchar", "1"},
		{"(with k as (select 5 as five), m(x) as (select five + 1 from k) select max(x) from m, k)", "6"},
		{"(select count(*) from s sample (1 rows))", "1"},
		{"(select count(*) from s sample (100))", "2"},
		{"extract(year from ntz) is not distinct from 2026", "true"},
		{"name like 'A%' and name ilike 'a%' and not name in ('Bob')", "true"},
	} {
		got := texts(t, db, "select "+tc.text+" as r from s where id = 1")
		if diff := cmp.Diff([][]string{{tc.want}}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.text, diff)
		}
	}
}

func TestErrorsHaveSnowflakesCodes(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, `create table e (id number, "lower" varchar, at timestamp_tz)`)
	mustExec(t, db, "insert into e (id, at) values (1, '2026-01-01')")
	for text, code := range map[string]int{
		"selec 1":                                           1003,
		"select 1 from":                                     1003,
		"select (1":                                         1003,
		"select * from nope":                                2003,
		"select * from nope.public.t":                       2003,
		"insert into nope values (1)":                       2003,
		`select * from "snowflake_test.go.csv"`:             2003,
		"select * from 'x.csv'":                             1003,
		"select * from information_schema.nothing":          2003,
		"select * from memory.main.duckdb_tables":           2003,
		`delete from e where id in (select 1 from "x.csv")`: 2003,
		"select 1 from e, (select 2) x join nope on 1 = 1":  2003,
		"select * from e where id is not distinct from (select max(id) from nope)": 2003,
		"drop table nope":                            2003,
		"select nope from e":                         904,
		`select "id" from e`:                         904,
		"select lower from e":                        904,
		"insert into e (nope) values (1)":            904,
		"select nosuch(1)":                           2140,
		"select read_csv('x')":                       2140,
		"select * from table(read_csv('x'))":         2140,
		"create table e (id number)":                 2002,
		"select 1; select 2":                         8,
		"":                                           900,
		"put file://x @~":                            2,
		"select 1 from e where at in ('2026-01-01')": 2,
		"select abs(parse_json('1'))":                1044,
		"select id + interval '1 day' from e":        1044,
		"select 1.0::float/0":                        100051,
		"select 'x'::number":                         100038,
		"select date '2026-02-30'":                   100040,
		"select to_timestamp_ntz('x')":               100035,
		"select parse_json('{')":                     100069,
		"use database nope":                          2043,
		"alter session set timezone = 'Mars'":        1073,
		"insert into e values (1)":                   1031,
		"select 9e99::number":                        100039,
	} {
		_, err := db.ExecContext(t.Context(), text)
		if snowflakeCode(err) != code {
			t.Errorf("%q = %v, want code %d", text, err, code)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, `create table n (id number, "Mixed Case" varchar, at timestamp_ntz, "end" number)`)
	rows, err := db.QueryContext(t.Context(), `select id, "Mixed Case", at, "end", count(*), max( id ) + 1, id as "q", id as q2, n.id x from n group by all`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ID", "Mixed Case", "AT", "end", "COUNT(*)", "MAX( ID ) + 1", "q", "Q2", "X"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestChangesCountTheirRows(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table c (id number, at timestamp_tz)")
	for _, tc := range []struct {
		text string
		want int64
	}{
		{"insert into c values (1, '2026-01-01 00:00:00 +01:00'), (2, null)", 2},
		{"insert into c (id) select id + 10 from c", 2},
		{"update c set at = '2026-01-01 00:00:00 +02:00', id = id + 100 where id < 10", 2},
		{"merge into c using (select 101 as k union all select 7) s on c.id = s.k when matched then update set id = 0 when not matched then insert (id) values (s.k)", 2},
		{"delete from c where at is null", 3},
		{"truncate table c", 2},
	} {
		if n, err := mustExec(t, db, tc.text).RowsAffected(); n != tc.want || err != nil {
			t.Errorf("%s: %d rows, %v, want %d", tc.text, n, err, tc.want)
		}
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range []string{
		"create database other", "create schema other.stage", "use shop.public",
		"create or replace table other.stage.t (id number(10,0) not null primary key, s varchar(5) default 'x', o object) comment = 'c'",
		"alter table other.stage.t add column extra timestamp_ltz", "alter table other.stage.t rename column s to s2", "alter table other.stage.t drop column o",
		"create view other.stage.vw as select id from other.stage.t", "create table copy as select id, s2 from other.stage.t",
		"create temporary table tmp (id number)",
	} {
		mustExec(t, conn, text)
	}
	got := texts(t, conn, "describe table other.stage.t")
	short := [][]string{}
	for _, row := range got {
		short = append(short, []string{row[0], row[1], row[3]})
	}
	want := [][]string{{"ID", "NUMBER(10,0)", "N"}, {"S2", "VARCHAR(5)", "Y"}, {"EXTRA", "TIMESTAMP_LTZ(9)", "Y"}}
	if diff := cmp.Diff(want, short); diff != "" {
		t.Errorf("DESCRIBE TABLE (-want +got):\n%s", diff)
	}
	if rows := texts(t, conn, "show tables like 'T%' in schema other.stage"); len(rows) != 1 || rows[0][1] != "T" {
		t.Errorf("SHOW TABLES = %v", rows)
	}
	if rows := texts(t, conn, "show columns in table copy"); len(rows) != 2 || !strings.Contains(rows[1][3], `"length":5`) {
		t.Errorf("SHOW COLUMNS = %v", rows)
	}
	mustExec(t, conn, "drop view other.stage.vw")
	mustExec(t, conn, "drop database other")
	if _, err := conn.ExecContext(t.Context(), "select * from other.stage.t"); snowflakeCode(err) != 2003 {
		t.Errorf("table of a dropped database = %v, want code 2003", err)
	}
}

func TestDatabasesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.duckdb")
	keep := func(c *sandbox.SnowflakeConfig) { c.DatabaseFile = file }
	t.Run("first", func(t *testing.T) {
		db := newWorld(t, keep).open(t, nil)
		mustExec(t, db, "create table kept (v varchar(7))")
		mustExec(t, db, "insert into kept values ('here')")
		mustExec(t, db, "create database second")
		mustExec(t, db, "create table second.public.t as select 1 as n")
	})
	t.Run("second", func(t *testing.T) {
		db := newWorld(t, keep).open(t, nil)
		got := texts(t, db, "select v, n from kept, second.public.t")
		if diff := cmp.Diff([][]string{{"here", "1"}}, got); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		if got := texts(t, db, "describe table kept"); got[0][1] != "VARCHAR(7)" {
			t.Errorf("declared type after a restart = %v", got)
		}
	})
}

func TestLoadAndSeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	dir := t.TempDir()
	files := map[string]string{
		"a.csv":    "id,name,born,at\n1,Ann,2001-02-03,2026-01-01 00:00:00.5\n2,,,\n",
		"b.ndjson": `{"id": 1, "tags": ["x"], "score": 1.5}` + "\n" + `{"id": 2, "tags": null, "score": null}` + "\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := w.open(t, nil)
	if err := w.sandbox.Exec(t.Context(), "COPY (SELECT 7 AS n, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS at, 1.25::DECIMAL(5,2) AS d) TO '"+filepath.Join(dir, "c.parquet")+"' (FORMAT parquet)"); err != nil {
		t.Fatal(err)
	}
	for table, file := range map[string]string{"PEOPLE": "a.csv", "lake.raw.scores": "b.ndjson", "public.p": "c.parquet"} {
		if err := w.sandbox.Load(t.Context(), table, filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][][]string{
		"select * from people order by id":                                    {{"1", "Ann", "2001-02-03T00:00:00Z", "2026-01-01T00:00:00.5Z"}, {"2", "∅", "∅", "∅"}},
		"select id, tags[0]::varchar, score from lake.raw.scores order by id": {{"1", "x", "1.5"}, {"2", "∅", "∅"}},
		"select * from p": {{"7", "2026-01-01T00:00:00Z", "1.25"}},
	} {
		if diff := cmp.Diff(want, texts(t, db, text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if err := w.sandbox.Load(t.Context(), "x", filepath.Join(dir, "no.xlsx")); err == nil {
		t.Error("Load of an unknown kind = nil, want an error")
	}
	if err := w.sandbox.Exec(t.Context(), "CREATE TABLE SEEDED AS SELECT range::DECIMAL(38,0) AS ID, make_timestamp_ns(range) AS AT FROM range(100000)"); err != nil {
		t.Fatal(err)
	}
	got := texts(t, db, "select count(*), max(at) from seeded")
	if diff := cmp.Diff([][]string{{"100000", "1970-01-01T00:00:00.000099999Z"}}, got); diff != "" {
		t.Errorf("seeded (-want +got):\n%s", diff)
	}
}
