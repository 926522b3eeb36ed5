package book_test

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// interrupted returns a fixture whose import of events has had a run that loaded some of
// 6 rows and was cancelled. One record more was sent, and never answered.
func interrupted(t *testing.T) *fixture {
	t.Helper()
	d := newFixture(t)
	d.define(asEvent)
	d.command(schemas.CommandRun, "k1", nil)
	d.topics("rows-1", "records-1")
	d.reports("a.1", 1, resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t1"))
	early := final(6)
	early.Final.Early = true
	d.reports("a.1", 1, early, mapped(6), loaded(0, 3))
	d.command(schemas.CommandCancel, "c1", nil)
	d.reports("a.1", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 3, From: 4, To: 5}}, SkipReason: schemas.SkipCancelled, Uncertain: 1}})
	if r := d.want("a.1", schemas.StateCancelled); r.Counts.Loaded != 4 || r.Counts.Repeated != 0 {
		t.Fatalf("the cancelled run: %+v", r.Counts)
	}
	return d
}

func (d *fixture) topics(rows, records string) {
	d.t.Helper()
	d.step(func() { d.b.Topics(d.t.Context(), "a", rows, records, d.now) })
}

// lookedBack is the end of an attempt that left rows out.
func lookedBack(extracted, leftOut, sentAgain int64) schemas.Report {
	r := final(extracted)
	e := &r.Final.Extraction
	e.Read, e.Unchanged = extracted+leftOut, leftOut
	e.LookedBack, e.LeftOut, e.SentAgain = true, leftOut, sentAgain
	return r
}

// TestARunWithoutSuccessIsNamedForTheNext: the state says where the events of a
// cancelled run are told, until a run succeeds. Only what is not told is counted.
func TestARunWithoutSuccessIsNamedForTheNext(t *testing.T) {
	t.Parallel()
	d := interrupted(t)
	s := d.state()
	want := schemas.InterruptedRun{Number: 1, Attempts: 1, StartedAt: d.now, RecordsTopic: "records-1", Loaded: 4}
	if len(s.Interrupted) != 1 || s.Interrupted[0] != want || s.UnfinishedEvents != 1 || s.Events.Stored != 4 {
		t.Fatalf("state %+v, want %+v", s, want)
	}
	// The places are compared, although no run has succeeded yet.
	d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), "")
	d.want("a.2", schemas.StateStarting)
	d.wantTriggers(d.reports("a.2", 1, resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t1")), `a.2/1 full "" `)
	d.reports("a.2", 1, lookedBack(3, 4, 2), mapped(3), loaded(6, 8))
	r := d.want("a.2", schemas.StateSucceeded)
	notes := strings.Join(r.Notes, "\n")
	if r.Counts.Repeated != 3 || r.Counts.Unchanged != 4 || !strings.Contains(notes, "4 rows were left out") || !strings.Contains(notes, "up to 2 events") || !strings.Contains(notes, "up to 1 events") {
		t.Errorf("the next run: %+v, notes %q", r.Counts, r.Notes)
	}
	if s := d.state(); len(s.Interrupted) != 0 || s.UnfinishedEvents != 0 || s.Events.Stored != 7 {
		t.Errorf("state %+v", s)
	}
}

// TestEventsAtAnotherPlaceAreNotLeftOut: the account behind the reference is another
// one. Nothing of the cancelled run is there.
func TestEventsAtAnotherPlaceAreNotLeftOut(t *testing.T) {
	t.Parallel()
	d := interrupted(t)
	d.command(schemas.CommandRun, "k2", nil)
	d.wantTriggers(d.reports("a.2", 1, resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t2")), "")
	d.want("a.2", schemas.StateHeld)
	d.wantTriggers(d.command(schemas.CommandApprove, "y", nil), `a.2/1 full "" `)
	if s := d.state(); len(s.Interrupted) != 0 || s.Epoch != 2 {
		t.Errorf("the new epoch still leaves out: %+v", s)
	}
}

// TestAResetSendsEverything: what runs without success have loaded, too.
func TestAResetSendsEverything(t *testing.T) {
	t.Parallel()
	d := interrupted(t)
	agreed := int64(4)
	d.command(schemas.CommandReset, "r", func(c *schemas.Command) { c.Repeats = &agreed })
	if s := d.state(); len(s.Interrupted) != 0 || s.UnfinishedEvents != 5 || s.Epoch != 2 {
		t.Errorf("after the reset: %+v", s)
	}
}

// TestInterruptedRunsAreBounded: the state does not grow with every run that fails.
func TestInterruptedRunsAreBounded(t *testing.T) {
	t.Parallel()
	d := interrupted(t)
	for n := 2; n <= schemas.MaxInterrupted+3; n++ {
		run := schemas.RunID("a", n)
		d.command(schemas.CommandRun, run, nil)
		d.reports(run, 1, resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t1"))
		d.topics("rows-1", "records-1")
		base := int64(n) * 10
		d.reports(run, 1, lookedBack(2, 4, 0), mapped(2), loaded(base, base))
		d.command(schemas.CommandCancel, run+"c", nil)
		d.reports(run, 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: base, From: base + 1, To: base + 1}}, SkipReason: schemas.SkipCancelled}})
		d.want(run, schemas.StateCancelled)
	}
	s := d.state()
	if len(s.Interrupted) != schemas.MaxInterrupted || s.Interrupted[0].Number != 4 || s.UnfinishedEvents != 1+4+1+1 {
		t.Errorf("%d runs from %d on, %d unfinished", len(s.Interrupted), s.Interrupted[0].Number, s.UnfinishedEvents)
	}
}

// TestTheNextAttemptOfEventsWaits until the rows of the abandoned one have their
// outcomes: only then is it certain what has been loaded.
func TestTheNextAttemptOfEventsWaits(t *testing.T) {
	t.Parallel()
	abandoned := schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(5), Code: "chunks_short"}}
	start := func(edit func(*schemas.Definition)) *fixture {
		d := newFixture(t)
		d.define(edit)
		d.command(schemas.CommandRun, "k", nil)
		d.topics("rows-1", "records-1")
		d.reports("a.1", 1, abandoned, mapped(5), loaded(0, 2))
		d.now = d.now.Add(2 * time.Minute)
		return d
	}
	d := start(asEvent)
	d.wantTriggers(d.step(nil), "")
	if at, ok := d.b.NextWake(); ok && !at.After(d.now) {
		t.Error("the scheduler would wake again and again for an attempt that waits for reports")
	}
	d.wantTriggers(d.reports("a.1", 1, loaded(3, 4)), `a.1/2 full "" `)
	d.reports("a.1", 2, lookedBack(2, 5, 0), mapped(2), loaded(5, 6))
	if r := d.want("a.1", schemas.StateSucceeded); r.Counts.Loaded != 7 || r.Counts.Repeated != 0 || r.Counts.Extracted != 7 {
		t.Errorf("closed as %+v", r.Counts)
	}

	start(nil).wantTriggersNow(`a.1/2 full "" `) // profiles do not wait

	d = start(asEvent)
	d.now = d.now.Add(config.Deadline + time.Minute)
	d.step(nil)
	if r := d.want("a.1", schemas.StateFailed); r.Error.Code != "no_progress" {
		t.Errorf("an attempt that waits for ever ends with %+v", r.Error)
	}

	d = start(asEvent)
	d.command(schemas.CommandCancel, "c", nil)
	d.reports("a.1", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 2, From: 3, To: 4}}, SkipReason: schemas.SkipCancelled}})
	d.want("a.1", schemas.StateCancelled)
}

func (d *fixture) wantTriggersNow(want string) {
	d.t.Helper()
	d.wantTriggers(d.step(nil), want)
}
