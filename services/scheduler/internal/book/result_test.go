package book_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func tooMany(rows int64, approvals int) schemas.Report {
	return schemas.Report{Held: &schemas.Held{Rows: rows, Approvals: approvals, Figures: []schemas.HoldFigure{
		{Code: schemas.HoldTooManyRows, Found: float64(rows), Limit: 10, Reason: "too many"},
		{Code: schemas.HoldNulls, Column: "EMAIL", Found: 0.5, Limit: 0.2, Reason: "no address"},
	}}}
}

func abandoned(code string) schemas.Report {
	return schemas.Report{Abandoned: &schemas.Abandoned{Code: code, Reason: "gone"}}
}

// TestAHeldResult waits for years, survives every takeover, and goes on in the same
// attempt.
func TestAHeldResult(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.wantTriggers(d.reports("a.1", 1, tooMany(4000, 0)), "")
	r := d.want("a.1", schemas.StateHeld)
	want := schemas.Hold{Code: schemas.HoldTooManyRows, Reason: "too many; no address", Records: 4000, Since: d.now, Figures: tooMany(4000, 0).Held.Figures}
	if diff := cmp.Diff(&want, r.HeldBecause); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	d.now = d.now.Add(3 * 365 * 24 * time.Hour)
	d.step(nil)
	if a := d.state().Active; a == nil || a.State != schemas.StateHeld || a.Ending != nil {
		t.Fatalf("a held run has a deadline: %+v", a)
	}
	d.wantTriggers(d.command(schemas.CommandApprove, "yes", nil), "")
	a := d.state().Active
	if a.State != schemas.StateExtracting || a.Attempt != 1 || a.HeldBecause != nil || a.Approval.Number != 1 || a.Approval.Rows != 4000 || len(a.Approval.Figures) != 2 {
		t.Fatalf("after the approval: %+v", a)
	}
	// The deadline has begun anew, and a report from before the approval holds nothing.
	d.now = d.now.Add(5 * time.Hour)
	d.reports("a.1", 1, tooMany(4000, 0))
	if a := d.state().Active; a == nil || a.State != schemas.StateExtracting {
		t.Fatalf("a report of an earlier hold: %+v", a)
	}
	d.succeed("a.1", 1, 0, 5)
	if r := d.want("a.1", schemas.StateSucceeded); r.HeldBecause != nil || r.Approval.Rows != 4000 {
		t.Errorf("run: %+v", r)
	}
}

func TestADeclinedResult(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{schemas.CommandDecline, schemas.CommandCancel} {
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, tooMany(4000, 0))
		d.command(kind, "no", nil)
		if r := d.want("a.1", schemas.StateCancelled); r.Counts.Read != 0 {
			t.Errorf("%s: %+v", kind, r)
		}
		if s := d.state(); s.Watermark != "" || s.Sizes != nil {
			t.Errorf("%s: %+v", kind, s)
		}
	}
}

// TestACancelMeetsAHold: the extractor has stopped already and reports no end.
func TestACancelMeetsAHold(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.command(schemas.CommandCancel, "no", nil)
	d.want("a.1", schemas.StateExtracting)
	d.reports("a.1", 1, tooMany(4000, 0))
	d.want("a.1", schemas.StateCancelled)
}

// TestAnApprovalBelongsToTheRun: the next attempt has it, and as many attempts as a run
// that was never held; the next run has none.
func TestAnApprovalBelongsToTheRun(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	for attempt := 1; attempt <= 2; attempt++ {
		d.reports("a.1", attempt, abandoned("result_lost"))
		d.now = d.now.Add(2 * time.Minute)
		d.step(nil)
	}
	d.reports("a.1", 3, tooMany(4000, 0)) // the last attempt of a run that was never held
	d.command(schemas.CommandApprove, "yes", nil)
	d.reports("a.1", 3, abandoned("result_lost"))
	d.now = d.now.Add(2 * time.Minute)
	c := d.step(nil)
	d.wantTriggers(c, `a.1/4 full "" `)
	if got := c.Triggers[0].Approval; got == nil || got.Rows != 4000 || got.Attempt != 3 {
		t.Fatalf("the next attempt has no approval: %+v", got)
	}
	// It finds more, and a person is asked again.
	d.reports("a.1", 4, tooMany(9000, 1))
	if r := d.want("a.1", schemas.StateHeld); r.HeldBecause.Records != 9000 {
		t.Errorf("held: %+v", r.HeldBecause)
	}
	d.command(schemas.CommandApprove, "yes again", nil)
	if a := d.state().Active.Approval; a.Number != 2 || a.Rows != 9000 {
		t.Errorf("approval: %+v", a)
	}
	d.succeed("a.1", 4, 0, 5)
	d.want("a.1", schemas.StateSucceeded)
	c = d.command(schemas.CommandRun, "k2", nil)
	if c.Triggers[0].Approval != nil {
		t.Errorf("the next run is approved: %+v", c.Triggers[0])
	}
}

// TestSizesOfEarlierRuns: by mode, the last ten that succeeded, over epochs.
func TestSizesOfEarlierRuns(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	c := d.command(schemas.CommandRun, "k0", nil)
	if got := *c.Triggers[0].Check; got != (schemas.ResultCheck{}) {
		t.Errorf("the first run is compared with %+v", got)
	}
	base := int64(0)
	run := func(n int, rows int64) schemas.ResultCheck {
		d.succeed(fmt.Sprint("a.", n), 1, base, rows)
		base += rows
		return *d.command(schemas.CommandRun, fmt.Sprint("k", n), nil).Triggers[0].Check
	}
	if got := run(1, 900); got != (schemas.ResultCheck{}) {
		t.Errorf("the first incremental run is compared with a full one: %+v", got)
	}
	for n := 2; n <= 12; n++ {
		run(n, int64(100-n))
	}
	if got := run(13, 5); got != (schemas.ResultCheck{Runs: 10, Largest: 96}) {
		t.Errorf("after 12 runs: %+v", got)
	}
	d.command(schemas.CommandCancel, "c", nil)
	d.reports("a.14", 1, schemas.Report{Final: &schemas.Final{Extraction: schemas.Extraction{Read: 777, ByPartition: []int64{0}}, Early: true}})
	d.want("a.14", schemas.StateCancelled)
	d.command(schemas.CommandReset, "r", nil)
	if c := d.command(schemas.CommandRun, "again", nil); *c.Triggers[0].Check != (schemas.ResultCheck{Runs: 1, Largest: 900}) {
		t.Errorf("after a reset: %+v", c.Triggers[0].Check)
	}
}

func spent(seconds float64) schemas.Report {
	return schemas.Report{Started: &schemas.Started{Total: 5}, Snowflake: &schemas.SnowflakeUse{QueueSeconds: 1, ExecutionSeconds: seconds, BytesScanned: 10}}
}

// TestWarehouseTime is counted once, by the day of the import's zone, and holds the next
// run until a person, another limit or the next day lets it go on.
func TestWarehouseTime(t *testing.T) {
	t.Parallel()
	limit := func(d schemas.Duration) func(*schemas.Definition) {
		return func(def *schemas.Definition) {
			def.Spec.Limits.WarehouseTime, def.Spec.Timezone = d, "Pacific/Auckland" // 13 hours ahead: the day ends at 11:00
		}
	}
	for name, c := range map[string]struct {
		release func(*fixture)
		want    string
	}{
		"a person":      {func(d *fixture) { d.command(schemas.CommandApprove, "yes", nil) }, schemas.StateExtracting},
		"a person ends": {func(d *fixture) { d.command(schemas.CommandDecline, "no", nil) }, schemas.StateCancelled},
		"a limit":       {func(d *fixture) { d.define(limit(schemas.Duration(2 * time.Minute))) }, schemas.StateExtracting},
		"the next day":  {func(d *fixture) { d.now = d.now.Add(3 * time.Hour); d.step(nil) }, schemas.StateExtracting},
		"an hour":       {func(d *fixture) { d.now = d.now.Add(time.Hour); d.step(nil) }, schemas.StateHeld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(limit(schemas.Duration(time.Minute)))
			d.command(schemas.CommandRun, "k", nil)
			d.reports("a.1", 1, spent(20), spent(20), spent(40), abandoned("query_timeout"))
			d.now = d.now.Add(time.Minute)
			d.step(nil)
			d.reports("a.1", 2, spent(20))
			d.succeed("a.1", 2, 0, 5)
			r := d.want("a.1", schemas.StateSucceeded)
			if u := *r.Snowflake; u != (schemas.SnowflakeUse{QueueSeconds: 2, ExecutionSeconds: 60, BytesScanned: 20, SecondsPerThousand: 12_000}) {
				t.Errorf("the run took %+v", u)
			}
			if day := *d.state().Snowflake; day != (schemas.DayOfSnowflake{Day: "2026-11-24", ExecutionSeconds: 60}) {
				t.Errorf("today took %+v", day)
			}
			d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), "")
			if h := d.want("a.2", schemas.StateHeld).HeldBecause; h.Code != schemas.HoldWarehouseTime {
				t.Errorf("held: %+v", h)
			}
			c.release(d)
			d.want("a.2", c.want)
		})
	}
}
