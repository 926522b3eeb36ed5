package signals

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
	"tapline.dev/schemas/metrics"
	"tapline.dev/services/scheduler/internal/book"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func hourly() *book.Facts {
	return &book.Facts{
		Import: "users", State: metrics.StateIdle, Lookback: 15 * time.Minute,
		Due:     schedule.Calendar{Schedules: []schemas.Schedule{{Cron: "0 * * * *"}}},
		InForce: noon.Add(-24 * time.Hour), CoveredTo: noon.Add(-24 * time.Hour),
	}
}

// succeeded is the newest successful run.
func succeeded(f *book.Facts, began, ended time.Time) *book.Facts {
	f.LastSucceeded = &schemas.EndedRun{Run: "users.1", State: schemas.StateSucceeded, StartedAt: began, Time: ended}
	f.LastEnded, f.CoveredTo = f.LastSucceeded, began
	return f
}

func TestFreshnessAndWhatIsPromised(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts                      *book.Facts
		at                         time.Time
		fresh, promised, overdue   time.Duration
		health                     string
		noFreshness, nothingIsSaid bool
	}{
		"as promised": {
			facts: succeeded(hourly(), noon.Add(time.Second), noon.Add(5*time.Minute)), at: noon.Add(30 * time.Minute),
			fresh: 44*time.Minute + 59*time.Second, promised: 45 * time.Minute, health: metrics.HealthOK,
		},
		"the run of the hour goes on": {
			facts: succeeded(hourly(), noon.Add(-time.Hour), noon), at: noon.Add(10 * time.Minute),
			fresh: 85 * time.Minute, promised: 85 * time.Minute, overdue: 10 * time.Minute, health: metrics.HealthOK,
		},
		"the run of the hour takes too long": {
			facts: succeeded(hourly(), noon.Add(-time.Hour), noon), at: noon.Add(20 * time.Minute),
			fresh: 95 * time.Minute, promised: 35 * time.Minute, overdue: 20 * time.Minute, health: metrics.HealthLate,
		},
		"never succeeded": {
			facts: hourly(), at: noon.Add(20 * time.Minute), noFreshness: true,
			promised: 35 * time.Minute, overdue: 23*time.Hour + 20*time.Minute, health: metrics.HealthLate,
		},
		"paused": {
			facts:       succeeded(&book.Facts{Import: "users", State: metrics.StatePaused}, noon.Add(-48*time.Hour), noon.Add(-48*time.Hour)),
			at:          noon,
			fresh:       48 * time.Hour,
			health:      metrics.HealthInactive,
			noFreshness: false, nothingIsSaid: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnown(c.facts)
			at, ok := k.fresh()
			if ok == c.noFreshness || ok && c.at.Sub(at) != c.fresh {
				t.Errorf("freshness %v, %v, want %v", c.at.Sub(at), ok, c.fresh)
			}
			promised, ok := k.promised(c.at)
			if ok == c.nothingIsSaid || ok && promised != c.promised {
				t.Errorf("promised %v, %v, want %v", promised, ok, c.promised)
			}
			overdue := time.Duration(0)
			if !k.overdue.IsZero() {
				overdue = max(c.at.Sub(k.overdue), 0)
			}
			if overdue != c.overdue {
				t.Errorf("overdue by %v, want %v", overdue, c.overdue)
			}
			if got := k.health(c.at); got != c.health {
				t.Errorf("health %s, want %s", got, c.health)
			}
		})
	}
}

// A promise that was computed at one look is another one after the next due instant.
func TestThePromiseFollowsTheClock(t *testing.T) {
	t.Parallel()
	k := newKnown(hourly())
	for minutes, want := range []time.Duration{time.Hour, time.Hour + time.Minute} {
		if got, _ := k.promised(noon.Add(time.Duration(minutes) * time.Minute)); got != want+k.Lookback {
			t.Errorf("%d minutes after noon %v is promised, want %v", minutes, got, want+k.Lookback)
		}
	}
	if got, _ := k.promised(noon.Add(15 * time.Minute)); got != 15*time.Minute+k.Lookback {
		t.Errorf("when noon's run should have ended %v is promised", got)
	}
}

func newBoard(t *testing.T) (*Board, *telemetrytest.Recorder) {
	t.Helper()
	rec := telemetrytest.New(t, "scheduler")
	b, err := New(rec.Telemetry, rec.Meter("test"))
	if err != nil {
		t.Fatal(err)
	}
	return b, rec
}

func expect(t *testing.T, rec *telemetrytest.Recorder, want map[string]float64) {
	t.Helper()
	got := rec.Metrics(t, "tapline_")
	for series, value := range want {
		have, ok := got[series]
		switch {
		case value < 0 && ok:
			t.Errorf("%s = %v, want no such series", series, have)
		case value >= 0 && (!ok || have != value):
			t.Errorf("%s = %v (%v), want %v", series, have, ok, value)
		}
	}
}

const none = -1

// The counters of an import exist before anything is counted: otherwise the first
// failure is no increase, and no alert ever fires.
func TestCountersAreBornAtZero(t *testing.T) {
	t.Parallel()
	b, rec := newBoard(t)
	b.Take(t.Context(), 2, []*book.Facts{{Import: "users", State: metrics.StateIdle}}, shown)
	expect(t, rec, map[string]float64{
		`tapline_scheduler_runs_total{import="users",state="failed"}`:    0,
		`tapline_scheduler_runs_total{import="users",state="succeeded"}`: 0,
		`tapline_import_rows_total{import="users",outcome="rejected"}`:   0,
		`tapline_import_rows_total{import="users",outcome="loaded"}`:     0,
		`tapline_scheduler_partitions`:                                   1,
		`tapline_import_state{import="users",state="idle"}`:              1,
	})
	ended := noon.Add(time.Minute)
	b.Closed(t.Context(), 2, schemas.Run{
		Import: "users", Run: "users.1", State: schemas.StateFailed, StartedAt: noon, FinishedAt: &ended,
		Counts: schemas.Counts{Read: 9, LoadRejected: 9}, RejectsByCode: map[string]int64{"x": 9},
	}, "")
	expect(t, rec, map[string]float64{
		`tapline_scheduler_runs_total{import="users",state="failed"}`:  1,
		`tapline_import_rows_total{import="users",outcome="rejected"}`: 9,
		`tapline_import_rejects_total{code="x",import="users"}`:        9,
	})
}

// Rows are counted once: not again after a takeover, nor when a run closes and the next
// one begins in the same step.
func TestRowsAreCountedOnce(t *testing.T) {
	t.Parallel()
	b, rec := newBoard(t)
	ctx := t.Context()
	run := func(name string, loaded int64) *book.Facts {
		return &book.Facts{Import: "users", State: schemas.StateLoading, Run: name, Started: noon, Progress: noon,
			Counts: schemas.Counts{Read: 100, Extracted: 100, Mapped: 100, Loaded: loaded}}
	}
	b.Take(ctx, 0, []*book.Facts{run("users.1", 40)}, shown)
	b.Put(ctx, 0, "users", run("users.1", 60))
	const loaded = `tapline_import_rows_total{import="users",outcome="loaded"}`
	expect(t, rec, map[string]float64{loaded: 20, `tapline_import_run_rows{import="users",outcome="pending"}`: 40})
	ended := noon
	b.Closed(ctx, 0, schemas.Run{Import: "users", Run: "users.1", State: schemas.StateSucceeded, StartedAt: noon, FinishedAt: &ended,
		Counts: run("users.1", 100).Counts}, "")
	b.Put(ctx, 0, "users", run("users.2", 5))
	expect(t, rec, map[string]float64{loaded: 65})
	b.Put(ctx, 0, "users", run("users.2", 5))
	b.Drop(0)
	b.Take(ctx, 0, []*book.Facts{run("users.2", 5)}, shown)
	expect(t, rec, map[string]float64{loaded: 65})
}

// A state ends with what it is of: an import that is deleted, a hold that was approved, a
// partition that another scheduler owns now.
func TestStatesEnd(t *testing.T) {
	t.Parallel()
	b, rec := newBoard(t)
	held := &book.Facts{Import: "users", State: schemas.StateHeld, HeldSince: noon, Run: "users.1", Started: noon}
	b.Take(t.Context(), 0, []*book.Facts{held}, shown)
	const since = `tapline_import_held_since_timestamp_seconds{import="users"}`
	expect(t, rec, map[string]float64{since: float64(noon.Unix()), `tapline_import_health{health="held",import="users"}`: 1})
	b.Put(t.Context(), 0, "users", &book.Facts{Import: "users", State: schemas.StateExtracting, Run: "users.1", Started: noon})
	expect(t, rec, map[string]float64{since: none, `tapline_import_state{import="users",state="held"}`: none, `tapline_import_state{import="users",state="extracting"}`: 1})
	b.Put(t.Context(), 0, "users", nil)
	expect(t, rec, map[string]float64{`tapline_import_state{import="users",state="extracting"}`: none})
	b.Put(t.Context(), 0, "users", held)
	b.Drop(0)
	expect(t, rec, map[string]float64{since: none, `tapline_scheduler_partitions`: 0})
}

// How long Kafka hides records of a partition and Redis lacks them are its metrics until
// another scheduler owns it.
func TestHiddenRecordsAreSaid(t *testing.T) {
	t.Parallel()
	b, rec := newBoard(t)
	b.Take(t.Context(), 3, nil, func() time.Duration { return 90 * time.Second })
	b.Hide(3, map[string]Hidden{"tapline.reports.v1": {Records: 7, Since: time.Now().Add(-time.Minute)}, "tapline.commands.v1": {}})
	expect(t, rec, map[string]float64{
		`tapline_kafka_unstable{partition="3",topic="tapline.reports.v1"}`:              7,
		`tapline_kafka_unstable_age_seconds{partition="3",topic="tapline.commands.v1"}`: 0,
		`tapline_scheduler_projection_age_seconds{partition="3"}`:                       90,
	})
	if age := rec.Metrics(t, "tapline_kafka")[`tapline_kafka_unstable_age_seconds{partition="3",topic="tapline.reports.v1"}`]; age < 60 || age > 600 {
		t.Errorf("the transaction has been open for %v s, want about 60", age)
	}
	b.Drop(3)
	expect(t, rec, map[string]float64{`tapline_scheduler_projection_age_seconds{partition="3"}`: none})
}

// A thousand imports have a bounded number of series, and beyond the configured number
// none is added.
func TestSeriesOfAThousandImports(t *testing.T) {
	t.Parallel()
	count := func(most, imports int) int {
		tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "scheduler", Imports: most, LookupEnv: func(string) (string, bool) { return "", false }})
		if err != nil {
			t.Fatal(err)
		}
		b, err := New(tel, tel.Meter("test"))
		if err != nil {
			t.Fatal(err)
		}
		var all []*book.Facts
		for i := range imports {
			f := succeeded(hourly(), noon, noon)
			f.Import, f.Run, f.State, f.Started, f.Progress, f.HeldSince = fmt.Sprintf("import-%d", i), "r.1", schemas.StateHeld, noon, noon, noon
			f.Waiting, f.NextDue, f.Watermark = &schemas.Waiting{Since: noon}, noon, noon
			f.Owner = fmt.Sprintf("owner-%d", i)
			all = append(all, f)
		}
		b.Take(t.Context(), 0, all, shown)
		rec := &telemetrytest.Recorder{Telemetry: tel}
		n := 0
		for series := range rec.Metrics(t, "tapline_") {
			if strings.Contains(series, `import="`) {
				n++
			}
		}
		return n
	}
	const mostOfOne = 40
	if n := count(1000, 1000); n > mostOfOne*1000 || n < 20*1000 {
		t.Errorf("1,000 imports have %d series, want at most %d each and all that there are", n, mostOfOne)
	}
	if few, many := count(100, 200), count(100, 1000); few != many {
		t.Errorf("beyond 100 imports series grow: %d with 200 imports, %d with 1,000", few, many)
	}
}

// shown is the projection's age where Redis shows all.
func shown() time.Duration { return 0 }
