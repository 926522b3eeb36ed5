package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/schemas"
)

// maxAhead is how far an instant in the state may lie ahead of now. It has to be above
// zero: a new owner whose clock is a little behind must not run a due instant again. It
// is small, because after a clock was set back an import may wait this long.
const maxAhead = 10 * time.Minute

// maxRemembered is the largest step back of a clock after which due instants that were
// acted on are not acted on again. After a larger step they may be: otherwise the import
// would start nothing for longer than this.
const maxRemembered = 2 * time.Hour

// correctFutureInstants replaces instants in the state that lie too far ahead of now. They
// were written while a clock, here or in Import Center, was ahead. Without the correction
// schedules would start nothing, and runs would neither try again nor reach their
// deadline, until that instant has passed, perhaps for years.
func (b *Book) correctFutureInstants(ctx context.Context, e *entry, now time.Time) {
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

// rememberActedOn sets LastDue back to now, because all earlier instants were acted on. The
// newest later ones that had a run each are kept in ActedOn, so that they get no second
// run when they come. Later ones that shared a run do get another, because that run came
// too early for them. After a step of more than maxRemembered nothing is kept, and the
// newest due instant may be run again.
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
