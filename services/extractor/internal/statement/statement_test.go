package statement

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC)

func TestWindow(t *testing.T) {
	t.Parallel()
	const w = "2026-11-23T10:00:00.999999999"
	table := schemas.Source{Table: `SHOP.PUBLIC."Odd ""name"`}
	ntz := schemas.Column{Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9}
	tests := []struct {
		name     string
		source   schemas.Source
		cursor   *schemas.Cursor
		columns  []schemas.Column
		from, to string
		identity string
		late     []Span
		want     string
		args     []string
	}{
		{
			name: "no cursor", source: table, columns: []schemas.Column{{Name: "A", Type: "TEXT"}, {Name: `b"c`, Type: "TEXT"}},
			want: "SELECT src.\"A\" AS \"A\", src.\"b\"\"c\" AS \"b\"\"c\" FROM (\nSELECT * FROM SHOP.PUBLIC.\"Odd \"\"name\"\n) AS src",
		},
		{
			name: "first run", source: schemas.Source{Query: "select * from t -- end;"}, cursor: &schemas.Cursor{Column: "at"}, columns: []schemas.Column{ntz},
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect * from t -- end;\n) AS src ORDER BY src.\"AT\" NULLS FIRST",
		},
		{
			name: "window", source: schemas.Source{Query: "select * from t;"}, cursor: &schemas.Cursor{Column: "AT"}, columns: []schemas.Column{ntz}, from: w,
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect * from t\n) AS src WHERE src.\"AT\" >= TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF9') OR src.\"AT\" IS NULL ORDER BY src.\"AT\" NULLS FIRST",
			args: []string{"2026-11-23T10:00:00.999999999"},
		},
		{
			name: "backfill by date", source: schemas.Source{Query: "select 1"}, cursor: &schemas.Cursor{Column: "AT"},
			columns: []schemas.Column{{Name: "AT", Type: "DATE"}}, from: w, to: "2026-11-25T00:00:00.000000000",
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect 1\n) AS src WHERE src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') AND src.\"AT\" < TO_DATE(?, 'YYYY-MM-DD') ORDER BY src.\"AT\" NULLS FIRST",
			args: []string{"2026-11-23", "2026-11-25"},
		},
		{
			name: "backfill of profiles", source: schemas.Source{Query: "select 1"}, cursor: &schemas.Cursor{Column: "AT"}, identity: "ID",
			columns: []schemas.Column{{Name: "AT", Type: "DATE"}}, from: w, to: "2026-11-25T00:00:00.000000000",
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect 1\n) AS src WHERE src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') AND " +
				"(src.\"AT\" < TO_DATE(?, 'YYYY-MM-DD') OR TRIM(TO_VARCHAR(src.\"ID\")) IN (SELECT TRIM(TO_VARCHAR(src.\"ID\")) FROM (\nselect 1\n) AS src " +
				"WHERE src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') AND src.\"AT\" < TO_DATE(?, 'YYYY-MM-DD'))) ORDER BY src.\"AT\" NULLS FIRST",
			args: []string{"2026-11-23", "2026-11-25", "2026-11-23", "2026-11-25"},
		},
		{
			name: "late hours of profiles", source: schemas.Source{Query: "select 1"}, cursor: &schemas.Cursor{Column: "AT"}, identity: "ID",
			columns: []schemas.Column{{Name: "AT", Type: "DATE"}}, from: w,
			late: []Span{{"2026-11-02T00:00:00.000000000", "2026-11-03T00:00:00.000000000"}},
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect 1\n) AS src WHERE src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') OR src.\"AT\" IS NULL OR " +
				"(src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') AND src.\"AT\" < TO_DATE(?, 'YYYY-MM-DD')) OR (src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') AND " +
				"TRIM(TO_VARCHAR(src.\"ID\")) IN (SELECT TRIM(TO_VARCHAR(src.\"ID\")) FROM (\nselect 1\n) AS src " +
				"WHERE (src.\"AT\" >= TO_DATE(?, 'YYYY-MM-DD') AND src.\"AT\" < TO_DATE(?, 'YYYY-MM-DD')))) ORDER BY src.\"AT\" NULLS FIRST",
			args: []string{"2026-11-23", "2026-11-02", "2026-11-03", "2026-11-02", "2026-11-02", "2026-11-03"},
		},
		{
			name: "with a zone", source: schemas.Source{Query: "select 1"}, cursor: &schemas.Cursor{Column: "AT"},
			columns: []schemas.Column{{Name: "AT", Type: "TIMESTAMP_LTZ"}}, from: w,
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect 1\n) AS src WHERE src.\"AT\" >= TO_TIMESTAMP_TZ(?, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF9TZH:TZM') OR src.\"AT\" IS NULL ORDER BY src.\"AT\" NULLS FIRST",
			args: []string{"2026-11-23T10:00:00.999999999+00:00"},
		},
		{
			name: "epoch is rounded down", source: schemas.Source{Query: "select 1"}, cursor: &schemas.Cursor{Column: "AT", Epoch: "milliseconds"},
			columns: []schemas.Column{{Name: "AT", Type: "FIXED"}}, from: w,
			want: "SELECT src.\"AT\" AS \"AT\" FROM (\nselect 1\n) AS src WHERE src.\"AT\" >= 1795428000999 OR src.\"AT\" IS NULL ORDER BY src.\"AT\" NULLS FIRST",
		},
		{
			name: "expression and coalesce", source: schemas.Source{Query: "select 1"},
			cursor:  &schemas.Cursor{Expr: "greatest(A, B) -- x", Nulls: schemas.Nulls{Policy: "coalesce", Coalesce: "C"}},
			columns: []schemas.Column{{Name: "A", Type: "TEXT"}, {Name: CursorAlias, Type: "TIMESTAMP_NTZ"}},
			want: "SELECT src.\"A\" AS \"A\", COALESCE((\ngreatest(A, B) -- x\n), (\nC\n)) AS \"TAPLINE_CURSOR\" FROM (\nselect 1\n) AS src " +
				"ORDER BY COALESCE((\ngreatest(A, B) -- x\n), (\nC\n)) NULLS FIRST",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.source.Cursor = tt.cursor
			s, err := Parse(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			var cur *Cursor
			if tt.cursor != nil {
				if _, err := s.Bind(tt.columns); err != nil {
					t.Fatal(err)
				}
				last := len(tt.columns) - 1
				if cur, err = NewCursor(*tt.cursor, "", tt.columns[last], last, now); err != nil {
					t.Fatal(err)
				}
			}
			if cur != nil {
				cur.Late = tt.late
			}
			got, err := s.Window(tt.columns, cur, tt.from, tt.to, tt.identity)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Statement{SQL: tt.want, Args: tt.args}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	visible := []schemas.Column{{Name: "ID", Type: "TEXT"}, {Name: "AT", Type: "TIMESTAMP_NTZ"}}
	for name, tt := range map[string]struct {
		cursor   *schemas.Cursor
		columns  []schemas.Column
		identity string
		behind   string
	}{
		"no cursor":       {nil, visible, "ID", ""},
		"events":          {&schemas.Cursor{Column: "AT"}, visible, "", ""},
		"profiles":        {&schemas.Cursor{Column: "AT"}, visible, "ID", `, ROW_NUMBER() OVER (PARTITION BY TRIM(TO_VARCHAR(src."ID")) ORDER BY src."AT" DESC NULLS LAST) AS "TAPLINE_VERSION"`},
		"a hidden cursor": {&schemas.Cursor{Expr: "f(AT)"}, append(slices.Clone(visible), schemas.Column{Name: CursorAlias, Type: "TIMESTAMP_NTZ"}), "", ", (\nf(AT)\n) AS \"TAPLINE_CURSOR\""},
	} {
		s, err := Parse(schemas.Source{Query: "select 1", Cursor: tt.cursor})
		if err != nil {
			t.Fatal(err)
		}
		want := `SELECT src."ID" AS "ID", src."AT" AS "AT"` + tt.behind + ", COUNT(*) OVER () AS \"TAPLINE_TOTAL\" FROM (\nselect 1\n) AS src ORDER BY RANDOM() LIMIT 5"
		if _, err := s.Bind(visible); err != nil {
			t.Fatal(err)
		}
		if got := s.Sample(tt.columns, 5, tt.identity, schemas.Column{}, nil); got.SQL != want {
			t.Errorf("%s: %s, want %s", name, got.SQL, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]schemas.Source{
		"table":      {Table: "t; drop table x"},
		"query":      {Query: "delete from t"},
		"expression": {Query: "select 1", Cursor: &schemas.Cursor{Expr: "a) from x --"}},
		"coalesce":   {Query: "select 1", Cursor: &schemas.Cursor{Column: "A", Nulls: schemas.Nulls{Coalesce: "1, 2"}}},
	} {
		if _, err := Parse(source); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s, err := Parse(schemas.Source{Query: "select 1", Cursor: &schemas.Cursor{Column: "at"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bind([]schemas.Column{{Name: "AT"}, {Name: "At"}}); err == nil {
		t.Error("a name that fits two columns was bound")
	}
}

func TestCursorReads(t *testing.T) {
	t.Parallel()
	berlin := schemas.Cursor{Timezone: "Europe/Berlin"}
	tests := []struct {
		name     string
		spec     schemas.Cursor
		typ      string
		token    string
		want     string
		lookback time.Duration
		clock    string
	}{
		{"ntz", schemas.Cursor{}, "TIMESTAMP_NTZ", `"2026-11-23T10:00:00.123456789"`, "2026-11-23T10:00:00.123456789", 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"ntz in a zone", berlin, "TIMESTAMP_NTZ", `"2026-11-23T10:00:00.123456789"`, "2026-11-23T10:00:00.123456789", 75 * time.Minute, "2026-11-23T11:00:00.123456789"},
		{"date", schemas.Cursor{Lookback: schemas.Duration(time.Hour)}, "DATE", `"2026-11-23"`, "2026-11-23T00:00:00.000000000", 25 * time.Hour, "2026-11-23T10:00:00.123456789"},
		{"ltz has its own zone", berlin, "TIMESTAMP_LTZ", `"2026-11-23T10:00:00.000000001Z"`, "2026-11-23T10:00:00.000000001", 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"tz", schemas.Cursor{}, "TIMESTAMP_TZ", `"2026-11-23T10:00:00.000000001+05:30"`, "2026-11-23T04:30:00.000000001", 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"tz before year 1", schemas.Cursor{}, "TIMESTAMP_TZ", `"0001-01-01T00:00:00.000000000+05:30"`, firstInstant, 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"seconds", schemas.Cursor{Epoch: "seconds"}, "FIXED", `1795428000.50`, "2026-11-23T10:00:00.500000000", 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"milliseconds before 1970", schemas.Cursor{Epoch: "milliseconds"}, "FIXED", `-1`, "1969-12-31T23:59:59.999000000", 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"milliseconds given as nanoseconds", schemas.Cursor{Epoch: "milliseconds"}, "FIXED", `1795428000000000000`, lastInstant, 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
		{"beyond 64 bits", schemas.Cursor{Epoch: "seconds"}, "FIXED", "-" + strings.Repeat("9", 38), firstInstant, 15 * time.Minute, "2026-11-23T10:00:00.123456789"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := NewCursor(tt.spec, "", schemas.Column{Name: "C", Type: tt.typ}, 0, now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Read([]byte(tt.token))
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("read %s, want %s", got, tt.want)
			}
			if c.Lookback != tt.lookback {
				t.Errorf("lookback %s, want %s", c.Lookback, tt.lookback)
			}
			if clock := c.Instant(now); clock != tt.clock {
				t.Errorf("clock %s, want %s", clock, tt.clock)
			}
		})
	}
}

func TestNewCursorRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec schemas.Cursor
		typ  string
	}{
		"a text":                 {schemas.Cursor{}, "TEXT"},
		"a number without epoch": {schemas.Cursor{}, "FIXED"},
		"an unknown zone":        {schemas.Cursor{Timezone: "Mars/Olympus"}, "DATE"},
	} {
		if _, err := NewCursor(tt.spec, "", schemas.Column{Name: "C", Type: tt.typ}, 0, now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestLow wants the ledger to begin where the next statement does.
func TestLow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		column schemas.Column
		epoch  string
		want   string
	}{
		{schemas.Column{Type: "TIMESTAMP_NTZ"}, "", "2026-11-23T09:49:57.654321001"},
		{schemas.Column{Type: "DATE"}, "", "2026-11-22T00:00:00.000000000"},
		{schemas.Column{Type: "FIXED", Scale: 3}, "seconds", "2026-11-23T09:49:57.000000000"},
		{schemas.Column{Type: "FIXED", Scale: 6}, "milliseconds", "2026-11-23T09:49:57.654000000"},
	} {
		c, err := NewCursor(schemas.Cursor{Epoch: tt.epoch, Lookback: schemas.Duration(10 * time.Minute)}, "", tt.column, 0, now)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Low("2026-11-23T09:59:57.654321001"); err != nil || got != tt.want {
			t.Errorf("%s %s: low is %s, %v, want %s", tt.column.Type, tt.epoch, got, err, tt.want)
		}
	}
}

func TestGrown(t *testing.T) {
	t.Parallel()
	c, err := NewCursor(schemas.Cursor{}, "", schemas.Column{Type: "TIMESTAMP_NTZ"}, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hour := func(instant string) int64 {
		at, err := schemas.ParseInstant(instant + ":00:00.000000000")
		if err != nil {
			t.Fatal(err)
		}
		return (at.Unix() + yearOne) / 3600
	}
	before := map[int64]int64{hour("2026-11-23T04"): 5, hour("2026-11-23T05"): 5, hour("2026-11-23T08"): 1}
	now := map[int64]int64{hour("0001-01-01T00"): 1, hour("2026-11-23T04"): 6, hour("2026-11-23T05"): 7, hour("2026-11-23T08"): 9}
	late, spans := c.Grown(before, now, "2026-11-23T08:59:00.000000000")
	if want := (schemas.Late{Rows: 4, Hours: 3, Oldest: "0001-01-01T00:00:00.000000000"}); late != want {
		t.Errorf("late rows are %+v, want %+v", late, want)
	}
	want := []Span{{"0001-01-01T00:00:00.000000000", "0001-01-01T01:00:00.000000000"}, {"2026-11-23T04:00:00.000000000", "2026-11-23T06:00:00.000000000"}}
	if diff := cmp.Diff(want, spans); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	many := map[int64]int64{}
	for i := range int64(2*lateSpans + 2) {
		many[2*i] = 1
	}
	if _, spans := c.Grown(nil, many, "2026-11-23T08:59:00.000000000"); len(spans) != 1 {
		t.Errorf("%d spans of too many, want the one around them", len(spans))
	}
}
