package book

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// CodeNotStarted is the error code of a run that was planned for an instant at which
// the import started nothing.
const CodeNotStarted = "import_paused"

// idle says why no run of the import may begin. It says "" if one may begin, and if no
// readable definition is known.
func (e *entry) idle() string {
	switch {
	case e.def == nil:
		return ""
	case e.def.Spec.Draft:
		return schemas.RefusedDraft
	case e.state.Stopped:
		return schemas.RefusedStopped
	case e.state.Paused, schedulesOver(e):
		return schemas.RefusedPaused
	}
	return ""
}

// refuse notes that a command was refused, so that whoever sent it is told why.
func (b *Book) refuse(ctx context.Context, e *entry, c schemas.Command, why string, now time.Time) {
	b.log.WarnContext(ctx, "a command is refused", slog.String("import", e.name), slog.String("command", c.Kind), slog.String("reason", why))
	s := e.state
	if c.ID != "" {
		s.Refused = appendKey(s.Refused, c.ID)
		s.Keys = appendKey(s.Keys, c.ID)
		if s.RefusedBecause == nil {
			s.RefusedBecause = map[string]string{}
		}
		s.RefusedBecause[c.ID] = why
		for key := range s.RefusedBecause {
			if !slices.Contains(s.Refused, key) {
				delete(s.RefusedBecause, key)
			}
		}
	}
	b.stateChanged(e, now)
}

// stop ends an import until a person resumes it: unlike a pause it drops what waits
// and what is planned. The active run goes on to its end.
func (b *Book) stop(ctx context.Context, e *entry, now time.Time) {
	e.state.Paused, e.state.Stopped, e.dueKnown = true, true, false
	b.dropQueued(e, now)
	b.dropPlanned(ctx, e, len(e.state.Planned), schemas.RefusedStopped, now)
}

// draft takes in that the newest definition is a draft. Of an import that has run it
// keeps what is known, so that the next real definition goes on from there.
func (b *Book) draft(ctx context.Context, e *entry, now time.Time) {
	if !e.state.Draft {
		e.state.Draft = true
		b.stateChanged(e, now)
	}
	b.dropQueued(e, now)
	b.dropPlanned(ctx, e, len(e.state.Planned), schemas.RefusedDraft, now)
}

// leaveDraft takes in that the newest definition is not a draft. Instants that fell due
// while the import was a draft are not run later.
func (b *Book) leaveDraft(e *entry, applied, now time.Time) {
	if !e.state.Draft {
		return
	}
	e.state.Draft = false
	if e.state.Anchor != nil {
		e.state.LastDue, e.state.DueFrom = &applied, nil
	}
	b.stateChanged(e, now)
}

// runFrom begins the first run of an import at a value of its cursor that a person has
// given. It returns why it does not, or "".
func (b *Book) runFrom(ctx context.Context, e *entry, c schemas.Command, now time.Time) (refused string) {
	s := e.state
	if s.Watermark != "" || s.Active != nil || s.Queued != nil {
		return schemas.RefusedHasWatermark
	}
	s.Initial = c.From
	b.request(ctx, e, schemas.QueuedRun{Key: c.ID, Cause: schemas.CauseCommand, Actor: c.Actor, Traceparent: c.Traceparent, Time: now}, now)
	return ""
}

// plan notes that a person wants a run at an instant. It returns why it does not, or "".
func (b *Book) plan(e *entry, c schemas.Command) (refused string) {
	if c.At == nil || len(e.state.Planned) >= schemas.MaxPlanned {
		return schemas.RefusedPlanFull
	}
	e.state.Planned = append(slices.Clone(e.state.Planned), schemas.PlannedRun{At: c.At.UTC(), Key: c.ID, Actor: c.Actor, Traceparent: c.Traceparent})
	slices.SortStableFunc(e.state.Planned, func(x, y schemas.PlannedRun) int { return x.At.Compare(y.At) })
	return ""
}

// cancelPlan takes a planned run back. It returns why it does not, or "".
func (b *Book) cancelPlan(e *entry, c schemas.Command) (refused string) {
	at := slices.IndexFunc(e.state.Planned, func(p schemas.PlannedRun) bool { return c.At != nil && p.At.Equal(*c.At) })
	if at < 0 {
		return schemas.RefusedNotPlanned
	}
	e.state.Planned = append(slices.Clone(e.state.Planned[:at]), after(e.state.Planned, at+1)...)
	return ""
}

// planned begins the planned runs whose instant has passed. The instant leaves the
// state in the transaction that writes the trigger, so that no restart repeats it.
func (b *Book) planned(ctx context.Context, e *entry, now time.Time) {
	for len(e.state.Planned) > 0 && !e.state.Planned[0].At.After(now) && e.def != nil {
		if why := e.idle(); why != "" && e.state.Queued == nil {
			b.dropPlanned(ctx, e, 1, why, now)
			continue
		}
		p := e.state.Planned[0]
		if !b.request(ctx, e, schemas.QueuedRun{Key: p.Key, Cause: schemas.CauseCommand, Actor: p.Actor, Traceparent: p.Traceparent, Time: now}, now) {
			return // a run of another window waits: the plan waits until that has begun
		}
		e.state.Planned = after(e.state.Planned, 1)
		b.stateChanged(e, now)
	}
}

// dropPlanned ends the first n planned runs as cancelled before they began. Callers make
// sure that no run is queued: a queued run already has the next number.
func (b *Book) dropPlanned(ctx context.Context, e *entry, n int, why string, now time.Time) {
	if n == 0 {
		return
	}
	became := map[string]string{schemas.RefusedStopped: "stopped", schemas.RefusedDraft: "a draft", schemas.RefusedPaused: "paused"}
	for _, p := range e.state.Planned[:n] {
		b.log.WarnContext(ctx, "a planned run does not begin", slog.String("import", e.name), slog.Time("at", p.At), slog.String("reason", why))
		r := waitingEvent(e, &schemas.QueuedRun{Key: p.Key, Cause: schemas.CauseCommand, Actor: p.Actor, Time: p.At})
		r.State, r.FinishedAt = schemas.StateCancelled, &now
		r.Error = fold.BoundError("", CodeNotStarted, "it was planned for "+p.At.Format(time.RFC3339)+", and then the import was "+became[why])
		e.state.LastNumber++
		b.out.Events = append(b.out.Events, r)
	}
	e.state.Planned = after(e.state.Planned, n)
	b.stateChanged(e, now)
}

// after returns what follows the first n planned runs, nil if nothing does. It is a
// copy: listings that were handed out hold the former ones.
func after(planned []schemas.PlannedRun, n int) []schemas.PlannedRun {
	return append([]schemas.PlannedRun(nil), planned[n:]...)
}
