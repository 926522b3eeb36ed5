package runs

import "tapline.dev/schemas"

// End is how a run ended.
type End struct {
	mode      string
	attempts  int
	succeeded bool
}

// EndOf is the end that the event of a closed run tells.
func EndOf(r schemas.Run) End {
	return End{mode: r.Mode, attempts: r.Attempt, succeeded: r.State == schemas.StateSucceeded || r.State == schemas.StateSucceededWithRejects}
}

// ReadAgain reports whether the rows that an attempt of a closed run has rejected are read
// again without a replay: the next attempt reads what an abandoned one has read, and a run
// that did not succeed moves no watermark, so that the next run reads its rows. If such an
// event were replayed as well, it would be stored twice. A replay's next attempt reads no
// row twice, and what a person sent again by a backfill, a resend or a sync is not read by the
// next run.
func ReadAgain(e End, attempt int) bool {
	switch e.mode {
	case schemas.ModeReplay:
		return false
	case schemas.ModeFull, schemas.ModeIncremental:
		return !e.succeeded || attempt < e.attempts
	}
	return attempt < e.attempts
}
