package book

import (
	"context"
	"log/slog"
	"time"
)

// maxAhead is how far an instant that was noted may lie ahead of now. A new owner whose
// clock is a little behind must not run an instant again. After a clock was set back,
// nothing waits for longer than this because of what was noted before.
const maxAhead = 10 * time.Minute

// comeBack corrects what was noted while a clock was ahead, here or in Import Center, that
// has been set right. Otherwise schedules would start nothing, and runs would neither try
// again nor reach their deadline, until the clock gets there once more, perhaps for years.
func (b *Book) comeBack(ctx context.Context, e *entry, now time.Time) {
	ahead := func(t *time.Time, allowed time.Duration) bool { return t != nil && t.Sub(now) > maxAhead+allowed }
	s, changed := e.state, false
	if ahead(s.LastDue, 0) {
		// Without this instant the newest due instant may be run once more.
		b.log.WarnContext(ctx, "a due instant lies in the future and is dropped", slog.String("import", e.name), slog.Time("due", *s.LastDue))
		s.LastDue, changed = nil, true
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
