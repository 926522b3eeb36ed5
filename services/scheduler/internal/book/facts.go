package book

import (
	"maps"
	"strings"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
	"tapline.dev/schemas/metrics"
	"tapline.dev/services/scheduler/internal/fold"
)

// Facts are what the metrics of an import are made from: a copy, which nobody changes.
type Facts struct {
	Import                string
	Owner, Team, Severity string
	Account, Connection   string
	Type                  string
	// State is one of metrics.ImportStates.
	State string
	// LastEnded and LastSucceeded are nil before the first.
	LastEnded, LastSucceeded *schemas.EndedRun
	// Watermark is zero where it is no instant: without a cursor, and of a wall clock whose
	// zone is not known.
	Watermark time.Time
	Lookback  time.Duration
	// Due is the calendar of an import whose schedules promise runs; InForce is when they
	// began to, zero of an import of which nothing is promised.
	Due     schedule.Calendar
	InForce time.Time
	// CoveredTo is the instant up to which a successful run stands for the due instants, or
	// nobody expects one: it was skipped on purpose.
	CoveredTo time.Time
	// NextDue is the first due instant that was not acted on, zero if there is none.
	NextDue time.Time
	// QueueFull says that a run of another window waits, so that a due instant cannot be
	// acted on.
	QueueFull bool
	HeldSince time.Time
	Waiting   *schemas.Waiting
	// Run is the active run, else the newest closed one; "" before the first. Started and
	// Progress are zero if none is active.
	Run               string
	Started, Progress time.Time
	Counts            schemas.Counts
	RejectsByCode     map[string]int64
}

// Facts returns the facts of an import, nil of a trial and of an import that is deleted.
func (b *Book) Facts(importName string) *Facts {
	e, ok := b.imports[importName]
	if !ok || e.isTrial() || e.state == nil || e.def == nil {
		return nil
	}
	s, spec := e.state, e.def.Spec
	f := &Facts{
		Import: e.name, Owner: e.def.Metadata.Owner, Team: e.def.Metadata.Labels["team"], Severity: e.def.Metadata.Labels["severity"],
		Account: spec.Destination.AccountRef, Connection: spec.Source.ConnectionRef, Type: spec.Destination.Type,
		State: stateOf(e), LastEnded: s.LastEnded, LastSucceeded: s.LastSucceeded,
		QueueFull: s.Queued != nil,
	}
	if c := spec.Source.Cursor; c != nil {
		f.Lookback = c.Lookback.Std()
		if f.Lookback == 0 {
			f.Lookback = schemas.DefaultLookback.Std()
		}
	}
	if at, err := schemas.ParseInstant(strings.TrimSuffix(s.Watermark, "Z")); err == nil && s.TimeBasis != schemas.TimeBasisWall {
		f.Watermark = at
	}
	f.addSchedule(e)
	if a := s.Active; a != nil && e.fold != nil {
		f.Run, f.Started, f.Progress, f.Waiting = a.Run, a.StartedAt, e.fold.ProgressAt, e.fold.Waiting
		f.Counts, f.RejectsByCode = fold.Counts(e.fold), rejectsOf(e.fold)
		if a.HeldBecause != nil {
			f.HeldSince = a.HeldBecause.Since
		}
	} else if e.last != nil {
		f.Run, f.Counts, f.RejectsByCode = e.last.Run, e.last.Counts, maps.Clone(e.last.RejectsByCode)
	}
	return f
}

// AllFacts returns the facts of every import.
func (b *Book) AllFacts() []*Facts {
	var out []*Facts
	for name := range b.imports {
		if f := b.Facts(name); f != nil {
			out = append(out, f)
		}
	}
	return out
}

func stateOf(e *entry) string {
	switch s := e.state; {
	case s.Active != nil:
		return s.Active.State
	case s.Queued != nil:
		return schemas.StateQueued
	case e.def.Spec.Draft:
		return metrics.StateDraft
	case s.Stopped:
		return metrics.StateStopped
	case s.Paused:
		return metrics.StatePaused
	}
	return metrics.StateIdle
}

// addSchedule says what the schedules promise.
func (f *Facts) addSchedule(e *entry) {
	s := e.state
	if s.Paused || s.Stopped || e.def.Spec.Draft || len(e.def.Spec.Schedules) == 0 {
		return
	}
	if e.dueKnown {
		f.NextDue = e.nextDue
	}
	f.Due, _ = schedule.Applied(*e.def, *s)
	f.InForce = e.def.AppliedAt
	if s.ScheduleSince != nil {
		f.InForce = *s.ScheduleSince
	}
	f.CoveredTo = f.InForce
	if ok := s.LastSucceeded; ok != nil && ok.StartedAt.After(f.CoveredTo) {
		f.CoveredTo = ok.StartedAt
	}
	if n := len(s.SkippedDue); n > 0 && s.SkippedDue[n-1].To.After(f.CoveredTo) {
		f.CoveredTo = s.SkippedDue[n-1].To
	}
}

// rejectsOf are the rejects of all stages.
func rejectsOf(f *schemas.Fold) map[string]int64 {
	out := maps.Clone(f.RejectsByCode)
	if out == nil {
		out = map[string]int64{}
	}
	for _, e := range f.Attempts {
		for code, n := range e.RejectsByCode {
			out[code] += n
		}
	}
	return out
}
