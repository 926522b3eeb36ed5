package recovery

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/schemas"
)

func report(kind string, partition int32, from, to int64) *schemas.Report {
	r := &schemas.Report{Kind: kind, Import: "customers", Time: time.Date(2026, 1, 1, 0, 0, int(from), 0, time.UTC)}
	ranges := []schemas.Range{{Prev: from - 1, From: from, To: to}}
	switch kind {
	case schemas.ReportReceipt:
		r.Receipt = &schemas.Receipt{Partition: partition, Ranges: ranges}
	case "withdrawn":
		r.Kind = schemas.ReportIntent
		r.Intent = &schemas.Intent{Partition: partition, Ranges: ranges, Withdrawn: true}
	default:
		r.Intent = &schemas.Intent{Partition: partition, Ranges: ranges}
	}
	return r
}

// by says whose intent or withdrawal a report is.
func by(holder string, r *schemas.Report) *schemas.Report {
	r.Intent.Holder = holder
	return r
}

func TestPast(t *testing.T) {
	t.Parallel()
	other := report(schemas.ReportReceipt, 1, 10, 20)
	other.Import = "orders"
	tests := []struct {
		name    string
		reports []*schemas.Report
		want    string // fates of offsets 10 to 14
	}{
		{"nothing", nil, "[0 0 0 0 0]"},
		{"an intent", []*schemas.Report{report(schemas.ReportIntent, 1, 10, 12)}, "[1 1 1 0 0]"},
		{"its receipt", []*schemas.Report{report(schemas.ReportIntent, 1, 10, 12), report(schemas.ReportReceipt, 1, 10, 12)}, "[2 2 2 0 0]"},
		{"a partial receipt", []*schemas.Report{report(schemas.ReportIntent, 1, 10, 12), report(schemas.ReportReceipt, 1, 11, 11)}, "[1 2 1 0 0]"},
		{"an intent after a receipt", []*schemas.Report{report(schemas.ReportReceipt, 1, 11, 11), report(schemas.ReportIntent, 1, 10, 12)}, "[1 2 1 0 0]"},
		{"withdrawn", []*schemas.Report{report(schemas.ReportIntent, 1, 10, 12), report("withdrawn", 1, 10, 12)}, "[0 0 0 0 0]"},
		{"withdrawn and tried again", []*schemas.Report{report(schemas.ReportIntent, 1, 10, 12), report("withdrawn", 1, 10, 12), report(schemas.ReportIntent, 1, 10, 11)}, "[1 1 0 0 0]"},
		{"withdrawn late, behind the next holder's intent", []*schemas.Report{
			by("a", report(schemas.ReportIntent, 1, 10, 12)), by("b", report(schemas.ReportIntent, 1, 10, 11)), by("a", report("withdrawn", 1, 10, 12)),
		}, "[1 1 0 0 0]"},
		{"noted and withdrawn late", []*schemas.Report{
			by("b", report(schemas.ReportIntent, 1, 10, 11)), by("a", report(schemas.ReportIntent, 1, 10, 12)), by("a", report("withdrawn", 1, 10, 12)),
		}, "[1 1 0 0 0]"},
		{"withdrawn by both", []*schemas.Report{
			by("a", report(schemas.ReportIntent, 1, 10, 12)), by("a", report("withdrawn", 1, 10, 12)),
			by("b", report(schemas.ReportIntent, 1, 10, 12)), by("b", report("withdrawn", 1, 10, 12)),
		}, "[0 0 0 0 0]"},
		{"before the committed offset", []*schemas.Report{report(schemas.ReportIntent, 1, 3, 10)}, "[1 0 0 0 0]"},
		{"another partition", []*schemas.Report{report(schemas.ReportIntent, 0, 10, 12)}, "[0 0 0 0 0]"},
		{"another import", []*schemas.Report{other}, "[0 0 0 0 0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := New("customers", 1, 10)
			for _, r := range tt.reports {
				p.Add(r, time.Second)
			}
			var got []int
			for offset := int64(10); offset < 15; offset++ {
				got = append(got, int(p.Fate(offset)))
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("fates %v, want %s", got, tt.want)
			}
		})
	}
}

func TestPastKnowsWhenTheLastRequestEnds(t *testing.T) {
	t.Parallel()
	p := New("customers", 1, 0)
	p.Add(report(schemas.ReportIntent, 1, 30, 31), 10*time.Second)
	p.Add(report(schemas.ReportIntent, 1, 20, 21), 10*time.Second)
	if want := time.Date(2026, 1, 1, 0, 0, 40, 0, time.UTC); !p.Until().Equal(want) || p.Last() != 31 {
		t.Errorf("Until() = %v, Last() = %d; want %v and 31", p.Until(), p.Last(), want)
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	want := Mark{Reports: 12, Prev: -1}
	if got, err := ParseMark(want.String()); err != nil || got != want {
		t.Errorf("ParseMark(%s) = %+v, %v", want, got, err)
	}
	for _, foreign := range []string{"x", "", "{}", `{"reports":3}`, `{"reports":-1,"prev":2}`, `{"prev":2}`} {
		if got, err := ParseMark(foreign); err == nil {
			t.Errorf("ParseMark(%s) = %+v, want an error", foreign, got)
		}
	}
}

// TestPastTellsTrialsApart: a trial's records lie in another topic, whose
// partitions have the same numbers.
func TestPastTellsTrialsApart(t *testing.T) {
	t.Parallel()
	run, dry := report(schemas.ReportReceipt, 1, 10, 10), report(schemas.ReportReceipt, 1, 11, 11)
	run.Run, dry.Run = "customers.4", "customers.d4"
	for importName, want := range map[string][2]Fate{"customers": {Done, Fresh}, "": {Fresh, Done}} {
		p := New(importName, 1, 10)
		p.Add(run, time.Second)
		p.Add(dry, time.Second)
		if got := [2]Fate{p.Fate(10), p.Fate(11)}; got != want {
			t.Errorf("of %q: %v, want %v", importName, got, want)
		}
	}
}
