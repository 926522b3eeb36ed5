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

func TestHistory(t *testing.T) {
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
				got = append(got, int(p.State(offset)))
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("fates %v, want %s", got, tt.want)
			}
		})
	}
}

// How long a request may be applied is what its writer reported; no other clock is used.
func TestHistoryKnowsHowLongRequestsMayBeApplied(t *testing.T) {
	t.Parallel()
	open := func(ms int64, r *schemas.Report) *schemas.Report {
		if r.Receipt != nil {
			r.Receipt.OpenMillis = ms
		} else {
			r.Intent.OpenMillis = ms
		}
		return r
	}
	intent, receipt := func(holder string) *schemas.Report { return by(holder, report(schemas.ReportIntent, 1, 10, 12)) }, report(schemas.ReportReceipt, 1, 10, 12)
	withdrawal := func(holder string) *schemas.Report { return by(holder, report("withdrawn", 1, 10, 12)) }
	tests := map[string]struct {
		reports []*schemas.Report
		want    time.Duration
	}{
		"nothing":                       {nil, 0},
		"an intent":                     {[]*schemas.Report{open(7000, intent("a"))}, 7 * time.Second},
		"an intent of an older release": {[]*schemas.Report{intent("a")}, time.Minute},
		"settled by its receipt":        {[]*schemas.Report{open(7000, intent("a")), receipt}, 0},
		"a receipt that settles nothing": {[]*schemas.Report{
			open(7000, intent("a")), open(3000, report(schemas.ReportReceipt, 1, 10, 12)),
		}, 3 * time.Second},
		"withdrawn":                {[]*schemas.Report{open(7000, intent("a")), withdrawal("a")}, 0},
		"withdrawn, one is open":   {[]*schemas.Report{open(7000, intent("a")), open(2000, withdrawal("a"))}, 2 * time.Second},
		"withdrawn by another":     {[]*schemas.Report{open(7000, intent("a")), withdrawal("b")}, 7 * time.Second},
		"two holders":              {[]*schemas.Report{open(7000, intent("a")), open(9000, intent("b"))}, 9 * time.Second},
		"two holders, one settles": {[]*schemas.Report{open(7000, intent("a")), open(9000, intent("b")), receipt}, 9 * time.Second},
	}
	for name, tt := range tests {
		p := New("customers", 1, 10)
		for _, r := range tt.reports {
			p.Add(r, time.Minute)
		}
		if got := p.Open(11); got != tt.want {
			t.Errorf("%s: Open() = %v, want %v", name, got, tt.want)
		}
	}
}

func TestCommitMetadata(t *testing.T) {
	t.Parallel()
	want := CommitMetadata{Reports: 12, Prev: -1}
	if got, err := ParseCommitMetadata(want.String()); err != nil || got != want {
		t.Errorf("ParseMark(%s) = %+v, %v", want, got, err)
	}
	want.Topic = "a1-_"
	if got, err := ParseCommitMetadata(want.String()); err != nil || got != want {
		t.Errorf("ParseMark(%s) = %+v, %v", want, got, err)
	}
	for _, in := range []struct {
		mark  CommitMetadata
		topic string
		end   int64
		want  int64
	}{
		{CommitMetadata{Reports: 5, Topic: "a"}, "a", 9, 5}, {CommitMetadata{Reports: 5, Topic: "a"}, "b", 9, 0}, {CommitMetadata{Reports: 5}, "b", 9, 5},
		{CommitMetadata{Reports: 5, Topic: "a"}, "", 9, 5}, {CommitMetadata{Reports: 5}, "b", 4, 0}, {CommitMetadata{Reports: 5}, "", 4, 0},
	} {
		if got := in.mark.ForTopic(in.topic, in.end); got.Reports != in.want || got.Topic != in.topic {
			t.Errorf("%+v in topic %q, which ends at %d: %+v, want reports from %d", in.mark, in.topic, in.end, got, in.want)
		}
	}
	for _, foreign := range []string{"x", "", "{}", `{"reports":3}`, `{"reports":-1,"prev":2}`, `{"prev":2}`} {
		if got, err := ParseCommitMetadata(foreign); err == nil {
			t.Errorf("ParseMark(%s) = %+v, want an error", foreign, got)
		}
	}
}

// TestHistoryTellsTrialsApart: a trial's records lie in another topic, whose
// partitions have the same numbers.
func TestHistoryTellsTrialsApart(t *testing.T) {
	t.Parallel()
	run, dry := report(schemas.ReportReceipt, 1, 10, 10), report(schemas.ReportReceipt, 1, 11, 11)
	run.Run, dry.Run = "customers.4", "customers.d4"
	for importName, want := range map[string][2]State{"customers": {Done, Fresh}, "": {Fresh, Done}} {
		p := New(importName, 1, 10)
		p.Add(run, time.Second)
		p.Add(dry, time.Second)
		if got := [2]State{p.State(10), p.State(11)}; got != want {
			t.Errorf("of %q: %v, want %v", importName, got, want)
		}
	}
}
