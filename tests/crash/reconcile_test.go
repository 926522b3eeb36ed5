package crash

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/schemas"
)

const (
	reconciledRows = 1500 // that the first run reads
	lateRows       = 2000 // that come behind the watermark; every tenth comes twice
)

// TestInvariantReconcile: the extractor is killed at each step of a reconciliation, the other
// services while it loads, and reconciliations are cancelled under way. Each event that came
// behind the watermark is loaded once, and a further reconciliation finds nothing.
func TestInvariantReconcile(t *testing.T) {
	d := enter(t)
	expectNone(t, killedReconciliationsAreExact(t, d))
	expectNone(t, cancelledReconciliationIsFoundAgain(t, d))
}

func TestMutantComparedWithItself(t *testing.T) {
	enter(t).withMistake(t, "extractor.compared-with-itself", func(t *testing.T, d *world) []string {
		return killedReconciliationIsExact(t, d, "before-started=kill:1")
	})
}

func TestMutantBaselineOfACancelledRun(t *testing.T) {
	enter(t).withMistake(t, "scheduler.baseline-of-a-failed-run", cancelledReconciliationIsFoundAgain)
}

// behind is an import of events with a baseline, behind whose watermark rows have come since.
func (d *world) behind(t *testing.T) (s *source, came int64) {
	t.Helper()
	s = newSource(t, d.w, fmt.Sprintf("behind-%d", imports.Add(1)), true, 0)
	s.insertAt(t, d.w, reconciledRows, daysAgo(2))
	d.c.ApplyText(t, s.definition())
	if r := d.c.Close(t, d.c.Trigger(t, s.name), time.Minute); r.State != schemas.StateSucceeded {
		t.Fatalf("the first run: %s, %+v", r.State, r.Error)
	}
	first := d.reconcile(t, s, 2)
	if r := d.c.Close(t, first, time.Minute); r.State != schemas.StateSucceeded || r.Reconciled == nil || r.Reconciled.Unknown == "" || r.Counts.Read != 0 {
		t.Fatalf("the first reconciliation: %s, %+v, %+v", r.State, r.Reconciled, r.Counts)
	}
	s.insertAt(t, d.w, lateRows, daysAgo(4))
	for _, n := range s.counts[reconciledRows:] {
		came += int64(n)
	}
	return s, came
}

// reconcile begins a reconciliation, which has the next number.
func (d *world) reconcile(t *testing.T, s *source, number int) (run string) {
	t.Helper()
	run = schemas.RunID(s.name, number)
	if err := d.c.Send(t.Context(), "/v1/imports/"+s.name+"/reconciliations", `{}`); err != nil {
		t.Fatal(err)
	}
	return run
}

// killedReconciliationsAreExact kills the extractor at each step, and the other services while
// records are loaded.
func killedReconciliationsAreExact(t *testing.T, d *world) (violations []string) {
	for _, point := range []string{"before-baseline=kill:1", "before-started=kill:1", "after-started=kill:1", "before-chunk=kill:2", "before-final=kill:1"} {
		violations = append(violations, killedReconciliationIsExact(t, d, point)...)
	}
	for _, service := range []string{"scheduler", "mapper", "loader"} {
		s, came := d.behind(t)
		d.c.Faults(t, slow)
		run := d.reconcile(t, s, 3)
		d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
		p := d.c.Services[service]
		p.Kill()
		p.Start(t)
		d.c.Faults(t, `{"faults":[]}`)
		violations = append(violations, d.reconciles(t, s, came, 3, "the "+service+" killed")...)
	}
	return violations
}

// killedReconciliationIsExact kills the extractor at a step of a reconciliation.
func killedReconciliationIsExact(t *testing.T, d *world, point string) []string {
	s, came := d.behind(t)
	died := d.armed(t, "extractor", point)
	d.reconcile(t, s, 3)
	died()
	return d.reconciles(t, s, came, 3, point)
}

// reconciles wants a reconciliation to succeed and to have found what came, each event at
// CleverTap, and a further reconciliation to find nothing.
func (d *world) reconciles(t *testing.T, s *source, came int64, number int, how string) (violations []string) {
	t.Helper()
	bad := func(format string, args ...any) {
		violations = append(violations, how+": "+fmt.Sprintf(format, args...))
	}
	r, open := d.closes(t, schemas.RunID(s.name, number), time.Minute)
	if open != nil {
		return open
	}
	switch found := r.Reconciled; {
	case r.State != schemas.StateSucceeded || r.WatermarkTo != "":
		bad("the reconciliation is %s with %+v, watermark %q", r.State, r.Error, r.WatermarkTo)
	case found == nil || found.Came != came || found.Left != 0 || !found.Exact:
		bad("%d rows came, and it has found %+v", came, found)
	}
	surplus, lost := checkEvents(t, d.c, s)
	// Repeated are those whose upload had no answer when an earlier run was cancelled.
	if counted := r.Counts.Resent + r.Counts.Repeated; lost > 0 || int64(surplus) > counted || counted > slots*perUpload {
		bad("%d events are lost, and CleverTap has %d too often, of which %d are counted", lost, surplus, counted)
	}
	again, open := d.closes(t, d.reconcile(t, s, number+1), time.Minute)
	if open != nil {
		return append(violations, open...)
	}
	if found := again.Reconciled; found == nil || found.Unknown != "" || found.Came != 0 || found.Left != 0 || again.Counts.Read != 0 {
		bad("a second look has found %+v, and read %d rows", found, again.Counts.Read)
	}
	return violations
}

// cancelledReconciliationIsFoundAgain cancels a reconciliation under way. Its baseline does
// not count: the next one finds the same rows, and leaves out the events that were loaded.
func cancelledReconciliationIsFoundAgain(t *testing.T, d *world) []string {
	s, came := d.behind(t)
	d.c.Faults(t, slow)
	run := d.reconcile(t, s, 3)
	d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
	if err := d.c.Post(t.Context(), "/v1/runs/"+run+"/cancel"); err != nil {
		t.Fatal(err)
	}
	first, open := d.closes(t, run, time.Minute)
	if open != nil {
		return open
	}
	d.c.Faults(t, `{"faults":[]}`)
	if first.State != schemas.StateCancelled || first.Counts.Loaded == 0 || first.Counts.Loaded == came {
		t.Fatalf("the reconciliation was not cancelled under way: %s, %+v", first.State, first.Counts)
	}
	d.reconcile(t, s, 4)
	return d.reconciles(t, s, came, 4, "after a cancel")
}
