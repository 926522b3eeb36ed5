package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// compareDefinition begins a new epoch if the definition reads other rows than
// the one before, or sends them elsewhere: the watermark and the ledger do not
// apply to those. An import that has stored events would store them again, so its
// new epoch begins only when a person has approved it.
func (b *Book) compareDefinition(ctx context.Context, e *entry, source string, now time.Time) {
	s := e.state
	switch {
	case s.SourceHash == source:
		if p := s.Pending; p != nil && p.SourceHash != source {
			s.Pending = nil // the change was taken back
			if p.Reset {
				s.Pending = pendingReset(source)
			}
			b.stateChanged(e, now)
		}
	case s.SourceHash == "":
		s.SourceHash = source
		s.Events, s.UnfinishedEvents = nil, 0
		b.newEpoch(e, now)
	case s.SourceHash == runs.SourceHashBefore(e.def.Spec):
		// An older scheduler, whose hash covers fewer fields, has written the state. The
		// new hash replaces it without a new epoch, so that an upgrade reloads nothing.
		s.SourceHash = source
		if e.def.Spec.Destination.Type == schemas.TypeEvent && s.Events == nil && s.LastNumber > 0 {
			s.Events = &schemas.EventCount{AtLeast: true}
		}
		b.stateChanged(e, now)
	case wouldRepeatEvents(e, e.def.Spec):
		if s.Pending == nil || s.Pending.SourceHash != source {
			reset := s.Pending != nil && s.Pending.Reset
			s.Pending = &schemas.PendingEpoch{SourceHash: source, Reset: reset, Reason: "the definition reads other rows or sends them elsewhere"}
			b.stateChanged(e, now)
		}
	default:
		b.log.InfoContext(ctx, "a changed definition begins a new epoch", slog.String("import", e.name), slog.Int("epoch", s.Epoch+1))
		s.SourceHash = source
		b.newEpoch(e, now)
	}
}

// wouldRepeatEvents reports whether reading everything again would store events a second
// time.
func wouldRepeatEvents(e *entry, spec schemas.ImportSpec) bool {
	n := e.state.Events
	return spec.Destination.Type == schemas.TypeEvent && n != nil && (n.Stored > 0 || n.AtLeast)
}

// newEpoch forgets the watermark: the next run reads everything.
func (b *Book) newEpoch(e *entry, now time.Time) {
	s := e.state
	s.Epoch++
	s.EpochFirst, s.Replays, s.Reconciles, s.Baseline = s.LastNumber+1, nil, nil, nil
	s.Watermark, s.TimeBasis, s.Ledger, s.Columns, s.Gone, s.Place, s.Pending = "", "", nil, nil, nil, nil, nil
	s.Loaded, s.OpenRejects, s.OpenBeside, s.Dismissed, s.Initial, s.RetryRejects = 0, 0, 0, 0, "", false
	// Everything is sent again in the new epoch, also what the interrupted runs have loaded.
	s.Interrupted, s.UnfinishedEvents = nil, s.UnfinishedEvents+interrupted(s)
	b.stateChanged(e, now)
}

// agreed reports whether a person has agreed to at least as many repeated events as
// the import has stored, or to at least one if their number is a lower bound.
func agreed(repeats *int64, n *schemas.EventCount) bool {
	return repeats != nil && *repeats >= n.Stored && (*repeats > 0 || !n.AtLeast)
}

// reset begins a new epoch. If the import has stored events and the command does
// not agree to their repetition, the new epoch waits for a person's approval.
func (b *Book) reset(e *entry, c schemas.Command, now time.Time) {
	// The new epoch is of the definition as it is now, also if a change of it waits for
	// an approval of its own.
	source := runs.SourceHash(e.def.Spec)
	if wouldRepeatEvents(e, e.def.Spec) && !agreed(c.Repeats, e.state.Events) {
		e.state.Pending = pendingReset(source)
		b.stateChanged(e, now)
		return
	}
	e.state.SourceHash = source
	b.newEpoch(e, now)
}

func pendingReset(source string) *schemas.PendingEpoch {
	return &schemas.PendingEpoch{SourceHash: source, Reset: true, Reason: "the import was reset"}
}
