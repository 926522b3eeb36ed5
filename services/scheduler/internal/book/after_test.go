package book_test

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/book"
)

// TestAfterAnImportThatFailed: a scheduled run waits until the import that it
// comes after has succeeded, and fails when it never does. A person's run begins
// and says so.
func TestAfterAnImportThatFailed(t *testing.T) {
	t.Parallel()
	scheduled := func(t *testing.T) *fixture {
		d := newFixture(t)
		d.ended["b"] = schemas.StateFailed
		d.define(nil)
		d.define(func(def *schemas.Definition) {
			def.Spec.After = []string{"b"}
			def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(24 * time.Hour)}}
		})
		d.now = d.now.Add(24 * time.Hour)
		d.step(nil)
		d.want("a.1", schemas.StateQueued)
		d.now = d.now.Add(30 * time.Minute)
		d.wantTriggers(d.step(nil), "")
		return d
	}
	t.Run("it succeeds in time", func(t *testing.T) {
		t.Parallel()
		d := scheduled(t)
		d.ended["b"] = schemas.StateSucceededWithRejects
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	})
	t.Run("it does not", func(t *testing.T) {
		t.Parallel()
		d := scheduled(t)
		d.now = d.now.Add(time.Hour)
		d.wantTriggers(d.step(nil), "")
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != book.CodeAfter || !strings.Contains(r.Error.Reason, "b.9 ended as failed") {
			t.Errorf("error %+v", r.Error)
		}
		if s := d.state(); s.Queued != nil || s.Active != nil || s.LastEnded.State != schemas.StateFailed {
			t.Errorf("state %+v", s)
		}
	})
	t.Run("a person asks", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		d.ended["b"] = schemas.StateCancelled
		d.define(func(def *schemas.Definition) { def.Spec.After = []string{"b"} })
		d.command(schemas.CommandRun, "k", nil)
		d.now = d.now.Add(3 * time.Second)
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
		if notes := strings.Join(d.newest("a.1").Notes, "; "); !strings.Contains(notes, "b.9 ended as cancelled") {
			t.Errorf("notes %q", notes)
		}
	})
}

// TestAfterAnImportThatIsHeld: the limit of a scheduled run stands still while the import
// that it comes after waits for a person. A run that a person asked for does not wait for
// longer than the limit.
func TestAfterAnImportThatIsHeld(t *testing.T) {
	t.Parallel()
	held := func(t *testing.T, scheduled bool) *fixture {
		d := newFixture(t)
		d.busy["b"] = d.now.Add(-time.Hour)
		d.held["b"] = true
		d.define(func(def *schemas.Definition) {
			def.Spec.After = []string{"b"}
			if scheduled {
				def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(24 * time.Hour)}}
			}
		})
		if !scheduled {
			d.command(schemas.CommandRun, "k", nil)
		}
		d.want("a.1", schemas.StateQueued)
		return d
	}
	t.Run("by a schedule, which goes on", func(t *testing.T) {
		t.Parallel()
		d := held(t, true)
		d.now = d.now.Add(100 * time.Hour)
		d.wantTriggers(d.step(nil), "")
		d.held["b"], d.until["b"] = false, d.now
		d.now = d.now.Add(59 * time.Minute)
		d.wantTriggers(d.step(nil), "")
		d.want("a.1", schemas.StateQueued)
		delete(d.busy, "b")
		d.ended["b"] = schemas.StateSucceeded
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	})
	t.Run("by a schedule, which ends", func(t *testing.T) {
		t.Parallel()
		d := held(t, true)
		d.now = d.now.Add(100 * time.Hour)
		d.step(nil)
		d.held["b"], d.until["b"] = false, d.now
		d.now = d.now.Add(time.Hour)
		d.wantTriggers(d.step(nil), "")
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != book.CodeAfter {
			t.Errorf("error %+v", r.Error)
		}
	})
	t.Run("by a person", func(t *testing.T) {
		t.Parallel()
		d := held(t, false)
		d.now = d.now.Add(59 * time.Minute)
		d.wantTriggers(d.step(nil), "")
		d.now = d.now.Add(time.Minute)
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
		if notes := strings.Join(d.newest("a.1").Notes, "; "); !strings.Contains(notes, "a run of b waits for an approval") {
			t.Errorf("notes %q", notes)
		}
	})
}

// TestAfterWithAShortSchedule: instants that come faster than the grace passes put the run off
// for twice the grace at most.
func TestAfterWithAShortSchedule(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(func(def *schemas.Definition) {
		def.Spec.After = []string{"b"}
		def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(time.Second)}}
	})
	waited := 0
	for c := d.step(nil); len(c.Triggers) == 0; waited++ {
		if waited > 10 {
			t.Fatal("the run does not begin")
		}
		d.now = d.now.Add(time.Second)
		c = d.step(nil)
	}
	if waited < 3 {
		t.Errorf("the run began after %d s", waited)
	}
}

// TestAfterARunOfItsOwn: a scheduled run is queued behind a long run of its own import, and
// stands for an instant at which the import that it comes after is due too. It gives that
// one's run time to show up, and the limit counts from when its own import was free.
func TestAfterARunOfItsOwn(t *testing.T) {
	t.Parallel()
	queued := func(t *testing.T) *fixture {
		d := newFixture(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.define(func(def *schemas.Definition) {
			def.Spec.After = []string{"b"}
			def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(2 * time.Hour)}}
		})
		for range 2 { // the second instant joins the run that is queued for the first one
			d.now = d.now.Add(2 * time.Hour)
			d.wantTriggers(d.step(nil), "")
		}
		d.wantTriggers(d.succeed("a.1", 1, 0, 4), "")
		d.want("a.2", schemas.StateQueued)
		d.busy["b"] = d.now.Add(-time.Millisecond) // its run of the instant shows up
		d.now = d.now.Add(3 * time.Second)
		d.wantTriggers(d.step(nil), "")
		return d
	}
	t.Run("the other succeeds", func(t *testing.T) {
		t.Parallel()
		d := queued(t)
		delete(d.busy, "b")
		d.ended["b"] = schemas.StateSucceeded
		d.wantTriggers(d.step(nil), `a.2/1 incremental "`+moved+`" `)
	})
	t.Run("the other does not end", func(t *testing.T) {
		t.Parallel()
		d := queued(t)
		d.now = d.now.Add(58 * time.Minute)
		d.wantTriggers(d.step(nil), "")
		d.want("a.2", schemas.StateQueued)
		d.now = d.now.Add(2 * time.Minute)
		d.wantTriggers(d.step(nil), "")
		d.want("a.2", schemas.StateFailed)
	})
}
