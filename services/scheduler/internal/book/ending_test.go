package book_test

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	cancel := func(run string) func(*schemas.Command) { return func(c *schemas.Command) { c.Run = run } }
	t.Run("active", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, schemas.Report{Chunk: new(extraction(4))}, mapped(2), loaded(0, 1))
		d.command(schemas.CommandCancel, "c", cancel("a.1"))
		if e := d.state().Active.Ending; e == nil || e.State != schemas.StateCancelled || e.Skip != schemas.SkipCancelled {
			t.Fatalf("ending: %+v", e)
		}
		early := final(4)
		early.Final.Early = true
		d.reports("a.1", 1, early)
		d.want("a.1", schemas.StateLoading)
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipCancelled: 2}}})
		r := d.want("a.1", schemas.StateCancelled)
		if r.Counts.Loaded != 2 || r.Counts.MapSkipped != 2 || r.SkippedByReason[schemas.SkipCancelled] != 2 || d.state().Watermark != "" {
			t.Errorf("closed as %+v", r)
		}
	})
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k1", nil)
		d.command(schemas.CommandRun, "k2", nil)
		d.command(schemas.CommandCancel, "c", cancel("a.2"))
		d.want("a.2", schemas.StateCancelled)
		d.wantTriggers(d.succeed("a.1", 1, 0, 1), "")
		d.wantTriggers(d.command(schemas.CommandRun, "k3", nil), fmt.Sprintf("a.3/1 incremental %q ", moved))
	})
	t.Run("while no extractor works", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k1", nil)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Code: "result_lost"}})
		d.command(schemas.CommandCancel, "c", cancel("a.1"))
		d.want("a.1", schemas.StateCancelled)
	})
}

func TestAbandonedAttempts(t *testing.T) {
	t.Parallel()
	t.Run("the next attempt reads again", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(3), Code: "result_lost"}}, mapped(1), loaded(0, 0))
		d.now = d.now.Add(59 * time.Second)
		d.wantTriggers(d.step(nil), "")
		if wake, ok := d.b.NextWake(); !ok || !wake.Equal(d.now.Add(time.Second)) {
			t.Errorf("the alarm is set to %v, %v", wake, ok)
		}
		d.now = d.now.Add(time.Second)
		d.wantTriggers(d.step(nil), `a.1/2 full "" `)
		// The rows that attempt 1 left are skipped as closed, and attempt 2 brings them again.
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipClosed: 2}}})
		d.succeed("a.1", 2, 1, 3)
		r := d.want("a.1", schemas.StateSucceeded)
		if r.Attempt != 2 || r.Counts.Extracted != 6 || r.Counts.Loaded != 4 || r.Counts.MapSkipped != 2 || r.WatermarkTo != moved {
			t.Errorf("closed as %+v", r)
		}
	})
	t.Run("a row that the last attempt left is missing", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, final(2), mapped(1), loaded(0, 0), schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipClosed: 1}}})
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != fold.CodeRowsLeft || d.state().Watermark != "" {
			t.Errorf("closed as %+v", r.Error)
		}
	})
	t.Run("the cap", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		for attempt := 1; attempt <= 3; attempt++ {
			d.reports("a.1", attempt, schemas.Report{Abandoned: &schemas.Abandoned{Code: "result_lost", Reason: "gone"}})
			d.now = d.now.Add(90 * time.Second) // RetryMax holds back the doubling
			d.step(nil)
		}
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != "result_lost" || r.Attempt != 3 || d.state().Active != nil {
			t.Errorf("closed as %+v", r)
		}
	})
	t.Run("permanent, and its rows drain first", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(3), Code: "query_refused", Permanent: true}})
		if e := d.state().Active.Ending; e == nil || e.Skip != schemas.SkipStopped {
			t.Fatalf("ending: %+v", e)
		}
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipStopped: 3}}})
		d.want("a.1", schemas.StateFailed)
	})
}

func TestStopRule(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.reports("a.1", 1, final(2000), schemas.Report{Mapped: &schemas.Mapped{Mapped: 700, RejectsByCode: map[string]int64{"date_format": 300}}})
	if e := d.state().Active.Ending; e == nil || e.Skip != schemas.SkipStopped || e.Error.Code != "date_format" {
		t.Fatalf("ending: %+v", e)
	}
	d.reports("a.1", 1, loaded(0, 699), schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipStopped: 1000}}})
	if r := d.want("a.1", schemas.StateFailed); r.Error.Code != "date_format" || d.state().Watermark != "" {
		t.Errorf("closed as %+v", r)
	}
}

// TestStopRuleNamesTheStage: the loader refuses the first of very many records.
func TestStopRuleNamesTheStage(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	refused := loaded(0, 599)
	for offset := range int64(600) {
		refused.Receipt.Rejected = append(refused.Receipt.Rejected, schemas.OffsetOutcome{Offset: offset, Code: "request_malformed"})
	}
	d.reports("a.1", 1, final(1_000_000), mapped(1_000_000), refused)
	if e := d.state().Active.Ending; e == nil || e.Error.Code != "request_malformed" || e.Error.Stage != schemas.StageLoad {
		t.Errorf("ending: %+v", e)
	}
}

func TestNoWaitStopsTheClockForEver(t *testing.T) {
	t.Parallel()
	waits := func(stage string) schemas.Report {
		return schemas.Report{Waiting: &schemas.Waiting{Stage: stage, Account: "ct"}}
	}
	begin := func(t *testing.T) *fixture {
		d := newFixture(t)
		d.define(func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(time.Hour) })
		d.command(schemas.CommandRun, "k", nil)
		return d
	}
	t.Run("for Snowflake, and the extractor is gone", func(t *testing.T) {
		t.Parallel()
		d := begin(t)
		d.reports("a.1", 1, waits(schemas.StageExtract))
		d.now = d.now.Add(time.Hour + time.Second)
		d.step(nil)
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != fold.CodeNoProgress {
			t.Errorf("error: %+v", r.Error)
		}
	})
	t.Run("for an account that is given up, and a record is lost", func(t *testing.T) {
		t.Parallel()
		d := begin(t)
		d.reports("a.1", 1, final(3), mapped(3), loaded(0, 1), waits(""))
		d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.1" })
		d.now = d.now.Add(time.Hour + time.Second)
		d.step(nil)
		d.want("a.1", schemas.StateCancelled)
	})
	t.Run("an upload that is tried for ever", func(t *testing.T) {
		t.Parallel()
		d := begin(t)
		d.reports("a.1", 1, final(3), mapped(3), loaded(0, 1))
		for range 10 {
			d.now = d.now.Add(10 * time.Minute)
			d.reports("a.1", 1, schemas.Report{Intent: &schemas.Intent{Ranges: []schemas.Range{{From: 2, To: 2}}}})
		}
		d.want("a.1", schemas.StateFailed)
	})
}

// TestAWaitThatNobodyRenewsEnds: what the run waits with may be gone, and then no
// stage says anything any more.
func TestAWaitThatNobodyRenewsEnds(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(time.Hour) })
	d.command(schemas.CommandRun, "k", nil)
	d.reports("a.1", 1, final(3), mapped(3), schemas.Report{Waiting: &schemas.Waiting{Account: "ct"}})
	renewed := d.now
	for at := renewed; !at.After(renewed.Add(schemas.WaitingExpiry + time.Hour)); at = at.Add(time.Minute) {
		d.now = at
		d.step(nil)
		d.want("a.1", schemas.StateLoading)
	}
	d.now = d.now.Add(time.Second)
	d.step(nil)
	if r := d.want("a.1", schemas.StateFailed); r.Error.Code != fold.CodeNoProgress || r.Error.Reason != "no progress for 1h: 3 of 3 mapped records have no outcome" {
		t.Errorf("error: %+v", r.Error)
	}
}

// TestAShortDeadlineBoundsAWait: a wait counts no longer than the run's deadline
// after each report of it.
func TestAShortDeadlineBoundsAWait(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(10 * time.Second) })
	d.command(schemas.CommandRun, "k", nil)
	d.reports("a.1", 1, final(3), mapped(3), schemas.Report{Waiting: &schemas.Waiting{Account: "ct"}})
	d.now = d.now.Add(20 * time.Second)
	d.step(nil)
	d.want("a.1", schemas.StateLoading)
	d.now = d.now.Add(time.Second)
	d.step(nil)
	d.want("a.1", schemas.StateFailed)
}

// TestCancelAfterALongWait: what is left of a cancelled run has the whole deadline
// to be skipped in, however long the run had waited before.
func TestCancelAfterALongWait(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *fixture {
		d := newFixture(t)
		d.define(func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(time.Hour) })
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, final(4), mapped(4), loaded(0, 1))
		for range 5 * 60 {
			d.now = d.now.Add(time.Minute)
			d.reports("a.1", 1, schemas.Report{Waiting: &schemas.Waiting{Account: "ct"}})
		}
		d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.1" })
		d.want("a.1", schemas.StateLoading)
		return d
	}
	t.Run("the rest is skipped", func(t *testing.T) {
		t.Parallel()
		d := begin(t)
		d.now = d.now.Add(59 * time.Minute)
		d.step(nil)
		d.reports("a.1", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 1, From: 2, To: 3}}, SkipReason: schemas.SkipCancelled}})
		if c := d.want("a.1", schemas.StateCancelled).Counts; c.Mapped != c.Loaded+c.LoadRejected+c.LoadSkipped {
			t.Errorf("a closed run: %+v", c)
		}
	})
	t.Run("nobody skips it: the run says what is missing", func(t *testing.T) {
		t.Parallel()
		d := begin(t)
		d.now = d.now.Add(time.Hour + time.Second)
		d.step(nil)
		r := d.want("a.1", schemas.StateCancelled)
		if r.Error == nil || r.Error.Code != fold.CodeNoProgress || r.Error.Reason != "no progress for 1h: 2 of 4 mapped records have no outcome" {
			t.Errorf("closed with error %+v", r.Error)
		}
	})
}

// TestMoreOutcomesThanRows fails the run at once: its counts can never meet.
func TestMoreOutcomesThanRows(t *testing.T) {
	t.Parallel()
	for name, reports := range map[string][]schemas.Report{
		"mapped twice":                     {final(4), mapped(4), mapped(4)},
		"mapped twice, the second skipped": {final(4), mapped(4), {Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipClosed: 1}}}},
		"before the extraction is over":    {{Chunk: new(extraction(2))}, mapped(3)},
		"outcomes without records":         {final(4), mapped(2), loaded(0, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(nil)
			d.command(schemas.CommandRun, "k", nil)
			d.reports("a.1", 1, reports...)
			if r := d.want("a.1", schemas.StateFailed); r.Error.Code != fold.CodeCountMismatch || d.state().Watermark != "" || d.state().Active != nil {
				t.Errorf("closed as %+v", r.Error)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(time.Hour) })
	d.command(schemas.CommandRun, "k1", nil)
	d.command(schemas.CommandRun, "k2", nil)
	d.reports("a.1", 1, final(3), mapped(3), loaded(0, 0))
	d.now = d.now.Add(30 * time.Minute)
	d.reports("a.1", 1, schemas.Report{Waiting: &schemas.Waiting{Account: "ct", Since: d.now}})
	for range 10 * 60 { // the loader renews the wait
		d.now = d.now.Add(time.Minute)
		d.reports("a.1", 1, schemas.Report{Waiting: &schemas.Waiting{Account: "ct"}})
	}
	if r := d.want("a.1", schemas.StateLoading); r.Waiting == nil {
		t.Error("the run does not show that it waits")
	}
	d.reports("a.1", 1, schemas.Report{Waiting: &schemas.Waiting{Over: true}})
	d.now = d.now.Add(time.Hour)
	d.wantTriggers(d.step(nil), "")
	d.now = d.now.Add(time.Second)
	d.wantTriggers(d.step(nil), `a.2/1 full "" `)
	r := d.want("a.1", schemas.StateFailed)
	if r.Error.Stage != schemas.StageLoad || r.Error.Code != fold.CodeNoProgress || r.Error.Reason != "no progress for 1h: 2 of 3 mapped records have no outcome" {
		t.Errorf("error: %+v", r.Error)
	}
	if c := d.reports("a.1", 1, loaded(1, 2)); !c.Empty() {
		t.Errorf("a report of a closed run changed %+v", c)
	}
	d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.2" })
	d.now = d.now.Add(2 * time.Hour)
	d.step(nil)
	d.want("a.2", schemas.StateCancelled)
}

// TestUnfinishedRunsSpoilTheLedger: a run that has sent rows and does not succeed
// leaves CleverTap with other rows than the ledger says, until one succeeds.
func TestUnfinishedRunsSpoilTheLedger(t *testing.T) {
	t.Parallel()
	started := func(mapping string) schemas.Report {
		return schemas.Report{Started: &schemas.Started{Mapping: mapping, TimeBasis: schemas.TimeBasisWall, Total: 1}}
	}
	event := func(def *schemas.Definition) { def.Spec.Destination.Type = schemas.TypeEvent }
	early := func(n int64) schemas.Report {
		r := final(n)
		r.Final.Early = true
		return r
	}
	for name, c := range map[string]struct {
		edit           func(*schemas.Definition)
		mapping        string
		sent           int64
		spoiled, mixed bool
	}{
		"rows were sent":           {nil, "m1", 2, true, false},
		"with another mapping":     {nil, "m2", 2, true, true},
		"nothing was sent":         {nil, "m1", 0, false, false},
		"events are what they are": {event, "m2", 2, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(c.edit)
			d.command(schemas.CommandRun, "k1", nil)
			whole := final(1)
			whole.Final.Ledger.Mapping = "m1"
			d.reports("a.1", 1, started("m1"), whole, mapped(1), loaded(0, 0))
			if s := d.state(); s.Ledger == nil || s.Ledger.Outdated || s.TimeBasis != schemas.TimeBasisWall {
				t.Fatalf("after a run that succeeded: %+v", s)
			}
			d.command(schemas.CommandRun, "k2", nil)
			d.reports("a.2", 1, started(c.mapping))
			d.command(schemas.CommandCancel, "c", func(cmd *schemas.Command) { cmd.Run = "a.2" })
			d.reports("a.2", 1, early(c.sent), mapped(c.sent))
			if c.sent > 0 {
				d.reports("a.2", 1, loaded(1, c.sent))
			}
			d.want("a.2", schemas.StateCancelled)
			if l := d.state().Ledger; l == nil || l.Outdated != c.spoiled || l.OutdatedMapping != c.mixed {
				t.Errorf("the ledger is %+v, want spoiled %v, mixed %v", l, c.spoiled, c.mixed)
			}
			d.command(schemas.CommandRun, "k3", nil)
			d.reports("a.3", 1, started("m1"), whole, mapped(1), loaded(c.sent+1, c.sent+1))
			if l := d.state().Ledger; l == nil || l.Outdated || l.OutdatedMapping {
				t.Errorf("after a run that succeeded the ledger is %+v", l)
			}
		})
	}
	t.Run("between attempts", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k1", nil)
		d.succeed("a.1", 1, 0, 1)
		d.command(schemas.CommandRun, "k2", nil)
		d.reports("a.2", 1, schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(2)}})
		d.now = d.now.Add(time.Minute)
		if c := d.step(nil); len(c.Triggers) != 1 || !c.Triggers[0].Ledger.Outdated {
			t.Errorf("the next attempt: %+v", c.Triggers)
		}
	})
}
