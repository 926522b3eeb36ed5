package book_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tapline.dev/schemas"
)

// silent are what trials may change of an import's state.
var silent = cmpopts.IgnoreFields(schemas.State{}, "Keys", "LastDryRun", "UpdatedAt")

func preview(c *schemas.Command) {
	c.Run, c.Rows, c.Spec = "a.p7", 50, &schemas.ImportSpec{Source: schemas.Source{Table: "T"}}
}

func TestPreviewsLeaveNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *fixture){
		"answered": func(d *fixture) { d.reports("a.p7", 1, schemas.Report{Preview: &schemas.Preview{}}) },
		"refused": func(d *fixture) {
			d.reports("a.p7", 1, schemas.Report{Abandoned: &schemas.Abandoned{Code: "snowflake_query"}})
		},
		"unheard of": func(d *fixture) {
			d.now = d.now.Add(11 * time.Minute)
			d.step(nil)
		},
		"cancelled": func(d *fixture) {
			d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.p7" })
			d.reports("a.p7", 1, schemas.Report{Final: &schemas.Final{Early: true}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.wantTriggers(d.command(schemas.CommandPreview, "k", preview), `a.p7/1 preview "" `)
			if c := d.command(schemas.CommandPreview, "k2", preview); !c.Empty() {
				t.Errorf("the same preview twice: %+v", c)
			}
			end(d)
			if len(d.log.states) != 0 || len(d.log.folds) != 0 || len(d.events) != 0 {
				t.Errorf("left are states %v, folds %v, events %v", d.log.states, d.log.folds, d.events)
			}
		})
	}
}

// TestAccountTests: a loader answers them because of the state, so no extractor is
// triggered, and a cancel waits for nobody.
func TestAccountTests(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *fixture){
		"answered": func(d *fixture) { d.reports("a.p7", 1, schemas.Report{Account: &schemas.AccountTest{}}) },
		"cancelled": func(d *fixture) {
			d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.p7" })
		},
		"unheard of": func(d *fixture) {
			d.now = d.now.Add(11 * time.Minute)
			d.step(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			changes := d.command(schemas.CommandTestAccount, "k", func(c *schemas.Command) {
				c.Run, c.Spec = "a.p7", &schemas.ImportSpec{Destination: schemas.Destination{AccountRef: "a"}}
			})
			if len(changes.Triggers) != 0 || !strings.Contains(d.log.states["a.p7"], schemas.ModeAccountTest) {
				t.Fatalf("triggers %+v, state %s: an extractor is asked, or no loader", changes.Triggers, d.log.states["a.p7"])
			}
			end(d)
			if len(d.log.states) != 0 || len(d.log.folds) != 0 || len(d.events) != 0 {
				t.Errorf("left are states %v, folds %v, events %v", d.log.states, d.log.folds, d.events)
			}
		})
	}
}

// TestClocksAreCompared: a question for the time says when it was taken up, triggers no
// extractor, and ends with the answer, or without one.
func TestClocksAreCompared(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *fixture){
		"answered": func(d *fixture) { d.reports("a.p7", 1, schemas.Report{Clocks: &schemas.Clocks{}}) },
		"cancelled": func(d *fixture) {
			d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.p7" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			changes := d.command(schemas.CommandCompareClocks, "k", func(c *schemas.Command) { c.Run, c.Spec = "a.p7", &schemas.ImportSpec{} })
			state := d.log.states["a.p7"]
			if len(changes.Triggers) != 0 || !strings.Contains(state, `"`+schemas.ModeClocks+`"`) || !strings.Contains(state, `"startedAt":"`+d.now.UTC().Format("2006-01-02T15:04")) {
				t.Fatalf("triggers %+v, state %s", changes.Triggers, state)
			}
			d.reports("a.p7", 1, schemas.Report{Clocks: &schemas.Clocks{Beside: true}})
			if d.log.states["a.p7"] != state {
				t.Fatalf("an answer beside the owner's makes of it %s", d.log.states["a.p7"])
			}
			end(d)
			if len(d.log.states) != 0 || len(d.log.folds) != 0 || len(d.events) != 0 {
				t.Errorf("left are states %v, folds %v, events %v", d.log.states, d.log.folds, d.events)
			}
		})
	}
}

func TestPreviewsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	for name, edit := range map[string]func(*schemas.Command){
		"of another import":  func(c *schemas.Command) { preview(c); c.Run = "b.p7" },
		"under a run's name": func(c *schemas.Command) { preview(c); c.Run = "a.7" },
		"of nothing":         func(c *schemas.Command) { preview(c); c.Spec = nil },
	} {
		if c := d.command(schemas.CommandPreview, name, edit); !c.Empty() {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// tryOut begins and ends a dry run.
func (d *fixture) tryOut(run string) {
	d.t.Helper()
	d.command(schemas.CommandDryRun, "key-"+run, func(c *schemas.Command) { c.Rows = 2 })
	d.reports(run, 1, schemas.Report{Started: &schemas.Started{QueryID: "q", Clock: clock, Total: 2}}, final(2), mapped(2), loaded(0, 1))
	d.want(run, schemas.StateSucceeded)
}

func TestDryRunsChangeNothingOfTheImport(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k1", nil)
	d.succeed("a.1", 1, 0, 1)
	before, listing := d.state(), *d.b.Listing("a")
	d.wantTriggers(d.command(schemas.CommandDryRun, "d1", func(c *schemas.Command) { c.Rows = 2 }), `a.d1/1 dryRun "" `)
	if c := d.command(schemas.CommandDryRun, "d2", nil); len(c.Triggers) != 0 || !slices.Contains(d.state().Keys, "d2") {
		t.Errorf("a second dry run began beside the first: %+v", c)
	}
	rejects := schemas.Report{Mapped: &schemas.Mapped{RejectsByCode: map[string]int64{"email_invalid": 600}}}
	d.reports("a.d1", 1, schemas.Report{Started: &schemas.Started{QueryID: "q", Clock: clock, Total: 600}}, final(600), rejects)
	d.want("a.d1", schemas.StateSucceededWithRejects) // the stop rule is for runs
	if diff := cmp.Diff(before, d.state(), silent); diff != "" {
		t.Errorf("the import's state (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(listing, *d.b.Listing("a")); diff != "" {
		t.Errorf("the listing (-before +after):\n%s", diff)
	}
	trial := decode[schemas.State](t, d.log.states["a.d1"])
	if s := trial.Sample; s == nil || s.Clock != clock || s.QueryID != "q" || trial.Active != nil {
		t.Errorf("the dry run left %+v", trial)
	}
	if len(d.log.folds) != 1 {
		t.Errorf("%d folds are in the log", len(d.log.folds))
	}
	d.now = d.now.Add(schemas.TrialRetention + time.Second)
	if d.step(nil); d.log.states["a.d1"] != "" {
		t.Error("the sample outlived its rows")
	}
}

// TestDryRunsDoNotWaitForEver: one whose account does not let it go on says why and fails,
// and one that CleverTap slows down for a moment goes on.
func TestDryRunsDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandDryRun, "k", func(c *schemas.Command) { c.Rows = 2 })
	d.reports("a.d1", 1, schemas.Report{Started: &schemas.Started{QueryID: "q", Clock: clock, Total: 2}}, final(2), mapped(2))
	waits := func(after time.Duration) schemas.Report {
		return schemas.Report{Time: d.now.Add(after), Waiting: &schemas.Waiting{Account: "ct", Since: d.now, Reason: "HTTP 401; check the passcode"}}
	}
	d.reports("a.d1", 1, waits(29*time.Second))
	if r := d.want("a.d1", schemas.StateLoading); r.Waiting == nil {
		t.Errorf("it does not say that it waits: %+v", r)
	}
	d.reports("a.d1", 1, waits(30*time.Second))
	d.reports("a.d1", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: -1, From: 0, To: 1}}, Records: 2, SkipReason: schemas.SkipStopped}})
	r := d.want("a.d1", schemas.StateFailed)
	if r.Error == nil || r.Error.Code != "account_unavailable" || !strings.Contains(r.Error.Reason, "ct does not let the dry run go on: HTTP 401") {
		t.Errorf("it failed because of %+v", r.Error)
	}
	d.command(schemas.CommandRun, "r", nil)
	d.reports("a.1", 1, schemas.Report{Started: &schemas.Started{QueryID: "q", Clock: clock, Total: 2}}, final(2), mapped(2), waits(time.Hour))
	d.want("a.1", schemas.StateLoading) // a run waits on
}

func TestSyncSendsASampleOnce(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.tryOut("a.d1")
	before := d.state()
	of := func(c *schemas.Command) { c.Run = "a.d1" }
	c := d.command(schemas.CommandSync, "s", of)
	d.wantTriggers(c, `a.1/1 sync "" `)
	if s := d.state().Active.Sample; s == nil || s.Run != "a.d1" || c.Triggers[0].Ledger != nil {
		t.Errorf("the run sends %+v", s)
	}
	d.now = d.now.Add(time.Second)
	d.succeed("a.1", 1, 0, 2)
	if r := d.want("a.1", schemas.StateSucceeded); r.WatermarkTo != "" || d.state().Watermark != before.Watermark || d.state().Ledger != nil {
		t.Errorf("the sync moved the watermark: %+v", r)
	}
	if c := d.command(schemas.CommandSync, "again", of); len(c.Triggers) != 0 || !slices.Contains(d.state().Keys, "again") {
		t.Errorf("the sample was sent twice: %+v", c)
	}
}

// TestASyncIsNotCounted in what the import has loaded and has open: the next run reads the
// rows of the sample again.
func TestASyncIsNotCounted(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.tryOut("a.d1")
	d.command(schemas.CommandSync, "s", func(c *schemas.Command) { c.Run = "a.d1" })
	d.reports("a.1", 1, final(3), schemas.Report{Mapped: &schemas.Mapped{Mapped: 2, RejectsByCode: map[string]int64{"date_format": 1}}}, loaded(0, 1))
	d.want("a.1", schemas.StateSucceededWithRejects)
	if s := d.state(); s.Loaded != 0 || s.OpenRejects != 0 || s.OpenBeside != 0 {
		t.Errorf("after the sync %d records count as loaded, %d rejects as open, %d as open beside", s.Loaded, s.OpenRejects, s.OpenBeside)
	}
}

func TestSyncIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(d *fixture){
		"a run has closed since": func(d *fixture) {
			d.command(schemas.CommandRun, "k", nil)
			d.now = d.now.Add(time.Second)
			d.succeed("a.1", 1, 0, 1)
		},
		"a run is active":        func(d *fixture) { d.command(schemas.CommandRun, "k", nil) },
		"the import has changed": func(d *fixture) { d.define(func(def *schemas.Definition) { def.Generation = 2 }) },
		"the sample is too old": func(d *fixture) {
			d.now = d.now.Add(2 * schemas.TrialRetention)
			d.step(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(nil)
			d.tryOut("a.d1")
			spoil(d)
			c := d.command(schemas.CommandSync, "s", func(c *schemas.Command) { c.Run = "a.d1" })
			if len(c.Triggers) != 0 || !slices.Contains(d.state().Keys, "s") {
				t.Errorf("triggers %+v, keys %v", c.Triggers, d.state().Keys)
			}
		})
	}
}
