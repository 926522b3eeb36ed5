package book_test

import (
	"testing"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/book"
	"tapline.dev/services/scheduler/internal/fold"
)

func resolved(stage, place string) schemas.Report {
	return schemas.Report{Resolved: &schemas.Resolved{Stage: stage, Place: place}}
}

func asEvent(def *schemas.Definition) {
	def.Spec.Destination.Type, def.Spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: "Bought"}
}

// loadedFrom returns a fixture whose import has had a run of 5 rows from one place to
// another.
func loadedFrom(t *testing.T, edit func(*schemas.Definition), source, target string) *fixture {
	d := newFixture(t)
	d.define(edit)
	d.command(schemas.CommandRun, "k1", nil)
	d.reports("a.1", 1, resolved(schemas.StageExtract, source), resolved(schemas.StageLoad, target))
	d.succeed("a.1", 1, 0, 5)
	d.want("a.1", schemas.StateSucceeded)
	return d
}

func TestAnotherSourceOrTargetInTheDefinition(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*schemas.Definition){
		"connection": func(def *schemas.Definition) { def.Spec.Source.ConnectionRef = "other-warehouse" },
		"account":    func(def *schemas.Definition) { def.Spec.Destination.AccountRef = "production" },
		"type":       asEvent,
		"identity":   func(def *schemas.Definition) { def.Spec.Identity.Kind = "clevertapId" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := loadedFrom(t, nil, "s1", "t1")
			d.define(edit)
			d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.2/1 full "" `)
			if s := d.state(); s.Epoch != 2 || s.Place != nil || s.Ledger != nil {
				t.Errorf("state %+v", s)
			}
		})
	}
}

// TestAnotherPlaceBehindAReference: the definition is the same, and what its
// references resolve to is not.
func TestAnotherPlaceBehindAReference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, target, triggers string
		epoch                    int
	}{
		"the same":       {"s1", "t1", `a.2/1 incremental "` + moved + `" `, 1},
		"another source": {"s2", "t1", `a.2/1 full "" `, 2},
		"another target": {"s1", "t2", `a.2/1 full "" `, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := loadedFrom(t, nil, "s1", "t1")
			d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), "")
			d.want("a.2", schemas.StateStarting)
			// One of the two alone decides nothing.
			d.wantTriggers(d.reports("a.2", 1, resolved(schemas.StageLoad, c.target)), "")
			d.wantTriggers(d.reports("a.2", 1, resolved(schemas.StageExtract, c.source)), c.triggers)
			d.succeed("a.2", 1, 5, 2)
			r := d.want("a.2", schemas.StateSucceeded)
			if s := d.state(); s.Epoch != c.epoch || r.Epoch != c.epoch || *s.Place != (schemas.Place{Source: c.source, Target: c.target}) {
				t.Errorf("epoch %d, place %+v, want %d", s.Epoch, s.Place, c.epoch)
			}
		})
	}
}

func TestAPlaceThatNobodyReports(t *testing.T) {
	t.Parallel()
	d := loadedFrom(t, func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(time.Hour) }, "s1", "t1")
	d.command(schemas.CommandRun, "k2", nil)
	d.reports("a.2", 1, resolved(schemas.StageExtract, "s1"))
	d.now = d.now.Add(time.Hour + time.Second)
	d.step(nil)
	if r := d.want("a.2", schemas.StateFailed); r.Error.Code != fold.CodeNoProgress || r.Error.Stage != schemas.StageLoad {
		t.Errorf("error: %+v", r.Error)
	}
	d.command(schemas.CommandRun, "k3", nil)
	d.command(schemas.CommandCancel, "c", nil)
	d.want("a.3", schemas.StateCancelled)
	if d.state().Watermark != moved {
		t.Error("the watermark has moved")
	}
}

// TestAnotherPlaceInTheMiddleOfARun ends the run; the next one compares.
func TestAnotherPlaceInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	for stage, code := range map[string]string{schemas.StageExtract: book.CodeSourceChanged, schemas.StageLoad: book.CodeTargetChanged} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(nil)
			d.command(schemas.CommandRun, "k", nil)
			d.reports("a.1", 1, resolved(stage, "one"), final(4), mapped(4), loaded(0, 1))
			d.reports("a.1", 1, resolved(stage, "one"))
			if d.state().Active.Ending != nil {
				t.Fatal("the same place ends the run")
			}
			d.reports("a.1", 1, resolved(stage, "two"))
			if e := d.state().Active.Ending; e == nil || e.Error.Code != code || e.Skip != schemas.SkipStopped {
				t.Fatalf("ending %+v", e)
			}
			d.reports("a.1", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 1, From: 2, To: 3}}, SkipReason: schemas.SkipStopped}})
			if d.want("a.1", schemas.StateFailed); d.state().Watermark != "" {
				t.Error("the watermark has moved")
			}
		})
	}
}

// TestAnUpgradeReloadsNothing: the state is of a scheduler that compared query,
// cursor and identity only.
func TestAnUpgradeReloadsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit  func(*schemas.Definition)
		epoch int
	}{
		"the definition is the same": {nil, 1},
		"its query is not":           {func(def *schemas.Definition) { def.Spec.Source.Query = "select 2" }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := loadedFrom(t, nil, "", "")
			s := d.state()
			s.SourceHash = runs.SourceHashBefore(decode[schemas.Definition](t, d.log.defs["a"]).Spec)
			s.Place, s.Loaded, s.LastEnded = nil, 0, nil
			d.log.states["a"] = encode(t, s)
			d.b = d.reload()
			d.define(c.edit)
			if s := d.state(); s.Epoch != c.epoch || (s.Watermark == moved) != (c.epoch == 1) || s.SourceHash == "" {
				t.Errorf("state %+v", s)
			}
			want := `a.2/1 incremental "` + moved + `" `
			if c.epoch == 2 {
				want = `a.2/1 full "" `
			}
			d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), want)
		})
	}
}

// TestAnEpochOfEventsIsHeld until a person has agreed to what it would store a
// second time.
func TestAnEpochOfEventsIsHeld(t *testing.T) {
	t.Parallel()
	begin := map[string]func(t *testing.T) *fixture{
		"the definition": func(t *testing.T) *fixture {
			return heldByAnotherQuery(t)
		},
		"a reference": func(t *testing.T) *fixture {
			d := loadedFrom(t, asEvent, "s1", "t1")
			d.command(schemas.CommandRun, "k2", nil)
			d.reports("a.2", 1, resolved(schemas.StageLoad, "t2"), resolved(schemas.StageExtract, "s1"))
			return d
		},
		"a reset": func(t *testing.T) *fixture {
			d := loadedFrom(t, asEvent, "s1", "t1")
			d.command(schemas.CommandReset, "r", nil)
			d.command(schemas.CommandRun, "k2", nil)
			return d
		},
	}
	for name, begin := range begin {
		t.Run(name+", approved", func(t *testing.T) {
			t.Parallel()
			d := begin(t)
			r := d.want("a.2", schemas.StateHeld)
			if r.HeldBecause == nil || r.HeldBecause.Code != schemas.HoldEventsRepeat || r.HeldBecause.Records != 5 || d.state().Watermark != moved {
				t.Fatalf("held as %+v, watermark %q", r.HeldBecause, d.state().Watermark)
			}
			if l := d.b.Listing("a"); l.HeldBecause == nil || l.LastRunState != schemas.StateHeld {
				t.Errorf("listing %+v", l)
			}
			d.now = d.now.Add(1000 * time.Hour) // no deadline ends it
			d.step(nil)
			d.wantTriggers(d.command(schemas.CommandApprove, "y", func(c *schemas.Command) { c.Run = "a.2" }), `a.2/1 full "" `)
			if r := d.want("a.2", schemas.StateExtracting); r.HeldBecause != nil || r.Epoch != 2 {
				t.Errorf("run %+v", r)
			}
			d.succeed("a.2", 1, 5, 6)
			if s := d.state(); s.Events.Stored != 11 || s.Pending != nil || s.Epoch != 2 {
				t.Errorf("state %+v", s)
			}
		})
		t.Run(name+", declined", func(t *testing.T) {
			t.Parallel()
			d := begin(t)
			d.command(schemas.CommandRun, "k3", nil)
			d.want("a.3", schemas.StateQueued)
			d.command(schemas.CommandDecline, "n", nil)
			d.want("a.2", schemas.StateCancelled)
			if s := d.state(); s.Epoch != 1 || s.Watermark != moved {
				t.Errorf("state %+v", s)
			}
		})
	}
}

// otherQuery gives an import of events another query, and so a new epoch.
func otherQuery(def *schemas.Definition) { asEvent(def); def.Spec.Source.Query = "select 2" }

// heldByAnotherQuery returns a fixture whose run 2 is held because it would store the
// events of run 1 a second time.
func heldByAnotherQuery(t *testing.T) *fixture {
	t.Helper()
	d := loadedFrom(t, asEvent, "s1", "t1")
	d.define(otherQuery)
	d.command(schemas.CommandRun, "k2", nil)
	return d
}

// TestWhatHoldsNoEpochOfEvents: the change is taken back, a person has agreed before, or
// the run that is held is cancelled.
func TestWhatHoldsNoEpochOfEvents(t *testing.T) {
	t.Parallel()
	t.Run("the change is taken back", func(t *testing.T) {
		t.Parallel()
		d := loadedFrom(t, asEvent, "s1", "t1")
		d.define(otherQuery)
		if d.state().Pending == nil {
			t.Fatal("nothing is pending")
		}
		d.define(asEvent)
		if s := d.state(); s.Pending != nil || s.Epoch != 1 || s.Watermark != moved {
			t.Errorf("state %+v", s)
		}
	})
	t.Run("a reset that somebody has agreed to", func(t *testing.T) {
		t.Parallel()
		d := loadedFrom(t, asEvent, "s1", "t1")
		d.command(schemas.CommandReset, "r", func(c *schemas.Command) { c.Repeats = new(int64(4)) })
		if d.state().Pending == nil {
			t.Error("fewer were agreed to than there are")
		}
		d.command(schemas.CommandReset, "r2", func(c *schemas.Command) { c.Repeats = new(int64(5)) })
		if s := d.state(); s.Pending != nil || s.Epoch != 2 {
			t.Errorf("state %+v", s)
		}
		d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.2/1 full "" `)
	})
	t.Run("a cancel of the held run", func(t *testing.T) {
		t.Parallel()
		d := heldByAnotherQuery(t)
		d.command(schemas.CommandCancel, "c", nil)
		if d.want("a.2", schemas.StateCancelled); d.state().Active != nil {
			t.Error("the run is still active")
		}
		d.wantTriggers(d.command(schemas.CommandApprove, "y", nil), "")
	})
}

// TestADeletedImportBeginsClean: nothing of it stands in the state of the next
// one of its name, but the number of its newest run.
func TestADeletedImportBeginsClean(t *testing.T) {
	t.Parallel()
	d := loadedFrom(t, asEvent, "s1", "t1")
	delete(d.log.defs, "a")
	d.step(func() { d.b.Undefine(t.Context(), "a", d.now) })
	if len(d.log.folds) > 0 {
		t.Errorf("folds are left: %v", d.log.folds)
	}
	if s := d.state(); s.Events != nil || s.Place != nil || s.Watermark != "" || s.LastNumber != 1 {
		t.Errorf("state %+v", s)
	}
	d.define(asEvent)
	if l := d.b.Listing("a"); l.LastRun != "" || l.Health != nil {
		t.Errorf("listing %+v", l)
	}
	d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.2/1 full "" `)
}

// TestARecreationWhoseGenerationsGoOn: as below, where Import Center has kept the
// generations of the deleted import.
func TestARecreationWhoseGenerationsGoOn(t *testing.T) {
	t.Parallel()
	at := func(generation, first int) func(*schemas.Definition) {
		return func(def *schemas.Definition) { def.Generation, def.FirstGeneration = generation, first }
	}
	d := loadedFrom(t, at(7, 3), "s1", "t1")
	d.define(at(8, 3))
	if s := d.state(); s.Watermark != moved || s.Generation != 8 {
		t.Fatalf("an edit begins anew: %+v", s)
	}
	d.define(at(11, 10))
	if s := d.state(); s.Watermark != "" || s.Epoch != 2 || s.Generation != 11 {
		t.Errorf("state %+v", s)
	}
	d.define(at(12, 10))
	d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.2/1 full "" `)
}

// TestARecreationWithoutItsTombstone: the scheduler was down for longer than the
// record of the deletion is kept, and sees only the new definition.
func TestARecreationWithoutItsTombstone(t *testing.T) {
	t.Parallel()
	later := func(def *schemas.Definition) { def.Generation = 7 }
	d := loadedFrom(t, later, "s1", "t1")
	if s := d.state(); s.Watermark != moved || s.Generation != 7 {
		t.Fatalf("state %+v", s)
	}
	d.define(later)
	if s := d.state(); s.Watermark != moved {
		t.Fatal("the same definition begins anew")
	}
	d.define(nil)
	if s := d.state(); s.Watermark != "" || s.Epoch != 2 || s.Generation != 1 {
		t.Errorf("state %+v", s)
	}
	d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.2/1 full "" `)
}
