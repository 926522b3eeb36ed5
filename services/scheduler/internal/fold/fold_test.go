package fold_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

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
		{"the last attempt left rows", func(f *schemas.Fold, _ *schemas.ActiveRun) { f.SkippedAsOver[1] = 1 }, true, schemas.StateFailed, fold.CodeRowsLeft},
		{"an abandoned attempt left rows", func(f *schemas.Fold, a *schemas.ActiveRun) {
			f.Attempts[2], a.Attempt = f.Attempts[1], 2
			f.Attempts[1] = schemas.Extraction{Chunks: 1, Read: 3, Extracted: 3, ByPartition: []int64{3, 0}}
			f.Partitions[0].MapSkipped, f.SkippedAsOver[1], f.Skipped[schemas.SkipClosed] = 3, 3, 3
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
		{"partitions that no import can have", 1, []schemas.Report{
			{Attempt: 1, Mapped: &schemas.Mapped{Partition: -1, Mapped: 1}}, {Attempt: 1, Mapped: &schemas.Mapped{Partition: math.MaxInt32, Mapped: 1}},
			{Attempt: 1, Receipt: &schemas.Receipt{Partition: -1}}, {Attempt: 1, Receipt: &schemas.Receipt{Partition: schemas.MaxPartitions}},
		}, []bool{false, false, false, false}, func(f *schemas.Fold) bool { return len(f.Partitions) == 1 && fold.Counts(f).Mapped == 0 }},
		{"the last one that an import can have", 1, []schemas.Report{{Attempt: 1, Mapped: &schemas.Mapped{Partition: schemas.MaxPartitions - 1, Mapped: 1}}},
			[]bool{true}, func(f *schemas.Fold) bool { return fold.Counts(f).Mapped == 1 }},
		{"a final report of an older attempt ends nothing", 2, []schemas.Report{{Attempt: 1, Final: &schemas.Final{}}},
			[]bool{false}, func(f *schemas.Fold) bool { return f.Final == nil }},
		{"the first final report counts", 1, []schemas.Report{{Attempt: 1, Final: &schemas.Final{Clock: "a"}}, {Attempt: 1, Final: &schemas.Final{Clock: "b"}}},
			[]bool{true, false}, func(f *schemas.Fold) bool { return f.Final.Clock == "a" }},
		{"a heartbeat is no progress", 1, []schemas.Report{{Attempt: 1, Kind: schemas.ReportHeartbeat}},
			[]bool{false}, func(f *schemas.Fold) bool { return true }},
		{"nor is an intent, which every try of an upload that never ends has", 1, []schemas.Report{{Attempt: 1, Intent: &schemas.Intent{}}},
			[]bool{false}, func(f *schemas.Fold) bool { return true }},
		{"waiting", 1, []schemas.Report{{Attempt: 1, Waiting: &schemas.Waiting{Since: since}}},
			[]bool{false}, func(f *schemas.Fold) bool { return f.Waiting != nil }},
		{"waiting for Snowflake ends when it is read", 1, []schemas.Report{
			{Attempt: 1, Waiting: &schemas.Waiting{Stage: schemas.StageExtract, Since: since}},
			{Attempt: 1, Started: &schemas.Started{}},
		}, []bool{false, true}, func(f *schemas.Fold) bool { return f.Waiting == nil }},
		{"waiting for Snowflake does not end by an account's answer", 1, []schemas.Report{
			{Attempt: 1, Waiting: &schemas.Waiting{Stage: schemas.StageExtract, Since: since}},
			{Attempt: 1, Waiting: &schemas.Waiting{Over: true}},
		}, []bool{false, true}, func(f *schemas.Fold) bool { return f.Waiting != nil }},
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
		{"the loader's own code against what was loaded", 850000, 0, 0, 150000, map[string]int64{"request_malformed": 150000}, 0, "request_malformed"},
		{"another one of the loader's", 90000, 0, 700, 300, map[string]int64{"record_too_large": 300}, 0, "record_too_large"},
		{"a code of the map that begins like CleverTap's", 9700, 300, 700, 0, map[string]int64{"clevertap_id_invalid": 300}, 0, ""},
		{"held uploads are no misconfiguration", 1000, 0, 0, 1000, map[string]int64{"ambiguous": 1000}, 0, ""},
	} {
		f := fold.New("a.1", "a", 1, time.Time{})
		f.Partitions[0] = schemas.FoldPartition{Mapped: c.mapped, MapRejected: c.mapRejected, Loaded: c.loaded, LoadRejected: c.loadRejected}
		f.RejectsByCode = c.codes
		if got, stop := fold.Stop(f, c.limit); got.Code != c.want || stop != (c.want != "") {
			t.Errorf("%s: got %+v, want %q", c.name, got, c.want)
		}
	}
}

// TestStopCountsTheExtraction: rows that the extractor cannot read stop a run as
// those do that the mapper or CleverTap refuse.
func TestStopCountsTheExtraction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                               string
		extracted, rejected, stillRejected int64
		want                               bool
	}{
		{"all of them", 0, 3000, 0, true},
		{"a few", 970, 30, 0, false},
		{"more than the share", 799, 201, 0, true},
		{"rejected by an earlier run", 0, 0, 3000, false},
		{"those do not count as outcomes", 400, 99, 3000, false},
	} {
		f := fold.New("a.1", "a", 1, time.Time{})
		e := schemas.Extraction{Extracted: c.extracted, Rejected: c.rejected, StillRejected: c.stillRejected, RejectsByCode: map[string]int64{"row_unreadable": c.rejected}}
		fold.Apply(f, 1, &schemas.Report{Attempt: 1, Chunk: &e}, time.Time{})
		got, stop := fold.Stop(f, 0)
		if stop != c.want || stop && got != (fold.Excess{Stage: schemas.StageExtract, Code: "row_unreadable", Rows: c.rejected}) {
			t.Errorf("%s: stop %v, %+v", c.name, stop, got)
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
