package statement

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func summed(t *testing.T, cursor schemas.Cursor, column schemas.Column) (*Source, *Cursor, []schemas.Column) {
	t.Helper()
	s, err := Parse(schemas.Source{Query: "select * from t", Cursor: &cursor})
	if err != nil {
		t.Fatal(err)
	}
	columns := []schemas.Column{{Name: "ID", Type: "TEXT"}, {Name: "PAID", Type: "FIXED"}, column}
	if _, err := s.Bind(columns); err != nil {
		t.Fatal(err)
	}
	c, err := NewCursor(cursor, "", column, 2, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s, c, columns
}

func TestSums(t *testing.T) {
	t.Parallel()
	s, c, columns := summed(t, schemas.Cursor{Column: "AT"}, schemas.Column{Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9})
	got, err := s.Sums(c, columns[:2], []int64{4095, 16773120}, 255, "", "2026-01-02T00:00:00.000000000")
	want := `SELECT b.O AS "O", b.B AS "B", b.C1 AS "C1", b.C2 AS "C2", COUNT(*) AS "N", SUM(b.H) AS "H", SUM(b.L * b.L) AS "Q" FROM (SELECT CASE WHEN a.E < 0 THEN 1 ELSE 0 END AS O, a.E - MOD(a.E, 86400) AS B, BITAND(a.H, 4095) AS C1, BITAND(a.H, 16773120) AS C2, a.H AS H, BITAND(a.H, 255) AS L FROM (SELECT DATE_PART(EPOCH_SECOND, src."AT") + 62135596800 AS E, HASH(src."ID", src."PAID", src."AT") AS H FROM (
select * from t
) AS src) AS a WHERE a.E IS NOT NULL AND a.E < 63902908800) AS b GROUP BY GROUPING SETS ((b.O, b.B), (b.O, b.C1), (b.O, b.C2))`
	if diff := cmp.Diff(want, got.SQL); diff != "" || err != nil || len(got.Args) > 0 {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if day := c.DayOf(63902822400); day.From != "2026-01-01T00:00:00.000000000" || day.To != "2026-01-02T00:00:00.000000000" {
		t.Errorf("%+v", day)
	}
	millis, c, columns := summed(t, schemas.Cursor{Column: "AT", Epoch: "milliseconds"}, schemas.Column{Name: "AT", Type: "FIXED"})
	got, err = millis.Sums(c, columns[:2], []int64{4095}, 255, "2026-01-01T00:00:00.000000000", "2026-01-02T00:00:00.000000000")
	if err != nil || !strings.Contains(got.SQL, "a.E < 63902822400000 THEN") || !strings.Contains(got.SQL, "MOD(a.E, 86400000)") || c.DayOf(63902822400000).From != "2026-01-01T00:00:00.000000000" {
		t.Errorf("%v %s", err, got.SQL)
	}
}

func TestCame(t *testing.T) {
	t.Parallel()
	s, c, columns := summed(t, schemas.Cursor{Column: "AT"}, schemas.Column{Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9})
	days := []Span{{"2026-01-01T00:00:00.000000000", "2026-01-02T00:00:00.000000000"}}
	const (
		list = `SELECT src."ID" AS "ID", src."PAID" AS "PAID", src."AT" AS "AT" FROM (`
		at   = `(src."AT" >= TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD"T"HH24:MI:SS.FF9') AND src."AT" < TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD"T"HH24:MI:SS.FF9'))`
		hash = `HASH(src."ID", src."PAID", src."AT")`
	)
	for name, tt := range map[string]struct {
		came     map[int64]int64
		days     []Span
		identity string
		want     string
	}{
		"nothing": {nil, nil, "ID", list + "\nselect * from t\n) AS src WHERE 1 = 0"},
		"events": {map[int64]int64{-5: 1, 7: 2}, days, "", list + `SELECT src.*, ` + hash + ` AS "TAPLINE_HASH", ROW_NUMBER() OVER (PARTITION BY ` + hash + ` ORDER BY src."AT") AS "TAPLINE_VERSION" FROM (` +
			"\nselect * from t\n) AS src WHERE (" + at + ") AND " + hash + ` IN (-5, 7)) AS src WHERE src."TAPLINE_VERSION" <= CASE WHEN src."TAPLINE_HASH" IN (7) THEN 2 ELSE 1 END ORDER BY src."AT" NULLS FIRST`},
		"profiles": {map[int64]int64{7: 1}, days, "ID", list + "\nselect * from t\n) AS src WHERE " + identitySQL("ID") + " IN (SELECT " + identitySQL("ID") + " FROM (\nselect * from t\n) AS src WHERE (" + at + ") AND " + hash + ` IN (7)) ORDER BY src."AT" NULLS FIRST`},
		"days":     {nil, days, "ID", list + "\nselect * from t\n) AS src WHERE " + identitySQL("ID") + " IN (SELECT " + identitySQL("ID") + " FROM (\nselect * from t\n) AS src WHERE " + at + `) ORDER BY src."AT" NULLS FIRST`},
	} {
		got, err := s.Came(columns, c, columns[:2], tt.came, tt.days, tt.identity)
		if diff := cmp.Diff(tt.want, got.SQL); diff != "" || err != nil || len(got.Args) != 2*len(tt.days) {
			t.Errorf("%s: %v, %d bound (-want +got)\n%s", name, err, len(got.Args), diff)
		}
	}
}
