package book_test

import (
	"testing"
	"time"

	"tapline.dev/schemas"
)

func asDraft(def *schemas.Definition) { def.Spec.Draft = true }

// TestTheFirstRunOfAnInterval: it is due at once when the import is first applied, and
// after nothing else that looks like a beginning.
func TestTheFirstRunOfAnInterval(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.wantTriggers(d.define(every(time.Hour)), `a.1/1 full "" `)
	d.succeed("a.1", 1, 0, 1)
	d.now = start.Add(10 * time.Minute)
	edited := func(def *schemas.Definition) {
		every(time.Hour)(def)
		def.Generation, def.Metadata.DisplayName = 2, "A"
	}
	d.wantTriggers(d.define(edited), "")
	d.command(schemas.CommandPause, "p", nil)
	d.wantTriggers(d.command(schemas.CommandResume, "r", nil), "")
	d.b = d.reload() // a restart
	d.wantTriggers(d.step(nil), "")
	// A run by hand moves nothing.
	d.command(schemas.CommandRun, "k", nil)
	d.succeed("a.2", 1, 1, 1)
	if wake, _ := d.b.NextWake(); !wake.Equal(start.Add(time.Hour)) {
		t.Errorf("the alarm is set to %v, want %v", wake, start.Add(time.Hour))
	}
	// Another interval has no first run: it is not the first apply.
	d.wantTriggers(d.define(func(def *schemas.Definition) { every(40 * time.Minute)(def); def.Generation = 3 }), "")
	delete(d.log.defs, "a")
	d.step(func() { d.b.Undefine(t.Context(), "a", d.now) })
	d.now = start.Add(2 * time.Hour)
	d.wantTriggers(d.define(every(time.Hour)), `a.3/1 full "" `) // another import of the name
}

// TestARunNotesItsReportsTopic: a run keeps the id under which it began, so that a service can
// tell whether reports of it were deleted with their topic.
func TestARunNotesItsReportsTopic(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.b.ReportsTopic("first")
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.b = d.reload()
	d.b.ReportsTopic("second")
	if a := d.state().Active; a == nil || !a.ReportsLost("second") || a.ReportsLost("first") || a.ReportsLost("") {
		t.Errorf("the active run is %+v", a)
	}
}

func TestAnIntervalWithAStartBeginsThere(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	at := d.now.Add(3 * time.Hour)
	d.wantTriggers(d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Spec.Start = &at }), "")
	if wake, _ := d.b.NextWake(); !wake.Equal(at) {
		t.Errorf("the alarm is set to %v, want %v", wake, at)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.define(every(time.Hour))
	d.command(schemas.CommandRun, "k", nil) // waits behind a.1
	at := start.Add(90 * time.Minute)
	d.command(schemas.CommandRunAt, "at", func(c *schemas.Command) { c.At = &at })
	d.command(schemas.CommandStop, "s", nil)
	d.want("a.2", schemas.StateCancelled)
	if r := d.want("a.3", schemas.StateCancelled); r.Error == nil || r.Error.Code != "import_paused" {
		t.Errorf("the planned run ended with %+v", r.Error)
	}
	if l := d.b.Listing("a"); l.Status != "Running" {
		t.Errorf("the active run does not go on: %+v", l)
	}
	d.succeed("a.1", 1, 0, 1)
	if l := d.b.Listing("a"); l.Status != "Stopped" || l.NextRunAt != nil || l.Planned != nil {
		t.Errorf("listing %+v", l)
	}
	if s := d.state(); !s.Paused || !s.Stopped {
		t.Errorf("a scheduler that does not know Stopped would start something: %+v", s)
	}
	d.now = start.Add(5 * time.Hour)
	d.wantTriggers(d.step(nil), "")
	for _, kind := range []string{schemas.CommandRun, schemas.CommandRunAt, schemas.CommandBackfill, schemas.CommandResend, schemas.CommandRunFrom} {
		d.wantTriggers(d.command(kind, kind, func(c *schemas.Command) { c.At = &at }), "")
		if why := d.state().RefusedBecause[kind]; why != schemas.RefusedStopped {
			t.Errorf("%s was refused because of %q", kind, why)
		}
	}
	d.command(schemas.CommandPause, "p", nil)
	if l := d.b.Listing("a"); l.Status != "Stopped" {
		t.Errorf("a pause has made it %s", l.Status)
	}
	d.wantTriggers(d.command(schemas.CommandResume, "r", nil), "")
	if l := d.b.Listing("a"); l.Status != "Scheduled" || !l.NextRunAt.Equal(start.Add(6*time.Hour)) {
		t.Errorf("listing %+v", l)
	}
}

func TestPlannedRuns(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	plan := func(key string, in time.Duration) {
		at := start.Add(in)
		d.command(schemas.CommandRunAt, key, func(c *schemas.Command) { c.At = &at })
	}
	d.define(nil)
	plan("later", 2*time.Hour)
	plan("sooner", time.Hour)
	plan("taken back", 30*time.Minute)
	if l := d.b.Listing("a"); l.Status != "Scheduled" || !l.NextRunAt.Equal(start.Add(30*time.Minute)) || len(l.Planned) != 3 {
		t.Fatalf("listing %+v", l)
	}
	cancel := func(key string, at time.Time) {
		d.command(schemas.CommandCancelRunAt, key, func(c *schemas.Command) { c.At = &at })
	}
	cancel("c", start.Add(30*time.Minute))
	cancel("c2", start.Add(31*time.Minute))
	if why := d.state().RefusedBecause["c2"]; why != schemas.RefusedNotPlanned {
		t.Errorf("a plan that is not there was cancelled: %q", why)
	}
	if wake, ok := d.b.NextWake(); !ok || !wake.Equal(start.Add(time.Hour)) {
		t.Fatalf("the alarm is set to %v, %v", wake, ok)
	}
	d.now = start.Add(time.Hour - 1)
	d.wantTriggers(d.step(nil), "")
	d.now = start.Add(time.Hour)
	c := d.step(nil)
	d.wantTriggers(c, `a.1/1 full "" `)
	if c.Triggers[0].Key != "sooner" || c.Triggers[0].Cause != schemas.CauseCommand {
		t.Errorf("trigger %+v", c.Triggers[0])
	}
	// A restart at the same instant starts nothing again: checkReload of every step.
	d.succeed("a.1", 1, 0, 1)
	d.command(schemas.CommandPause, "p", nil)
	d.now = start.Add(3 * time.Hour)
	d.wantTriggers(d.step(nil), "")
	d.want("a.2", schemas.StateCancelled)
	d.wantTriggers(d.command(schemas.CommandResume, "r", nil), "")
	if l := d.b.Listing("a"); l.Status != "Ready" || l.Planned != nil {
		t.Errorf("listing %+v", l)
	}
}

func TestPlannedRunsAreBounded(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	for n := range schemas.MaxPlanned + 1 {
		at := d.now.Add(time.Duration(n+1) * time.Hour)
		d.command(schemas.CommandRunAt, at.String(), func(c *schemas.Command) { c.At = &at })
	}
	if s := d.state(); len(s.Planned) != schemas.MaxPlanned || len(s.RefusedBecause) != 1 {
		t.Errorf("%d are planned, refused %v", len(s.Planned), s.RefusedBecause)
	}
}

// TestADraftNeverRuns: neither its schedule nor a person starts it, and what it has
// become by the time that it is real goes on from there.
func TestADraftNeverRuns(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.wantTriggers(d.define(func(def *schemas.Definition) { every(time.Hour)(def); asDraft(def); def.Spec.Source = schemas.Source{} }), "")
	if l := d.b.Listing("a"); l.Status != "Draft" || l.NextRunAt != nil {
		t.Errorf("listing %+v", l)
	}
	d.now = d.now.Add(2 * time.Hour)
	d.wantTriggers(d.step(nil), "")
	at := d.now.Add(time.Hour)
	for _, kind := range []string{
		schemas.CommandRun, schemas.CommandRunAt, schemas.CommandBackfill, schemas.CommandResend, schemas.CommandRunFrom,
		schemas.CommandSync, schemas.CommandReset, schemas.CommandApprove,
	} {
		d.wantTriggers(d.command(kind, kind, func(c *schemas.Command) { c.At = &at }), "")
		if why := d.state().RefusedBecause[kind]; why != schemas.RefusedDraft {
			t.Errorf("%s was refused because of %q", kind, why)
		}
	}
	if s := d.state(); s.Epoch != 0 || s.Anchor != nil || s.SourceHash != "" {
		t.Errorf("the draft left a state: %+v", s)
	}
	// A dry run is none of its runs.
	d.wantTriggers(d.command(schemas.CommandDryRun, "dry", nil), `a.d1/1 dryRun "" `)
	if s := d.state(); s.Active != nil || s.LastNumber != 0 || s.LastDryRun != 1 {
		t.Errorf("after a dry run: %+v", s)
	}
	// It becomes real: that is its first apply.
	d.wantTriggers(d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Generation = 2 }), `a.1/1 full "" `)
	d.succeed("a.1", 1, 0, 1)
	moved := d.state().Watermark
	d.command(schemas.CommandRun, "k", nil)
	d.command(schemas.CommandRun, "k2", nil)
	// It becomes a draft again, and other text: what waits is dropped, what runs goes on.
	d.define(func(def *schemas.Definition) {
		every(time.Hour)(def)
		asDraft(def)
		def.Generation, def.Spec.Source.Query = 3, "select 2"
	})
	d.want("a.3", schemas.StateCancelled)
	d.succeed("a.2", 1, 1, 1)
	d.want("a.2", schemas.StateSucceeded)
	d.now = d.now.Add(5*time.Hour + time.Minute)
	d.wantTriggers(d.step(nil), "")
	// Real again with the same source: the watermark is kept, and nothing that fell due
	// meanwhile is run.
	d.wantTriggers(d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Generation = 4 }), "")
	if s := d.state(); s.Epoch != 1 || s.Watermark < moved || s.Draft {
		t.Errorf("state %+v", s)
	}
}

// TestTheFirstRunFrom: the place is that of the first run only, and of every later one
// of the epoch as a bound.
func TestTheFirstRunFrom(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	from := func(c *schemas.Command) { c.From = "2026-11-01T00:00:00.000000000Z" }
	c := d.command(schemas.CommandRunFrom, "k", from)
	d.wantTriggers(c, `a.1/1 full "" `)
	if got := c.Triggers[0].Initial; got != "2026-11-01T00:00:00.000000000Z" {
		t.Errorf("the run begins at %q", got)
	}
	d.command(schemas.CommandRunFrom, "k2", from)
	d.succeed("a.1", 1, 0, 1)
	d.command(schemas.CommandRunFrom, "k3", from)
	for _, key := range []string{"k2", "k3"} {
		if why := d.state().RefusedBecause[key]; why != schemas.RefusedHasWatermark {
			t.Errorf("%s: %q", key, why)
		}
	}
	if c = d.command(schemas.CommandRun, "k4", nil); c.Triggers[0].Initial == "" || c.Triggers[0].Mode != schemas.ModeIncremental {
		t.Errorf("trigger %+v", c.Triggers[0])
	}
	d.succeed("a.2", 1, 1, 1)
	d.command(schemas.CommandReset, "r", nil)
	if c = d.command(schemas.CommandRun, "k5", nil); c.Triggers[0].Initial != "" {
		t.Errorf("a reset reads from %q", c.Triggers[0].Initial)
	}
}

// TestResend: it moves neither watermark nor ledger, and what it waits behind is another
// window.
func TestResend(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.succeed("a.1", 1, 0, 1)
	before := d.state()
	runs := func(first, last int) func(*schemas.Command) {
		return func(c *schemas.Command) { c.Runs = &schemas.RunSpan{First: first, Last: last, Since: d.now} }
	}
	c := d.command(schemas.CommandResend, "s", runs(1, 1))
	d.wantTriggers(c, `a.2/1 resend "" `)
	if r := c.Triggers[0].Runs; r == nil || r.First != 1 || r.Last != 1 || c.Triggers[0].Ledger != nil {
		t.Errorf("trigger %+v", c.Triggers[0])
	}
	d.command(schemas.CommandResend, "s2", runs(1, 2))
	d.command(schemas.CommandResend, "s3", runs(1, 2)) // joins the waiting one
	d.command(schemas.CommandResend, "s4", runs(2, 2))
	if s := d.state(); s.Queued.Key != "s2" || s.RefusedBecause["s4"] != schemas.RefusedOtherWindow || s.RefusedBecause["s3"] != "" {
		t.Errorf("state %+v", s)
	}
	d.succeed("a.2", 1, 1, 1)
	after := d.state()
	if after.Watermark != before.Watermark || !after.Ledger.Outdated || after.Ledger.Number != before.Ledger.Number {
		t.Errorf("watermark %q and ledger %+v, before %q and %+v", after.Watermark, after.Ledger, before.Watermark, before.Ledger)
	}
	if r := d.want("a.2", schemas.StateSucceeded); r.Runs == nil || r.WatermarkTo != "" {
		t.Errorf("run %+v", r)
	}
}
