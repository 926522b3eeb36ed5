package book

import (
	"fmt"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// countRepeats counts the events that may be stored twice, when a run of an event
// import is about to close: events that earlier attempts of the run have loaded,
// and events that earlier runs without success have loaded. The last attempt reads
// the whole window, so it reads the rows of those events again.
func countRepeats(e *entry, succeeds bool) {
	a := e.state.Active
	if a.Spec.Destination.Type != schemas.TypeEvent || !usesLedger(a.Mode) {
		return
	}
	loaded := fold.Counts(e.fold).Loaded
	earlier := loaded - e.fold.LoadedByAttempt[a.Attempt]
	if e.fold.LoadedByAttempt == nil {
		earlier = 0 // an older version of the scheduler did not count by attempt
	}
	before := e.state.UnfinishedEvents
	if !succeeds {
		before = 0 // this run may not have loaded them again; a later run counts them
	}
	e.fold.Repeated = min(earlier+before, loaded)
	if earlier > 0 && a.Attempt > 1 {
		fold.Note(e.fold, fmt.Sprintf("%d events were loaded by attempts that were abandoned, and the last attempt may have loaded them again: in the topics, count the rows and records of attempt %d only", earlier, a.Attempt))
	}
	if before > 0 {
		fold.Note(e.fold, fmt.Sprintf("up to %d events had been loaded by runs that did not succeed, and were loaded again", min(before, loaded)))
	}
}

// countEvents keeps count of the events that the import has stored.
func countEvents(e *entry, succeeds bool) {
	s, a := e.state, e.state.Active
	deleted := a.Epoch != s.Epoch && a.Ending != nil && a.Ending.Skip == schemas.SkipCancelled
	if a.Spec.Destination.Type != schemas.TypeEvent || deleted {
		return
	}
	loaded := fold.Counts(e.fold).Loaded
	n := schemas.EventCount{}
	if s.Events != nil {
		n = *s.Events
	}
	n.Stored += loaded
	s.Events = &n
	switch {
	case !usesLedger(a.Mode):
	case succeeds:
		s.UnfinishedEvents = 0
	default:
		s.UnfinishedEvents += loaded
	}
}

// countRejects keeps count of the open rejects of the epoch. A full reading finds
// every row that is still rejected. An incremental run finds new rejects only, so
// the count is an upper bound until the next full reading.
//
// A superseded record counts as loaded, because a later record of the same
// identity has all of its keys.
func countRejects(s *schemas.State, mode string, f *schemas.Fold) {
	c := fold.Counts(f)
	s.Loaded += c.Loaded + f.Skipped[schemas.SkipSuperseded]
	if mode == schemas.ModeFull {
		s.OpenRejects = c.Rejected() + max(c.StillRejected-s.Dismissed, 0)
		return
	}
	s.OpenRejects += c.Rejected()
}
