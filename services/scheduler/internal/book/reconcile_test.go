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
