package loader

import (
	"time"

	"tapline.dev/services/loader/internal/clevertap"
)

// mayBeApplied is until when a request may still be applied, given how it ended; the zero
// time means that it cannot be applied any more. It is the only place that decides
// that, and the order of an identity's records (invariant 4) depends on it.
//
// CleverTap's own answer settles a request: an outcome for each record, or a refusal
// of the whole in CleverTap's form. Every other request, whatever a proxy answered
// and however its connection ended, may be on its way until its timeout and the
// slack have passed since it was written: also if its run has ended, its records
// have their outcome, or its partition has moved.
func (c Config) mayBeApplied(res clevertap.Result, began time.Time) time.Time {
	if res.Settled {
		return time.Time{}
	}
	written := res.Written
	if written.Before(began) {
		written = began
	}
	return written.Add(c.openTime())
}

// openMillis is how much longer a request of the upload may be applied.
func (u *upload) openMillis(now time.Time) int64 {
	return max(0, u.openUntil.Sub(now).Milliseconds())
}
