package book

import (
	"time"

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
	taken, refused := fold.Taken(e.fold)
	if succeeds && a.Replay.Selection.All() {
		// It has looked at every reject that is open: what it has left or made is open now.
		left := c.Rejected()
		for _, why := range schemas.LeftOpen {
			left += refused[why]
		}
		s.Dismissed += max(s.OpenRejects-s.OpenBeside-left, 0)
		s.OpenRejects, s.OpenBeside = left, 0
		return
	}
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
	beside := max(s.OpenBeside-s.OpenRejects, 0) // so many of those at least were made good
	s.OpenBeside -= beside
	s.Dismissed += made - beside
}

// wantRetry notes that the rejects are to be replayed, if the run that has succeeded has
// mapped otherwise than the one before it, whose ledger is given, and the definition asks
// for that. The rows of the run's own window have an outcome by then.
func wantRetry(e *entry, before *schemas.LedgerRef) {
	a, started := e.state.Active, e.fold.Started
	if a.Spec.Rejects.Retry != schemas.RetryAfterMappingChange || a.Spec.Destination.Type == schemas.TypeEvent ||
		!usesLedger(a.Mode) || a.Epoch != e.state.Epoch || before == nil || before.Mapping == "" || started == nil || started.Mapping == before.Mapping {
		return
	}
	e.state.RetryRejects = true
}

// queueRetry queues the replay that wantRetry has noted, once no other run is queued.
func queueRetry(e *entry, now time.Time) {
	s := e.state
	if !s.RetryRejects || s.Queued != nil || e.def == nil {
		return
	}
	s.RetryRejects = false
	if s.OpenRejects == 0 {
		return
	}
	s.Queued = &schemas.QueuedRun{
		Key: "retry of rejects after " + s.Active.Run, Mode: schemas.ModeReplay, Replay: &schemas.Replay{How: schemas.ReplayMapped},
		Cause: schemas.CauseSchedule, Time: now,
	}
}
