package oddity

import (
	"strings"
	"testing"

	"tapline.dev/schemas"
)

func share(f float64) *float64 { return &f }

func codes(figures []schemas.HoldFigure) string {
	var out []string
	for _, f := range figures {
		out = append(out, strings.Trim(f.Code+" "+f.Column, " "))
	}
	return strings.Join(out, ", ")
}

func TestSize(t *testing.T) {
	t.Parallel()
	ten := schemas.ResultCheck{Runs: 3, Largest: 50_000}
	for name, c := range map[string]struct {
		rows   int64
		limits *schemas.HoldLimits
		check  schemas.ResultCheck
		want   string
	}{
		"the first run of its mode":        {1 << 40, nil, schemas.ResultCheck{}, ""},
		"ten times, and no more":           {500_000, nil, ten, ""},
		"more than ten times":              {500_001, nil, ten, "rows_grew"},
		"a hundred times, of a small one":  {100_000, nil, schemas.ResultCheck{Runs: 1, Largest: 1000}, ""},
		"the first beyond the small ones":  {100_001, nil, schemas.ResultCheck{Runs: 1, Largest: 1000}, "rows_grew"},
		"after empty runs":                 {100_001, nil, schemas.ResultCheck{Runs: 1}, "rows_grew"},
		"switched off":                     {1 << 40, &schemas.HoldLimits{Growth: share(0)}, ten, ""},
		"another factor":                   {150_001, &schemas.HoldLimits{Growth: share(3)}, ten, "rows_grew"},
		"as many rows as allowed":          {7, &schemas.HoldLimits{Rows: 7}, ten, ""},
		"one row more":                     {8, &schemas.HoldLimits{Rows: 7}, schemas.ResultCheck{}, "too_many_rows"},
		"both, the absolute number first":  {600_000, &schemas.HoldLimits{Rows: 7}, ten, "too_many_rows, rows_grew"},
		"a limit leaves the factor as is":  {600_000, &schemas.HoldLimits{Rows: 700_000}, ten, "rows_grew"},
		"no rows at all after a large one": {0, &schemas.HoldLimits{Rows: 7}, ten, ""},
	} {
		if got := codes(Size(c.rows, schemas.ModeFull, c.limits, c.check)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	f := Size(2_400_000, schemas.ModeIncremental, nil, schemas.ResultCheck{Runs: 3, Largest: 21_000})[0]
	if want := "the result has 2,400,000 rows, more than 10 times the 21,000 of the largest of the last 3 incremental runs"; f.Reason != want || f.Limit != 210_000 {
		t.Errorf("%+v", f)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	before := []schemas.Column{
		{Name: "ID", Type: "FIXED", Precision: 10}, {Name: "PRICE", Type: "FIXED", Precision: 10, Scale: 2},
		{Name: "NAME", Type: "TEXT"}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 3}, {Name: "OTHER", Type: "TEXT"},
	}
	found := []schemas.Column{
		{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "PRICE", Type: "FIXED", Precision: 10, Scale: 4},
		{Name: "NAME", Type: "VARIANT"}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9}, {Name: "OTHER", Type: "REAL"}, {Name: "NEW", Type: "TEXT"},
	}
	if got, want := codes(Columns(found, []int{0, 0, 1, 2, 2, 3, 5}, before)), "column_type_changed PRICE, column_type_changed NAME"; got != want {
		t.Errorf("%q, want %q: digits, unmapped and new columns do not count", got, want)
	}
	if got := Columns(found, []int{0, 1, 2}, nil); got != nil {
		t.Errorf("without an earlier run: %+v", got)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := Number(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
