package runs_test

import (
	"testing"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

func TestReadAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode, state   string
		attempts, own int
		want          bool
	}{
		{schemas.ModeFull, schemas.StateSucceededWithRejects, 1, 1, false},
		{schemas.ModeIncremental, schemas.StateSucceededWithRejects, 2, 2, false},
		{schemas.ModeIncremental, schemas.StateSucceededWithRejects, 2, 1, true},
		{schemas.ModeIncremental, schemas.StateFailed, 1, 1, true},
		{schemas.ModeFull, schemas.StateCancelled, 1, 1, true},
		{schemas.ModeBackfill, schemas.StateCancelled, 1, 1, false},
		{schemas.ModeBackfill, schemas.StateCancelled, 3, 2, true},
		{schemas.ModeReplay, schemas.StateFailed, 2, 1, false},
	} {
		if got := runs.ReadAgain(runs.EndOf(schemas.Run{Mode: c.mode, State: c.state, Attempt: c.attempts}), c.own); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
