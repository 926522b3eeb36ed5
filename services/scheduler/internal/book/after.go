package book

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// CodeAfter is the error code of a run that did not begin, because an import that
// it comes after did not succeed.
const CodeAfter = "after_not_succeeded"

// startAfter begins the queued run of an import that comes after others
// (spec.after). The others may be in other control partitions, and a run of theirs
// that is due at the same instant may show up a moment later, so the queued run
// always waits for AfterGrace, from the newest request that it stands for, but no longer than
// twice that time once nothing else keeps it from beginning.
//
// A scheduled run begins only once the newest run of each of the others has
// succeeded. After AfterLimit it ends as failed, because its records must not be
// sent as if the others had been loaded. A run that a person asked for begins, with
// a note, as soon as none of the others is in a run, and after AfterLimit all the same.
//
// AfterLimit counts from when nothing else kept the run from beginning: while it was queued
// behind a run of its own import, it did not wait for the others. For a scheduled run it
// stands still while a run of the others waits for a person. Nothing ends that wait, so the
// limit would only say that the person is slow.
func (b *Book) startAfter(ctx context.Context, e *entry, q schemas.QueuedRun, now time.Time) {
	free := now.Sub(waitsSince(e, q, now))
	// A schedule that is shorter than the grace must not put the run off for ever.
	if now.Sub(asked(q, now)) < b.cfg.AfterGrace && free < 2*b.cfg.AfterGrace {
		return
	}
	over := free >= b.cfg.AfterLimit
	if q.Cause == schemas.CauseSchedule {
		over = over && b.limitPassed(e, q, now)
	}
	reason := b.waitsFor(e, q, now)
	switch {
	case reason == "":
	case q.Cause == schemas.CauseSchedule && over:
		b.refuseQueued(ctx, e, reason, now)
		return
	case q.Cause == schemas.CauseSchedule, !over && b.anyBusy(e, q, now):
		return
	}
	e.state.Queued = nil
	b.start(ctx, e, q, now)
	if reason != "" {
		fold.Note(e.fold, "began although it comes after other imports: "+reason)
		b.addRunEvent(e, now)
	}
}

// asked is when the newest of the requests was made that the run stands for.
func asked(q schemas.QueuedRun, now time.Time) time.Time {
	if q.JoinedAt == nil || q.JoinedAt.Before(q.Time) || q.JoinedAt.Sub(now) > maxAhead { // by a clock that was wrong
		return q.Time
	}
	return *q.JoinedAt
}

// waitsSince is from when on only other imports kept the queued run from beginning.
func waitsSince(e *entry, q schemas.QueuedRun, now time.Time) time.Time {
	own := e.state.LastEnded
	if own == nil || own.Time.Before(q.Time) || own.Time.Sub(now) > maxAhead {
		return q.Time
	}
	return own.Time
}

// waitsFor says which import the run waits for, and why, "" if for none.
func (b *Book) waitsFor(e *entry, q schemas.QueuedRun, now time.Time) string {
	for _, name := range e.def.Spec.After {
		if b.busy(name, asked(q, now)) {
			if held, _ := b.waiting(name); held {
				return "a run of " + name + " waits for an approval"
			}
			return name + " is in a run"
		}
		if last := b.ended(name); last != nil && !succeeded(last.State) {
			return fmt.Sprintf("%s ended as %s", last.Run, last.State)
		}
	}
	return ""
}

// limitPassed reports whether AfterLimit has passed since none of the others waits for a
// person.
func (b *Book) limitPassed(e *entry, q schemas.QueuedRun, now time.Time) bool {
	since := waitsSince(e, q, now)
	for _, name := range e.def.Spec.After {
		held, until := b.waiting(name)
		if held {
			return false
		}
		if until.After(since) && until.Sub(now) < maxAhead { // not by a clock that was wrong
			since = until
		}
	}
	return now.Sub(since) >= b.cfg.AfterLimit
}

func (b *Book) anyBusy(e *entry, q schemas.QueuedRun, now time.Time) bool {
	for _, name := range e.def.Spec.After {
		if b.busy(name, asked(q, now)) {
			return true
		}
	}
	return false
}

// refuseQueued ends the waiting run as failed before it began.
func (b *Book) refuseQueued(ctx context.Context, e *entry, reason string, now time.Time) {
	r := queuedEvent(e)
	r.State, r.FinishedAt = schemas.StateFailed, &now
	r.Error = fold.BoundError("", CodeAfter, fmt.Sprintf("waited %s for the imports that it comes after: %s", schemas.Duration(b.cfg.AfterLimit), reason))
	b.log.WarnContext(ctx, "a run did not begin: an import that it comes after did not succeed", slog.String("run", r.Run))
	e.state.LastNumber++
	e.state.Queued = nil
	e.state.LastEnded = listing.Ended(r)
	b.out.Events = append(b.out.Events, r)
	b.stateChanged(e, now)
}
