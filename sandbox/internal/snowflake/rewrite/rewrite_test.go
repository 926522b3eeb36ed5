package rewrite

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
)

func testRewrite(text string) (string, error) {
	nodes, err := sqltext.Parse(text)
	if err != nil {
		return "", err
	}
	rw := New(&Env{Src: text, Settings: values.Settings{Zone: "UTC"}, Functions: NewFunctions(), Now: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Values: map[string]string{"CURRENT_USER": "ME"}})
	return rw.SQL(nodes)
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ Cell, want string }{
		{"select a from t -- c\n where b = 'x''y'", `SELECT "A" FROM "T" WHERE "B" = 'x''y'`},
		{`select "a b".c as "D" /* c */ from x.y.t`, `SELECT "a b"."C" AS "D" FROM "X"."Y"."T"`},
		{"select 1::number(5,2)", `SELECT CAST(1 AS DECIMAL(5,2)) AS "1::NUMBER(5,2)"`},
		{"select a / b * 2 x", `SELECT memory.main.m_divide("A", "B") * 2 AS "X"`},
		{"select current_user", `SELECT 'ME' AS "CURRENT_USER"`},
		{"select count(*) from t where ts >= to_timestamp_ntz('2026-01-01')", `SELECT count(*) AS "COUNT(*)" FROM "T" WHERE "TS" >= CAST('2026-01-01 00:00:00.000000' AS TIMESTAMP)`},
		{"select to_timestamp_ntz('2026-01-01 00:00:00.123456789') x", `SELECT CAST('2026-01-01 00:00:00.123456789' AS TIMESTAMP_NS) AS "X"`},
		{"select v:a.b[0]:c from t", `SELECT json_extract(json_extract(json_extract(json_extract("V", '$."a"'), '$."b"'), '$[0]'), '$."c"') AS "V:A.B[0]:C" FROM "T"`},
	} {
		got, err := testRewrite(tc.Cell)
		if err != nil || got != tc.want {
			t.Errorf("rewrite of %s:\n got %s, %v\nwant %s", tc.Cell, got, err, tc.want)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"select read_text('x')":    "Unknown function READ_TEXT",
		"select interval '1 day'":  "INTERVAL",
		"select (a":                "EOF",
		"select 'a":                "unterminated",
		"select ?":                 "Bind variable",
		"select 1::geometry":       "Unsupported data type",
		"select date '2026-02-30'": "not recognized",
	} {
		if _, err := testRewrite(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rewrite of %s = %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{
		"select a, b::number(10,2) c from t where v:a[0]::varchar = 'x' and ts between '1' and '2' order by 1",
		"select case when a then cast(b as timestamp_tz) else try_cast(c as date) end over (partition by d) from table(generator(rowcount => 1)) x(y)",
		"with x as (select dateadd(day, -1, current_date) d) select * exclude (a) from x, lateral flatten(input => v:b) f",
		"select object_construct('a', 1), iff(a, b, c), extract(year from d), interval '1' from a.b.c sample (10)", "::::", "a:", ":1[", "'\\", "x::", "[", "$$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := testRewrite(text)
		if err == nil && strings.TrimSpace(text) != "" && len(text) < 200 && len(out) > 1<<20 {
			t.Errorf("%d bytes became %d", len(text), len(out))
		}
	})
}
