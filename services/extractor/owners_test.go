package extractor

import (
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
)

// TestWhatOwnersBegin: an owner works on what is extracting in its partitions, but not on
// the test of an account, which a loader answers.
func TestWhatOwnersBegin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mode, state string
		owned, begins     bool
	}{
		{"a run", schemas.ModeFull, schemas.StateExtracting, true, true},
		{"a run of another owner", schemas.ModeFull, schemas.StateExtracting, false, false},
		{"a run that loads", schemas.ModeFull, schemas.StateLoading, true, false},
		{"the test of a connection", schemas.ModeConnectionTest, schemas.StateExtracting, true, true},
		{"the test of an account", schemas.ModeAccountTest, schemas.StateExtracting, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := &owners{
				owned: map[int32]bool{schemas.ControlPartition("one"): c.owned}, work: map[string]*work{}, finished: map[string]attempt.ID{},
			}
			states := map[string]*schemas.State{"one": {Import: "one", Active: &schemas.ActiveRun{Run: "one.1", Attempt: 1, Mode: c.mode, State: c.state}}}
			if begin := o.reconcile(t.Context(), states, nil); (len(begin) == 1) != c.begins {
				t.Errorf("%d attempts begin", len(begin))
			}
		})
	}
}
