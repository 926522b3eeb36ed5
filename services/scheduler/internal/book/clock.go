package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/schemas"
)

// maxAhead is how far an instant that was noted may lie ahead of now. A new owner whose
// clock is a little behind must not run an instant again. After a clock was set back,
// nothing waits for longer than this because of what was noted before.
const maxAhead = 10 * time.Minute

// maxRemembered is by how much a clock may be set back without that a due instant which it
// shows again is acted on again. Longer than this no import may be silent because of what
// was noted before.
const maxRemembered = 2 * time.Hour

// comeBack corrects what was noted while a clock was ahead, here or in Import Center, that
// has been set right. Otherwise schedules would start nothing, and runs would neither try
// again nor reach their deadline, until the clock gets there once more, perhaps for years.
func (b *Book) comeBack(ctx context.Context, e *entry, now time.Time) {
	ahead := func(t *time.Time, allowed time.Duration) bool { return t != nil && t.Sub(now) > maxAhead+allowed }
	s, changed := e.state, false
	if ahead(s.LastDue, 0) {
		b.log.WarnContext(ctx, "a due instant lies in the future and is dropped", slog.String("import", e.name), slog.Time("due", *s.LastDue))
		rememberActedOn(s, now)
		changed = true
	}
	if ahead(s.ScheduleSince, 0) {
		s.ScheduleSince, changed = &now, true
	}
	if ahead(s.Anchor, 0) {
		s.Anchor, changed = &now, true
	}
	if s.Queued != nil && ahead(&s.Queued.Time, 0) {
		s.Queued.Time, changed = now, true
	}
	if a := s.Active; a != nil && ahead(a.RetryAt, b.cfg.RetryMax) {
		a.RetryAt, changed = &now, true
	}
	if changed {
		e.dueKnown = false
		b.stateChanged(e, now)
	}
	f := e.fold
	if f == nil || s.Active == nil {
		return
	}
	if ahead(&f.ProgressAt, 0) {
		f.ProgressAt = now
		b.out.Folds[s.Active.Run] = f
	}
	if ahead(f.WaitingAt, 0) {
		f.WaitingAt = &now
		b.out.Folds[s.Active.Run] = f
	}
}

// rememberActedOn goes back to now. What fell due before now has been acted on. Those after
// it that were acted on by themselves are not to be acted on again when the clock gets
// there once more; those that shared a run are, because that run came too early for them.
// After a larger step nothing of this is kept, and the newest due instant may be run again.
func rememberActedOn(s *schemas.State, now time.Time) {
	last, from := *s.LastDue, s.DueFrom
	s.LastDue, s.DueFrom = nil, nil
	if last.Sub(now) > maxRemembered {
		s.ActedOn = nil
		return
	}
	span := schemas.DueSpan{From: last, To: last}
	if from != nil {
		span.From = *from
	}
	s.LastDue = &now
	all := append(s.ActedOn, span)
	s.ActedOn = all[max(0, len(all)-schemas.MaxActedOn):]
}
