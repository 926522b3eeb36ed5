package mapper

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// TestASecondMappingOfARunThatEnds: the group's offsets are deleted, and the run is
// ended, or reads again in a new attempt, before the mapper is back. Rows that were mapped
// are not also counted as skipped: the run would have more outcomes than rows.
func TestASecondMappingOfARunThatEnds(t *testing.T) {
	t.Parallel()
	ending := schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}
	for name, c := range map[string]struct {
		run  schemas.ActiveRun
		skip string
	}{
		"it is cancelled":     {schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 2, Spec: spec(), Ending: &ending}, schemas.SkipCancelled},
		"an attempt is newer": {schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 3, Spec: spec()}, schemas.SkipClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			stop := w.start(nil)
			w.produce(w.row("3.2.1", 0, aRow), w.row("3.2.2", 0, aRow), w.row("3.2.3", 1, aRow))
			want := w.await()
			stop()
			w.forget()
			w.activate(&c.run)
			w.produce(w.row("3.2.4", 0, aRow), w.row("3.2.5", 1, aRow))
			defer w.start(nil)()
			want.Skips, want.ByReason = 2, map[string]int64{c.skip: 2}
			if diff := cmp.Diff(want, w.await()); diff != "" {
				t.Errorf("after the offsets were deleted (-want +got):\n%s", diff)
			}
		})
	}
}
