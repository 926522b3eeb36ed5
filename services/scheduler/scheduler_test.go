package scheduler_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestRunFromCommandToWatermark(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.apply(definition("customers"))
	key := r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	if s := r.state("customers"); s.Active == nil || s.Active.Key != key || s.Epoch != 1 {
		t.Fatalf("the state does not show the run: %+v", s)
	}
	r.finish("customers.1", 1, 10, 0, maximum)
	got := r.awaitRun("customers.1", schemas.StateSucceeded)
	want := schemas.Counts{Read: 10, Extracted: 10, Mapped: 10, Loaded: 10}
	if diff := cmp.Diff(want, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got.WatermarkTo != moved || got.QueryID != "q-customers.1" || got.Total != 10 || got.FinishedAt == nil {
		t.Errorf("closed as %+v", got)
	}
	s := r.state("customers")
	if s.Watermark != moved || s.Active != nil || s.Ledger == nil {
		t.Errorf("state after the close: %+v", s)
	}
	r.awaitProjection("customers.1")

	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.2", schemas.StateExtracting)
	triggers := r.triggers("customers")
	if len(triggers) != 2 || triggers[0].Mode != schemas.ModeFull || triggers[1].Mode != schemas.ModeIncremental || triggers[1].Watermark != moved || triggers[1].Ledger == nil {
		t.Errorf("triggers: %+v", triggers)
	}
}
