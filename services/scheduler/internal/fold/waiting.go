package fold

import (
	"time"

	"tapline.dev/schemas"
)

// WaitForTransaction notes that reports of the run are hidden by a transaction that somebody
// else has left open.
func WaitForTransaction(f *schemas.Fold, topic string, since, now time.Time) {
	f.Waiting, f.WaitingAt = &schemas.Waiting{
		Stage: schemas.StageControl, Account: topic, Since: since, Code: schemas.WaitingTransaction,
		Reason: "another application's transaction, open since " + since.UTC().Format(time.RFC3339) + ", hides the reports behind it until it ends or times out",
	}, &now
}

func waiting(f *schemas.Fold, w *schemas.Waiting, now time.Time) bool {
	if w.Over {
		if f.Waiting != nil && f.Waiting.Stage == w.Stage {
			f.Waiting, f.WaitingAt = nil, nil
		}
		return true
	}
	f.Waiting, f.WaitingAt = boundWaiting(w), &now
	return false
}

// WaitsUntil is the instant until which the reported wait for an account suspends
// the run's deadline, zero if there is no such wait. A wait for Snowflake does not
// suspend the deadline: a living extractor ends that wait by itself.
func WaitsUntil(f *schemas.Fold, expiry time.Duration) time.Time {
	if f.Waiting == nil || f.WaitingAt == nil || f.Waiting.Stage == schemas.StageExtract {
		return time.Time{}
	}
	return f.WaitingAt.Add(expiry)
}
