package book_test

import (
	"testing"

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
