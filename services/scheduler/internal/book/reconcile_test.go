package book_test

import (
	"testing"

	"tapline.dev/schemas"
)

// TestABaselineCountsOnceItsRunHasSucceeded: the baseline of a reconciliation that was
// cancelled is not compared with, and a new epoch has none.
func TestABaselineCountsOnceItsRunHasSucceeded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.define(nil)
	f.command(schemas.CommandRun, "k", nil)
	f.reports("a.1", 1, final(1), mapped(1), loaded(0, 0))
	before := f.state()
	reconcile := func(c *schemas.Command) { c.Reconcile = &schemas.Reconciliation{} }
	started := func(number int) schemas.Report {
		return schemas.Report{Started: &schemas.Started{Reconciled: &schemas.Reconciled{Baseline: schemas.BaselineRef{Number: number, Attempt: 1}}}}
	}
	ends := func(early bool) schemas.Report {
		r := final(0)
		r.Final.Ledger, r.Final.Early = nil, early
		return r
	}
	f.command(schemas.CommandReconcile, "r1", reconcile)
	if a := f.state().Active; a == nil || a.Mode != schemas.ModeReconcile || a.WatermarkFrom != before.Watermark || a.Reconcile == nil {
		t.Fatalf("active: %+v", a)
	}
	f.reports("a.2", 1, started(2))
	f.command(schemas.CommandCancel, "c", nil)
	f.reports("a.2", 1, ends(true))
	f.want("a.2", schemas.StateCancelled)
	if s := f.state(); s.Baseline != nil {
		t.Errorf("the baseline of a cancelled run counts: %+v", s.Baseline)
	}
	f.command(schemas.CommandReconcile, "r2", reconcile)
	f.reports("a.3", 1, started(3), ends(false))
	r := f.want("a.3", schemas.StateSucceeded)
	s := f.state()
	if s.Baseline == nil || s.Baseline.Number != 3 || s.Watermark != before.Watermark || r.Reconciled == nil {
		t.Errorf("baseline %+v, watermark %q, before %q", s.Baseline, s.Watermark, before.Watermark)
	}
	f.command(schemas.CommandReset, "reset", nil)
	if s := f.state(); s.Baseline != nil {
		t.Errorf("a new epoch has the baseline %+v", s.Baseline)
	}
}

// TestAReconciliationWithoutSuccessIsNamedForTheNext: the state says where its events are told
// until a reconciliation succeeds, whatever runs succeed in between. What was sent and never
// answered is counted when it may have been sent again.
func TestAReconciliationWithoutSuccessIsNamedForTheNext(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(asEvent)
	run := func(command, key, id string, reports ...schemas.Report) schemas.Run {
		t.Helper()
		d.command(command, key, func(c *schemas.Command) { c.Reconcile = &schemas.Reconciliation{} })
		d.topics("rows-1", "records-1")
		d.reports(id, 1, append([]schemas.Report{resolved(schemas.StageExtract, "s1"), resolved(schemas.StageLoad, "t1")}, reports...)...)
		return d.want(id, schemas.StateSucceeded)
	}
	run(schemas.CommandRun, "k1", "a.1", final(1), mapped(1), loaded(0, 0))
	d.command(schemas.CommandReconcile, "k2", func(c *schemas.Command) { c.Reconcile = &schemas.Reconciliation{} })
	d.topics("rows-1", "records-1")
	early := final(6)
	early.Final.Early = true
	d.reports("a.2", 1, early, mapped(6), loaded(0, 3))
	d.command(schemas.CommandCancel, "c2", nil)
	d.reports("a.2", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 3, From: 4, To: 5}}, SkipReason: schemas.SkipCancelled, Uncertain: 1}})
	d.want("a.2", schemas.StateCancelled)
	named := d.state().Reconciles
	if len(named) != 1 || named[0].Number != 2 || named[0].Loaded != 4 || named[0].Uncertain != 1 || named[0].RecordsTopic != "records-1" {
		t.Fatalf("after the cancelled reconciliation: %+v", named)
	}
	if r := run(schemas.CommandRun, "k3", "a.3", final(2), mapped(2), loaded(6, 7)); r.Counts.Repeated != 0 {
		t.Errorf("the run in between: %+v", r.Counts)
	}
	if s := d.state(); len(s.Reconciles) != 1 || len(s.Interrupted) != 0 {
		t.Errorf("after a run in between: %+v, %+v", s.Reconciles, s.Interrupted)
	}
	if r := run(schemas.CommandReconcile, "k4", "a.4", lookedBack(2, 4, 0), mapped(2), loaded(8, 9)); r.Counts.Repeated != 1 {
		t.Errorf("the reconciliation after: %+v", r.Counts)
	}
	if s := d.state(); len(s.Reconciles) != 0 {
		t.Errorf("after it: %+v", s.Reconciles)
	}
}
