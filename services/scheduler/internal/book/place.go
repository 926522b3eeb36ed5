package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// Codes of runs that end because their connection or account resolves to another
// source or target than when the run began.
const (
	CodeSourceChanged = "source_changed"
	CodeTargetChanged = "target_changed"
)

// mustComparePlaces reports whether extractor and loader have to say what the connection
// and the account of the definition resolve to, before the first row is read. That
// is so once the epoch has a place (its source and target) and a watermark, a ledger
// or events of runs without success, which mean nothing at another place. A source
// or target that the epoch does not know yet is accepted as it is found.
func mustComparePlaces(e *entry, a *schemas.ActiveRun) bool {
	s := e.state
	return usesLedger(a.Mode) && s.Place != nil && (s.Watermark != "" || s.Ledger != nil || len(s.Interrupted) > 0)
}

// needsApproval reports whether the run would begin an epoch that a person has to
// approve.
func (b *Book) needsApproval(ctx context.Context, e *entry, a *schemas.ActiveRun, now time.Time) bool {
	p := e.state.Pending
	if p == nil || !usesLedger(a.Mode) {
		return false
	}
	if p.Place != nil && p.SourceHash == e.state.SourceHash {
		// What a reference resolves to had changed. It may have been taken back, so the
		// places are compared again; the definition may have changed besides.
		e.state.Pending = nil
		b.compareDefinition(ctx, e, runs.SourceHash(a.Spec), now)
	}
	return e.state.Pending != nil
}

// placeReported takes in what the extractor says of the active run's source, or the
// loader of its target.
func (b *Book) placeReported(ctx context.Context, e *entry, r *schemas.Resolved, now time.Time) {
	a := e.state.Active
	if a.Place == nil || a.Ending != nil || r.Place == "" || len(r.Place) > maxPlace {
		return
	}
	part, code, reason := &a.Place.Source, CodeSourceChanged, "the connection resolves to another account, role, database or schema than when the run began; the next run compares and reads everything if it has to"
	if r.Stage == schemas.StageLoad {
		part, code, reason = &a.Place.Target, CodeTargetChanged, "the account resolves to another CleverTap account or region than when the run began; the next run compares and reads everything if it has to"
	}
	switch {
	case a.State == schemas.StateStarting:
		if *part != r.Place {
			*part = r.Place
			b.stateChanged(e, now)
		}
		b.comparePlaces(ctx, e, now)
	case *part == "":
		*part = r.Place
		b.stateChanged(e, now)
	case *part != r.Place:
		b.log.WarnContext(ctx, "a reference of the run resolves to another place", slog.String("run", a.Run), slog.String("code", code))
		b.end(e, schemas.Ending{State: schemas.StateFailed, Skip: schemas.SkipStopped, Error: fold.BoundError(r.Stage, code, reason)}, now)
	}
}

// maxPlace is longer than any hash of a place.
const maxPlace = 128

// comparePlaces lets a starting run go on once its source and target are known. If they
// have changed, it goes on in a new epoch; if events could then be stored twice, a
// person has to approve the new epoch first.
func (b *Book) comparePlaces(ctx context.Context, e *entry, now time.Time) {
	s, a := e.state, e.state.Active
	known, found := s.Place, a.Place
	if known == nil {
		known = &schemas.Place{}
	}
	if (known.Source != "" && found.Source == "") || (known.Target != "" && found.Target == "") {
		return
	}
	switch {
	case agrees(known.Source, found.Source) && agrees(known.Target, found.Target):
		a.State, e.fold.ProgressAt = schemas.StateExtracting, now
		b.trigger(e, now)
	case wouldRepeatEvents(e, a.Spec):
		s.Pending = &schemas.PendingEpoch{SourceHash: s.SourceHash, Place: &schemas.Place{Source: found.Source, Target: found.Target}, Reason: "the connection or the account resolves to another place than before"}
		b.holdPending(ctx, e, now)
	default:
		b.log.InfoContext(ctx, "another source or target begins a new epoch", slog.String("import", e.name), slog.Int("epoch", s.Epoch+1))
		b.newEpoch(e, now)
		b.triggerFull(e, now)
	}
}

func agrees(known, found string) bool { return known == "" || known == found }

// triggerFull triggers the active run in the epoch that has just begun.
func (b *Book) triggerFull(e *entry, now time.Time) {
	a := e.state.Active
	a.State, a.Mode, a.WatermarkFrom, a.Epoch = schemas.StateExtracting, schemas.ModeFull, "", e.state.Epoch
	e.fold.ProgressAt = now
	b.trigger(e, now)
}

// missingPlace says which service has not reported what its reference resolves to.
func missingPlace(e *entry) (stage, difference string) {
	if known, found := e.state.Place, e.state.Active.Place; known != nil && known.Source != "" && found.Source == "" {
		return schemas.StageExtract, "no extractor has reported what the connection resolves to: is an extractor running, and can it read the connection's secrets?"
	}
	return schemas.StageLoad, "no loader has reported what the account resolves to: is a loader running, and can it read the account's secrets?"
}

// storePlace stores the source and target of a run that succeeded as the epoch's.
func storePlace(s *schemas.State, found *schemas.Place) {
	if found == nil || (found.Source == "" && found.Target == "") {
		return
	}
	place := schemas.Place{}
	if s.Place != nil {
		place = *s.Place
	}
	if found.Source != "" {
		place.Source = found.Source
	}
	if found.Target != "" {
		place.Target = found.Target
	}
	s.Place = &place
}
