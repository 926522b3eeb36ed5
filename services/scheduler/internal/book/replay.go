package book

import (
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// countReplay takes in what a replay that closes has made good, and notes one that did
// not succeed: of the rejects that it has taken some are still to be replayed, and its
// receipts say which.
func countReplay(e *entry, succeeds bool) {
	s, a := e.state, e.state.Active
	if a.Mode != schemas.ModeReplay || a.Epoch != s.Epoch {
		return
	}
	c := fold.Counts(e.fold)
	s.Loaded += c.Loaded + e.fold.Skipped[schemas.SkipSuperseded]
	taken, _ := fold.Taken(e.fold)
	// A reject that came of one that was taken is open in its stead. Of a profile several
	// rejects make one row; how many of these are open after a replay that did not succeed
	// is not known, so that the count stays an upper bound.
	made := taken - c.Rejected()
	if !succeeds {
		made = 0
		if a.Spec.Destination.Type == schemas.TypeEvent {
			made = c.Loaded
		}
		if taken > 0 {
			s.Replays = append(s.Replays, schemas.InterruptedRun{
				Number: a.Number, Attempts: a.Attempt, StartedAt: a.StartedAt, RecordsTopic: a.RecordsTopic, Loaded: c.Loaded,
			})
			s.Replays = s.Replays[max(0, len(s.Replays)-schemas.MaxInterrupted):]
		}
	}
	made = min(max(made, 0), s.OpenRejects)
	s.OpenRejects -= made
	s.Dismissed += made
}
