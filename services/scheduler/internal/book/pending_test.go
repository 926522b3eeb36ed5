package book_test

import (
	"testing"

	"tapline.dev/schemas"
)

// heldForAnotherQuery has a fixture of an event import whose run is held, because the
// definition reads another query than the epoch.
func heldForAnotherQuery(t *testing.T) *fixture {
	d := loadedFrom(t, asEvent, "s1", "t1")
	d.define(withQuery("select 2"))
	d.command(schemas.CommandRun, "k2", nil)
	d.want("a.2", schemas.StateHeld)
	return d
}

func withQuery(text string) func(*schemas.Definition) {
	return func(def *schemas.Definition) { asEvent(def); def.Spec.Source.Query = text }
}

func (d *fixture) approve(run string) {
	d.t.Helper()
	d.wantTriggers(d.command(schemas.CommandApprove, "approve "+run, func(c *schemas.Command) { c.Run = run }), run+`/1 full "" `)
}

// TestAnApprovalIsOfWhatTheRunReads: whatever becomes of the definition while a run
// waits for an approval, the watermark and the ledger of the run that is approved are
// never used for another definition.
func TestAnApprovalIsOfWhatTheRunReads(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"the definition is edited again": "select 3", "the definition is taken back": "select 1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := heldForAnotherQuery(t)
			d.define(withQuery(query))
			d.approve("a.2")
			d.succeed("a.2", 1, 5, 6)
			d.want("a.2", schemas.StateSucceeded)
			// The run of the newest definition has read nothing yet.
			d.wantTriggers(d.command(schemas.CommandRun, "k3", nil), "")
			d.want("a.3", schemas.StateHeld)
			d.approve("a.3")
			d.succeed("a.3", 1, 11, 7)
			if s := d.state(); s.Epoch != 3 || s.Events.Stored != 18 || s.Pending != nil {
				t.Errorf("state %+v", s)
			}
		})
	}
	t.Run("it stays", func(t *testing.T) {
		t.Parallel()
		d := heldForAnotherQuery(t)
		d.approve("a.2")
		d.reports("a.2", 1, resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t1"))
		d.succeed("a.2", 1, 5, 6)
		d.command(schemas.CommandRun, "k3", nil)
		d.wantTriggers(d.reports("a.3", 1, resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t1")), `a.3/1 incremental "`+moved+`" `)
	})
}

// TestAResetBesideAChangedDefinition: a reset that is declined, or agreed to, does not
// make a definition that waits for an approval read on behind the watermark of the
// former one.
func TestAResetBesideAChangedDefinition(t *testing.T) {
	t.Parallel()
	reset := func(d *fixture, repeats *int64) {
		d.command(schemas.CommandReset, "r", func(c *schemas.Command) { c.Repeats = repeats })
	}
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		d := loadedFrom(t, asEvent, "s1", "t1")
		d.define(withQuery("select 2"))
		reset(d, nil)
		d.command(schemas.CommandRun, "k2", nil)
		d.want("a.2", schemas.StateHeld)
		d.command(schemas.CommandDecline, "n", nil)
		d.wantTriggers(d.command(schemas.CommandRun, "k3", nil), "")
		if r := d.want("a.3", schemas.StateHeld); d.state().Pending.Reset {
			t.Errorf("the reset was declined: %+v", r.HeldBecause)
		}
	})
	t.Run("agreed to", func(t *testing.T) {
		t.Parallel()
		d := loadedFrom(t, asEvent, "s1", "t1")
		d.define(withQuery("select 2"))
		reset(d, new(int64(5)))
		d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.2/1 full "" `)
		d.succeed("a.2", 1, 5, 6)
		if s := d.state(); s.Pending != nil || s.Epoch != 2 || s.Watermark == "" {
			t.Errorf("state %+v", s)
		}
	})
	t.Run("the definition is taken back", func(t *testing.T) {
		t.Parallel()
		d := loadedFrom(t, asEvent, "s1", "t1")
		reset(d, nil)
		d.define(withQuery("select 2"))
		d.define(asEvent)
		if p := d.state().Pending; p == nil || !p.Reset {
			t.Errorf("the reset is forgotten: %+v", p)
		}
	})
}

// TestAnotherPlaceBesideAChangedDefinition: a run waits because a reference resolves to
// another place, the definition changes meanwhile, and the reference is taken back.
func TestAnotherPlaceBesideAChangedDefinition(t *testing.T) {
	t.Parallel()
	d := loadedFrom(t, asEvent, "s1", "t1")
	d.command(schemas.CommandRun, "k2", nil)
	d.define(withQuery("select 2"))
	d.reports("a.2", 1, resolved(schemas.StageLoad, "t2"), resolved(schemas.StageExtract, "s1"))
	d.want("a.2", schemas.StateHeld)
	d.command(schemas.CommandDecline, "n", nil)
	d.wantTriggers(d.command(schemas.CommandRun, "k3", nil), "")
	if r := d.want("a.3", schemas.StateHeld); r.HeldBecause.Reason == "" || d.state().Pending.Place != nil {
		t.Errorf("held as %+v, pending %+v", r.HeldBecause, d.state().Pending)
	}
}
