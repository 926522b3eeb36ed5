package book_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// takes is the end of an attempt of a replay that took n rejects and sent as many rows.
func takes(n int64) schemas.Report {
	r := final(n)
	r.Final.Ledger = nil
	r.Final.Taken, r.Final.LookedBack = n, true
	r.Final.Refused = map[string]int64{schemas.RefusedReplayed: 2}
	return r
}

func replayOf(code string) func(*schemas.Command) {
	return func(c *schemas.Command) {
		c.Replay = &schemas.Replay{Selection: schemas.RejectSelection{Code: code}, How: schemas.ReplayMapped}
	}
}

// TestAReplay moves neither the watermark nor the ledger, counts what it has made good, and
// one that did not succeed is noted for the next.
func TestAReplay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.define(asEvent)
	f.command(schemas.CommandRun, "k", nil)
	f.reports("a.1", 1, final(10), schemas.Report{Mapped: &schemas.Mapped{Mapped: 2, RejectsByCode: map[string]int64{"date_format": 8}}}, loaded(0, 1))
	before := f.state()
	if before.OpenRejects != 8 || before.EpochFirst != 1 {
		t.Fatalf("state %+v", before)
	}
	c := f.command(schemas.CommandReplay, "r1", replayOf("date_format"))
	f.wantTriggers(c, `a.2/1 replay "" `)
	if r := c.Triggers[0].Replay; r == nil || r.FirstRun != 1 || r.Selection.Code != "date_format" || c.Triggers[0].Ledger != nil {
		t.Errorf("trigger %+v", c.Triggers[0])
	}
	f.command(schemas.CommandReplay, "r2", replayOf("date_format"))
	f.command(schemas.CommandReplay, "r3", replayOf("date_format")) // joins the waiting one
	f.command(schemas.CommandReplay, "r4", replayOf("other"))
	if s := f.state(); s.Queued.Key != "r2" || s.RefusedBecause["r4"] != schemas.RefusedOtherWindow || s.RefusedBecause["r3"] != "" {
		t.Errorf("state %+v", s)
	}
	f.topics("rows-1", "records-1")
	early := takes(5)
	early.Final.Early = true
	f.reports("a.2", 1, early, mapped(5), loaded(2, 4))
	f.command(schemas.CommandCancel, "c", nil)
	f.reports("a.2", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 4, From: 5, To: 6}}, SkipReason: schemas.SkipCancelled}})
	if r := f.want("a.2", schemas.StateCancelled); r.Taken != 5 || r.Refused[schemas.RefusedReplayed] != 2 || r.Counts.Loaded != 3 {
		t.Errorf("the cancelled replay: %+v", r)
	}
	s := f.state()
	if len(s.Replays) != 1 || s.Replays[0].Number != 2 || s.Replays[0].Loaded != 3 || s.OpenRejects != 5 || s.Interrupted != nil {
		t.Errorf("state %+v", s)
	}
	f.reports("a.3", 1, takes(5), schemas.Report{Mapped: &schemas.Mapped{Mapped: 4, RejectsByCode: map[string]int64{"date_format": 1}}}, loaded(7, 10))
	f.want("a.3", schemas.StateSucceededWithRejects)
	after := f.state()
	if after.OpenRejects != 1 || after.Watermark != before.Watermark || after.Ledger.Number != before.Ledger.Number || after.Ledger.Outdated {
		t.Errorf("open %d, watermark %q, ledger %+v; before %q, %+v", after.OpenRejects, after.Watermark, after.Ledger, before.Watermark, before.Ledger)
	}
	f.command(schemas.CommandReset, "reset", func(c *schemas.Command) { n := after.Events.Stored; c.Repeats = &n })
	if s := f.state(); s.EpochFirst != 4 || s.Replays != nil {
		t.Errorf("a new epoch has %+v", s)
	}
}

// TestACommandOfAnotherDefinition: what was planned and agreed to with one definition is not
// done with another one, whichever of the two the scheduler has in force.
func TestACommandOfAnotherDefinition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.define(func(def *schemas.Definition) {
		asEvent(def)
		def.Generation = 2
	})
	f.command(schemas.CommandRun, "k", nil)
	f.reports("a.1", 1, final(10), schemas.Report{Mapped: &schemas.Mapped{Mapped: 2, RejectsByCode: map[string]int64{"date_format": 8}}}, loaded(0, 1))
	now := f.state().Generation
	of := func(generation int) func(*schemas.Command) {
		return func(c *schemas.Command) {
			replayOf("date_format")(c)
			c.Generation = generation
		}
	}
	f.command(schemas.CommandReplay, "r0", of(now-1))
	f.command(schemas.CommandReplay, "r1", of(now+1))
	if s := f.state(); s.Active != nil || s.RefusedBecause["r0"] != schemas.RefusedRedefined || s.RefusedBecause["r1"] != schemas.RefusedRedefined {
		t.Fatalf("state %+v", s)
	}
	f.wantTriggers(f.command(schemas.CommandReplay, "r2", of(now)), `a.2/1 replay "" `)
}

// TestRejectsAreRetried: after the first run with another mapping that succeeds, and once
// only, whatever else is queued; not if the definition does not ask for it, nothing is open,
// or the records are events.
func TestRejectsAreRetried(t *testing.T) {
	t.Parallel()
	retry := func(def *schemas.Definition) { def.Spec.Rejects.Retry = schemas.RetryAfterMappingChange }
	for name, c := range map[string]struct {
		edit     func(*schemas.Definition)
		rejects  int64
		mappings []string // of the runs
		queued   bool     // another run is
		want     []string // modes of the runs
	}{
		"another mapping":         {retry, 1, []string{"m1", "m2"}, false, []string{"full", "incremental", "replay"}},
		"the same mapping":        {retry, 1, []string{"m1", "m1"}, false, []string{"full", "incremental"}},
		"nothing is rejected":     {retry, 0, []string{"m1", "m2"}, false, []string{"full", "incremental"}},
		"not asked for":           {func(*schemas.Definition) {}, 1, []string{"m1", "m2"}, false, []string{"full", "incremental"}},
		"another run is queued":   {retry, 1, []string{"m1", "m2"}, true, []string{"full", "incremental", "incremental", "replay"}},
		"events":                  {func(d *schemas.Definition) { retry(d); asEvent(d) }, 1, []string{"m1", "m2"}, false, []string{"full", "incremental"}},
		"and not after every run": {retry, 1, []string{"m1", "m2", "", "m2"}, false, []string{"full", "incremental", "replay", "incremental"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.define(c.edit)
			modes, offset := []string{}, int64(0)
			play := func(mapping string) {
				run := f.state().Active
				if run == nil {
					return
				}
				modes = append(modes, run.Mode)
				end := final(2)
				if end.Final.Ledger.Mapping = mapping; run.Mode == schemas.ModeReplay {
					end = takes(2)
				}
				started := schemas.Report{Started: &schemas.Started{Mapping: mapping, Total: 2}}
				codes := map[string]int64{}
				if c.rejects > 0 {
					codes["date_format"] = c.rejects
				}
				f.reports(run.Run, 1, started, end, schemas.Report{Mapped: &schemas.Mapped{Mapped: 2 - c.rejects, RejectsByCode: codes}}, loaded(offset, offset+1-c.rejects))
				offset += 2 - c.rejects
			}
			for i, mapping := range c.mappings {
				if f.state().Active == nil {
					f.command(schemas.CommandRun, fmt.Sprint("k", i), nil)
				}
				if c.queued && i == 1 {
					f.command(schemas.CommandRun, "queued", nil)
				}
				play(mapping)
			}
			for range 3 {
				play(c.mappings[len(c.mappings)-1])
			}
			if diff := cmp.Diff(c.want, modes); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAReplayOfEverythingSettlesTheCount: it has looked at each open reject, so that the
// count is exact afterwards, whatever it was before.
func TestAReplayOfEverythingSettlesTheCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.define(nil)
	f.command(schemas.CommandRun, "k", nil)
	f.reports("a.1", 1, final(10), schemas.Report{Mapped: &schemas.Mapped{Mapped: 2, RejectsByCode: map[string]int64{"date_format": 8}}}, loaded(0, 1))
	f.command(schemas.CommandReplay, "r", replayOf(""))
	// Of the eight people five are read: a later run has loaded the others since.
	r := takes(5)
	r.Final.Refused = map[string]int64{schemas.RefusedReplayed: 2, schemas.RefusedReadAgain: 4, schemas.RefusedNoIdentity: 1}
	f.reports("a.2", 1, r, schemas.Report{Mapped: &schemas.Mapped{Mapped: 3, RejectsByCode: map[string]int64{"date_format": 2}}}, loaded(2, 4))
	f.want("a.2", schemas.StateSucceededWithRejects)
	if s := f.state(); s.OpenRejects != 3 || s.Dismissed != 5 {
		t.Errorf("%d are open and %d settled, want 3 (two rejected again, one of nobody knows whom) and 5", s.OpenRejects, s.Dismissed)
	}
}
