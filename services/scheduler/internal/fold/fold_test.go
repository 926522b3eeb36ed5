package fold_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// topic is one partition of a records topic: the offsets that hold records, with
// gaps where transaction markers lie.
type topic []int64

func newTopic(r *rand.Rand, records int) topic {
	var t topic
	offset := int64(r.IntN(3))
	for range records {
		t = append(t, offset)
		offset++
		if r.IntN(4) == 0 {
			offset += 1 + int64(r.IntN(2))
		}
	}
	return t
}

// ranges describes the records from..to (by index), broken at gaps.
func (t topic) ranges(from, to int) []schemas.Range {
	var out []schemas.Range
	for i := from; i <= to; i++ {
		prev := int64(-1)
		if i > 0 {
			prev = t[i-1]
		}
		if n := len(out); n > 0 && i > from && out[n-1].To == t[i]-1 {
			out[n-1].To = t[i]
			continue
		}
		out = append(out, schemas.Range{Prev: prev, From: t[i], To: t[i]})
	}
	return out
}

// oracle counts receipts the slow way: one map entry for each offset.
type oracle struct {
	outcome map[int64]string
	resent  int64
}

func (o *oracle) take(rec *schemas.Receipt) {
	again := int64(0)
	for _, r := range rec.Ranges {
		for offset := r.From; offset <= r.To; offset++ {
			outcome := "loaded"
			for _, x := range rec.Rejected {
				if x.Offset == offset {
					outcome = "rejected " + x.Code
				}
			}
			for _, x := range rec.Skipped {
				if x.Offset == offset {
					outcome = "skipped " + x.Code
				}
			}
			if rec.SkipReason != "" {
				outcome = "skipped " + rec.SkipReason
			}
			if _, taken := o.outcome[offset]; !taken {
				o.outcome[offset] = outcome
			} else if outcome == "loaded" || outcome[:3] == "rej" {
				again++
			}
		}
	}
	if rec.SkipReason == "" {
		o.resent += max(again, rec.Resent)
	}
}

func randomReceipt(r *rand.Rand, t topic) *schemas.Receipt {
	from := r.IntN(len(t))
	to := min(len(t)-1, from+r.IntN(8))
	rec := &schemas.Receipt{Ranges: t.ranges(from, to), Records: to - from + 1}
	if r.IntN(6) == 0 {
		rec.SkipReason = schemas.SkipClosed
		return rec
	}
	for _, offset := range t[from : to+1] {
		switch r.IntN(6) {
		case 0:
			rec.Rejected = append(rec.Rejected, schemas.OffsetOutcome{Offset: offset, Code: fmt.Sprintf("clevertap_%d", 510+r.IntN(3))})
		case 1:
			rec.Skipped = append(rec.Skipped, schemas.OffsetOutcome{Offset: offset, Code: schemas.SkipSuperseded})
		}
	}
	if r.IntN(4) == 0 {
		rec.Resent = int64(r.IntN(rec.Records + 1))
	}
	if r.IntN(3) == 0 { // the ranges of an upload come in no order
		r.Shuffle(len(rec.Ranges), func(i, j int) { rec.Ranges[i], rec.Ranges[j] = rec.Ranges[j], rec.Ranges[i] })
	}
	return rec
}

// TestReceiptsAgainstOracle gives the fold receipts that overlap, repeat, come
// out of order and leave gaps, and compares it with a count of single offsets.
func TestReceiptsAgainstOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 2000 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		records := newTopic(r, 1+r.IntN(40))
		f := fold.New("a.1", "a", 1, time.Time{})
		want := &oracle{outcome: map[int64]string{}}
		var sent []*schemas.Receipt
		for range r.IntN(30) {
			rec := randomReceipt(r, records)
			if len(sent) > 0 && r.IntN(5) == 0 {
				rec = sent[r.IntN(len(sent))]
			}
			sent = append(sent, rec)
			want.take(rec)
			fold.Apply(f, 1, &schemas.Report{Attempt: 1, Receipt: rec}, time.Time{})
		}
		if diff := cmp.Diff(want.fold(records), summary(f)); diff != "" {
			t.Fatalf("seed %d round %d (-want +got):\n%s", seed, round, diff)
		}
	}
}

type sums struct {
	Part          schemas.FoldPartition
	Rejects, Skip map[string]int64
	Resent        int64
}

func summary(f *schemas.Fold) sums {
	return sums{Part: f.Partitions[0], Rejects: f.RejectsByCode, Skip: f.Skipped, Resent: f.Resent}
}

// fold is what the oracle expects; the taken ranges are the longest there are.
func (o *oracle) fold(records topic) sums {
	s := sums{Rejects: map[string]int64{}, Skip: map[string]int64{}, Resent: o.resent}
	open := false
	for i, offset := range records {
		outcome, taken := o.outcome[offset]
		if !taken {
			open = false
			continue
		}
		switch {
		case outcome == "loaded":
			s.Part.Loaded++
		case outcome[:3] == "rej":
			s.Part.LoadRejected++
			s.Rejects[outcome[len("rejected "):]]++
		default:
			s.Part.LoadSkipped++
			s.Skip[outcome[len("skipped "):]]++
		}
		if open {
			s.Part.Taken[len(s.Part.Taken)-1].To = offset
			continue
		}
		prev := int64(-1)
		if i > 0 {
			prev = records[i-1]
		}
		s.Part.Taken = append(s.Part.Taken, schemas.Range{Prev: prev, From: offset, To: offset})
		open = true
	}
	return s
}

// TestUnknownPrevNeverTakesTooMuch: a loader that does not know the record
// before says -1; nothing between may count as taken.
func TestUnknownPrevNeverTakesTooMuch(t *testing.T) {
	t.Parallel()
	f := fold.New("a.1", "a", 1, time.Time{})
	for _, r := range []schemas.Range{{Prev: -1, From: 0, To: 3}, {Prev: -1, From: 9, To: 12}, {Prev: 3, From: 5, To: 6}} {
		fold.Apply(f, 1, &schemas.Report{Attempt: 1, Receipt: &schemas.Receipt{Ranges: []schemas.Range{r}}}, time.Time{})
	}
	want := []schemas.Range{{Prev: -1, From: 0, To: 6}, {Prev: -1, From: 9, To: 12}}
	if diff := cmp.Diff(want, f.Partitions[0].Taken); diff != "" || f.Partitions[0].Loaded != 10 {
		t.Errorf("loaded %d (-want +got):\n%s", f.Partitions[0].Loaded, diff)
	}
}

// TestWholeRunAgainstOracle sends a run's reports in a random order and checks
// that it is settled after the last of them and never before.
func TestWholeRunAgainstOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 300 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		const partitions = 3
		var reports []*schemas.Report
		e := schemas.Extraction{Chunks: 1, Unchanged: 2, Rejected: 1, ByPartition: make([]int64, partitions), RejectsByCode: map[string]int64{"row_unreadable": 1}}
		rejects := int64(1)
		for p := range partitions {
			records := newTopic(r, r.IntN(30))
			mapRejected := int64(r.IntN(4))
			e.ByPartition[p] = int64(len(records)) + mapRejected
			e.Extracted += e.ByPartition[p]
			rejects += mapRejected
			if e.ByPartition[p] > 0 {
				reports = append(reports, &schemas.Report{Attempt: 1, Mapped: &schemas.Mapped{Partition: int32(p), Mapped: int64(len(records)), RejectsByCode: map[string]int64{"date_format": mapRejected}}})
			}
			for i := 0; i < len(records); {
				to := min(len(records)-1, i+r.IntN(7))
				reports = append(reports, &schemas.Report{Attempt: 1, Receipt: &schemas.Receipt{Partition: int32(p), Ranges: records.ranges(i, to)}})
				i = to + 1
			}
		}
		e.Read = e.Extracted + e.Unchanged + e.Rejected
		reports = append(reports, &schemas.Report{Attempt: 1, Final: &schemas.Final{Extraction: e}})
		r.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		f := fold.New("a.1", "a", partitions, time.Time{})
		for i, report := range reports {
			if i > 0 && r.IntN(3) == 0 && reports[i-1].Mapped == nil {
				fold.Apply(f, 1, reports[i-1], time.Time{}) // a repeated report
			}
			if fold.Settled(f) {
				t.Fatalf("seed %d round %d: settled after %d of %d reports", seed, round, i, len(reports))
			}
			fold.Apply(f, 1, report, time.Time{})
		}
		state, runErr := fold.Judge(f, &schemas.ActiveRun{Attempt: 1})
		if !fold.Settled(f) || state != schemas.StateSucceededWithRejects || runErr != nil {
			t.Fatalf("seed %d round %d: settled %v as %s, %v", seed, round, fold.Settled(f), state, runErr)
		}
		if c := fold.Counts(f); c.Rejected() != rejects || c.Read != e.Read || c.Loaded != c.Mapped {
			t.Fatalf("seed %d round %d: counts %+v", seed, round, c)
		}
	}
}

func settled(edit func(*schemas.Fold, *schemas.ActiveRun)) (*schemas.Fold, *schemas.ActiveRun) {
	f := fold.New("a.1", "a", 2, time.Time{})
	e := schemas.Extraction{Chunks: 1, Read: 10, Extracted: 10, ByPartition: []int64{4, 6}}
	f.Attempts[1] = e
	f.Started = &schemas.Started{QueryID: "q", Total: 10}
	f.Final = &schemas.Final{Extraction: e}
	f.Partitions = []schemas.FoldPartition{{Mapped: 4, Loaded: 4}, {Mapped: 6, Loaded: 6}}
	a := &schemas.ActiveRun{Run: "a.1", Attempt: 1}
	edit(f, a)
	return f, a
}

func TestJudge(t *testing.T) {
	t.Parallel()
	stop := &schemas.RunError{Code: "date_format"}
	for _, c := range []struct {
		name    string
		edit    func(*schemas.Fold, *schemas.ActiveRun)
		settled bool
		state   string
		code    string
	}{
		{"clean", func(*schemas.Fold, *schemas.ActiveRun) {}, true, schemas.StateSucceeded, ""},
		{"rejected in the map", func(f *schemas.Fold, _ *schemas.ActiveRun) {
			f.Partitions[0] = schemas.FoldPartition{Mapped: 3, MapRejected: 1, Loaded: 3}
		}, true, schemas.StateSucceededWithRejects, ""},
		{"rejected by CleverTap", func(f *schemas.Fold, _ *schemas.ActiveRun) {
			f.Partitions[0] = schemas.FoldPartition{Mapped: 4, Loaded: 3, LoadRejected: 1}
		}, true, schemas.StateSucceededWithRejects, ""},
		{"superseded", func(f *schemas.Fold, _ *schemas.ActiveRun) {
			f.Partitions[0] = schemas.FoldPartition{Mapped: 4, Loaded: 3, LoadSkipped: 1}
			f.Skipped[schemas.SkipSuperseded] = 1
		}, true, schemas.StateSucceeded, ""},
		{"no final report", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Final = nil }, false, "", ""},
		{"a row not mapped", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Partitions[0].Mapped, f.Partitions[0].Loaded = 3, 3 }, false, "", ""},
		{"a record not loaded", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Partitions[1].Loaded-- }, false, "", ""},
		{"one too many elsewhere", func(f *schemas.Fold, _ *schemas.ActiveRun) {
			f.Partitions = []schemas.FoldPartition{{Mapped: 5, Loaded: 5}, {Mapped: 5, Loaded: 5}}
		}, false, "", ""},
		{"a partition unheard of", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Partitions = f.Partitions[:1] }, false, "", ""},
		{"cancelled", func(_ *schemas.Fold, a *schemas.ActiveRun) {
			a.Ending = &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}
		}, true, schemas.StateCancelled, ""},
		{"stopped", func(_ *schemas.Fold, a *schemas.ActiveRun) {
			a.Ending = &schemas.Ending{State: schemas.StateFailed, Skip: schemas.SkipStopped, Error: stop}
		}, true, schemas.StateFailed, "date_format"},
		{"short result", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Started.Total = 11 }, true, schemas.StateFailed, fold.CodeCountMismatch},
		{"rows unaccounted for", func(f *schemas.Fold, _ *schemas.ActiveRun) {
			e := f.Attempts[1]
			e.Read, f.Final.Read, f.Started.Total = 11, 11, 11
			f.Attempts[1] = e
		}, true, schemas.StateFailed, fold.CodeCountMismatch},
		{"early without a reason", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Final.Early = true }, true, schemas.StateFailed, fold.CodeEndedEarly},
		{"the last attempt left rows", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Left[1] = 1 }, true, schemas.StateFailed, fold.CodeRowsLeft},
		{"an abandoned attempt left rows", func(f *schemas.Fold, a *schemas.ActiveRun) {
			f.Attempts[2], a.Attempt = f.Attempts[1], 2
			f.Attempts[1] = schemas.Extraction{Chunks: 1, Read: 3, Extracted: 3, ByPartition: []int64{3, 0}}
			f.Partitions[0].MapSkipped, f.Left[1], f.Skipped[schemas.SkipClosed] = 3, 3, 3
		}, true, schemas.StateSucceeded, ""},
	} {
		f, a := settled(c.edit)
		if got := fold.Settled(f); got != c.settled {
			t.Errorf("%s: settled %v", c.name, got)
			continue
		}
		if !c.settled {
			continue
		}
		state, runErr := fold.Judge(f, a)
		code := ""
		if runErr != nil {
			code = runErr.Code
		}
		if state != c.state || code != c.code {
			t.Errorf("%s: %s %q, want %s %q", c.name, state, code, c.state, c.code)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	chunk := func(n int, read int64) *schemas.Extraction { return &schemas.Extraction{Chunks: n, Read: read} }
	since := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name     string
		attempt  int
		reports  []schemas.Report
		progress []bool
		check    func(*schemas.Fold) bool
	}{
		{"cumulative chunks: the newest counts", 1, []schemas.Report{{Attempt: 1, Chunk: chunk(1, 10)}, {Attempt: 1, Chunk: chunk(2, 25)}, {Attempt: 1, Chunk: chunk(1, 10)}},
			[]bool{true, true, false}, func(f *schemas.Fold) bool { return fold.Counts(f).Read == 25 }},
		{"attempts add up", 2, []schemas.Report{{Attempt: 1, Chunk: chunk(1, 10)}, {Attempt: 2, Chunk: chunk(1, 10)}},
			[]bool{true, true}, func(f *schemas.Fold) bool { return fold.Counts(f).Read == 20 }},
		{"an attempt that was never triggered", 1, []schemas.Report{{Attempt: 2, Chunk: chunk(1, 10)}, {Attempt: 0, Chunk: chunk(1, 10)}},
			[]bool{false, false}, func(f *schemas.Fold) bool { return fold.Counts(f).Read == 0 }},
		{"a final report of an older attempt ends nothing", 2, []schemas.Report{{Attempt: 1, Final: &schemas.Final{}}},
			[]bool{false}, func(f *schemas.Fold) bool { return f.Final == nil }},
		{"the first final report counts", 1, []schemas.Report{{Attempt: 1, Final: &schemas.Final{Clock: "a"}}, {Attempt: 1, Final: &schemas.Final{Clock: "b"}}},
			[]bool{true, false}, func(f *schemas.Fold) bool { return f.Final.Clock == "a" }},
		{"a heartbeat is no progress", 1, []schemas.Report{{Attempt: 1, Kind: schemas.ReportHeartbeat}},
			[]bool{false}, func(f *schemas.Fold) bool { return true }},
		{"an intent is", 1, []schemas.Report{{Attempt: 1, Intent: &schemas.Intent{}}},
			[]bool{true}, func(f *schemas.Fold) bool { return true }},
		{"waiting", 1, []schemas.Report{{Attempt: 1, Waiting: &schemas.Waiting{Since: since}}},
			[]bool{false}, func(f *schemas.Fold) bool { return f.Waiting != nil }},
		{"waiting is over", 1, []schemas.Report{{Attempt: 1, Waiting: &schemas.Waiting{Since: since}}, {Attempt: 1, Waiting: &schemas.Waiting{Over: true}}},
			[]bool{false, true}, func(f *schemas.Fold) bool { return f.Waiting == nil }},
		{"an upload that went through ends the waiting", 1, []schemas.Report{
			{Attempt: 1, Waiting: &schemas.Waiting{Since: since}},
			{Attempt: 1, Time: since.Add(time.Second), Receipt: &schemas.Receipt{Status: 200}},
		}, []bool{false, true}, func(f *schemas.Fold) bool { return f.Waiting == nil }},
		{"an upload from before does not", 1, []schemas.Report{
			{Attempt: 1, Waiting: &schemas.Waiting{Since: since}},
			{Attempt: 1, Time: since.Add(-time.Second), Receipt: &schemas.Receipt{Status: 200}},
		}, []bool{false, true}, func(f *schemas.Fold) bool { return f.Waiting != nil }},
	} {
		f := fold.New("a.1", "a", 1, time.Time{})
		var progress []bool
		for i := range c.reports {
			progress = append(progress, fold.Apply(f, c.attempt, &c.reports[i], since))
		}
		if !slices.Equal(progress, c.progress) || !c.check(f) {
			t.Errorf("%s: progress %v, fold %+v", c.name, progress, f)
		}
		if got := f.ProgressAt.Equal(since); got != slices.Contains(c.progress, true) {
			t.Errorf("%s: progress was noted: %v", c.name, got)
		}
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                                      string
		mapped, mapRejected, loaded, loadRejected int64
		codes                                     map[string]int64
		limit                                     float64
		want                                      string
	}{
		{"a few", 970, 30, 970, 0, map[string]int64{"date_format": 30}, 0, ""},
		{"too many of one code", 799, 201, 0, 0, map[string]int64{"date_format": 201}, 0, "date_format"},
		{"exactly the share", 800, 200, 0, 0, map[string]int64{"date_format": 200}, 0, ""},
		{"many, of several codes", 700, 300, 0, 0, map[string]int64{"date_format": 150, "out_of_range": 150}, 0, ""},
		{"before the thousandth", 400, 599, 0, 0, map[string]int64{"date_format": 599}, 0, ""},
		{"all of the first 500", 0, 500, 0, 0, map[string]int64{"date_format": 500}, 0, "date_format"},
		{"all of 499", 0, 499, 0, 0, map[string]int64{"date_format": 499}, 0, ""},
		{"an own limit", 400, 600, 0, 0, map[string]int64{"date_format": 600}, 0.7, ""},
		{"CleverTap's code against what was loaded", 90000, 0, 700, 300, map[string]int64{"clevertap_515": 300}, 0, "clevertap_515"},
		{"held uploads are no misconfiguration", 1000, 0, 0, 1000, map[string]int64{"ambiguous": 1000}, 0, ""},
	} {
		f := fold.New("a.1", "a", 1, time.Time{})
		f.Partitions[0] = schemas.FoldPartition{Mapped: c.mapped, MapRejected: c.mapRejected, Loaded: c.loaded, LoadRejected: c.loadRejected}
		f.RejectsByCode = c.codes
		if got, stop := fold.Stop(f, c.limit); got != c.want || stop != (c.want != "") {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStuckNamesTheStage(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*schemas.Fold, *schemas.ActiveRun){
		"extract: 10 rows were read and no final report came": func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Final = nil },
		"map: 1 of 10 extracted rows have no outcome":         func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Partitions[0].Mapped--; f.Partitions[0].Loaded-- },
		"load: 2 of 10 mapped records have no outcome":        func(f *schemas.Fold, _ *schemas.ActiveRun) { f.Partitions[0].Loaded -= 2 },
	} {
		f, _ := settled(edit)
		stage, difference := fold.Stuck(f)
		if got := stage + ": " + difference; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
