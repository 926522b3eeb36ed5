package book

import (
	"fmt"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// countRepeats counts the events that may be stored twice, when a run of an event
// import is about to close. The extractor leaves out what earlier attempts of the
// run, and earlier runs without success, have loaded. What it cannot leave out
// because the log does not tell the rows is counted here, and so are the events whose
// request was never answered.
func countRepeats(e *entry, succeeds bool) {
	a, s, f := e.state.Active, e.state, e.fold
	if a.Spec.Destination.Type != schemas.TypeEvent || a.Mode == schemas.ModeSync {
		return
	}
	loaded := fold.Counts(f).Loaded
	earlier, unanswered := loaded-f.LoadedByAttempt[a.Attempt], int64(0)
	if f.LoadedByAttempt == nil {
		earlier = 0 // an older version of the scheduler did not count by attempt
	}
	for attempt, n := range f.UncertainByAttempt {
		if attempt < a.Attempt {
			unanswered += n
		}
	}
	before := int64(0)
	if succeeds && usesLedger(a.Mode) { // another run may not have loaded them again; a later one counts them
		before = s.UnfinishedEvents
	}
	if succeeds && a.Mode == schemas.ModeReconcile {
		for _, r := range s.Reconciles {
			before += r.Uncertain
		}
	}
	_, again := fold.LeftOut(f)
	if last := f.Attempts[a.Attempt]; !last.LookedBack && last.Extracted > 0 {
		// The extractor is of a version that leaves nothing out.
		again += earlier
		if succeeds && usesLedger(a.Mode) {
			again += interrupted(s)
		}
	}
	f.Repeated = min(again+unanswered+before, loaded)
	if n := min(unanswered+before, loaded); n > 0 {
		fold.Note(f, fmt.Sprintf("up to %d events of attempts or runs that did not succeed had been stored, though it is not known which, and may have been stored again", n))
	}
}

// interrupted counts the events of the runs whose rows the next one leaves out.
func interrupted(s *schemas.State) (n int64) {
	for _, r := range s.Interrupted {
		n += r.Loaded
	}
	return n
}

// countEvents keeps count of the events that the import has stored, and of the runs
// whose events the next one has to leave out.
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
	case a.Mode == schemas.ModeReconcile && succeeds:
		s.Reconciles = nil
	case a.Mode == schemas.ModeReconcile:
		interruptReconcile(e, loaded)
	case !usesLedger(a.Mode):
	case succeeds:
		s.Interrupted, s.UnfinishedEvents = nil, 0
	default:
		interrupt(s, a, loaded)
		for _, n := range e.fold.UncertainByAttempt {
			s.UnfinishedEvents += n
		}
	}
}

// interrupt notes a run that has loaded events and did not succeed. Its rows are left
// out by the next run only where that is certain to read the same source for the
// same target, and the receipts are certain to be about the records topic that is
// there.
func interrupt(s *schemas.State, a *schemas.ActiveRun, loaded int64) {
	switch {
	case loaded == 0:
		return
	case a.Epoch != s.Epoch || a.RecordsTopic == "" || a.Place == nil || a.Place.Source == "" || a.Place.Target == "":
		s.UnfinishedEvents += loaded
		return
	}
	storePlace(s, a.Place)
	s.Interrupted = append(s.Interrupted, schemas.InterruptedRun{
		Number: a.Number, Attempts: a.Attempt, StartedAt: a.StartedAt, RecordsTopic: a.RecordsTopic, Loaded: loaded,
	})
	if more := len(s.Interrupted) - schemas.MaxInterrupted; more > 0 {
		for _, r := range s.Interrupted[:more] {
			s.UnfinishedEvents += r.Loaded
		}
		s.Interrupted = s.Interrupted[more:]
	}
}

// interruptReconcile notes a reconciliation that did not succeed. Its baseline does not count,
// so that the next one finds its rows again, whatever runs succeed in between: they read other
// rows, and say nothing about these.
func interruptReconcile(e *entry, loaded int64) {
	s, a := e.state, e.state.Active
	r := schemas.InterruptedRun{Number: a.Number, Attempts: a.Attempt, StartedAt: a.StartedAt, RecordsTopic: a.RecordsTopic, Loaded: loaded}
	for _, n := range e.fold.UncertainByAttempt {
		r.Uncertain += n
	}
	if a.Epoch != s.Epoch || r.Loaded+r.Uncertain == 0 {
		return
	}
	if r.RecordsTopic == "" { // nothing tells which
		r.Loaded, r.Uncertain = 0, r.Uncertain+r.Loaded
	}
	s.Reconciles = append(s.Reconciles, r)
	if more := len(s.Reconciles) - schemas.MaxInterrupted; more > 0 {
		for _, r := range s.Reconciles[:more] {
			s.Reconciles[more].Uncertain += r.Loaded + r.Uncertain
		}
		s.Reconciles = s.Reconciles[more:]
	}
}

// countRejects keeps count of the open rejects of the epoch. A full reading finds
// every row that is still rejected, but for those that countBeside has counted. An
// incremental run finds new rejects only, so the count is an upper bound until the next full
// reading.
//
// A superseded record counts as loaded, because a later record of the same
// identity has all of its keys.
func countRejects(s *schemas.State, mode string, f *schemas.Fold) {
	c := fold.Counts(f)
	s.Loaded += c.Loaded + f.Skipped[schemas.SkipSuperseded]
	if mode == schemas.ModeFull {
		s.OpenRejects = c.Rejected() + max(c.StillRejected-s.Dismissed, 0) + s.OpenBeside
		return
	}
	s.OpenRejects += c.Rejected()
}

// noteOlderVersions notes of a run of profiles beside the watermark that did not succeed what
// no later run makes good by itself: it sends the rows of a person in the order of the
// cursor, beginning with rows that CleverTap has got before, and may have ended between two.
func noteOlderVersions(e *entry, succeeds bool) {
	a := e.state.Active
	loaded := fold.Counts(e.fold).Loaded
	if succeeds || usesLedger(a.Mode) || loaded == 0 || a.Spec.Destination.Type == schemas.TypeEvent {
		return
	}
	fold.Note(e.fold, fmt.Sprintf("it ended before its last row: of up to %d people who have several rows CleverTap may hold an older one than before, until the same run is made again", loaded))
}

// countBeside takes in what a run beside the watermark has loaded and rejected: a backfill, a
// resend, a repair, a reconciliation. However it ends, no later run reads its rows again, so
// that its rejects stay open until a replay. A sync is not such a run: the next one reads its
// rows again and counts them, and a sample's size says nothing of how much that is.
func countBeside(e *entry) {
	s, a := e.state, e.state.Active
	if usesLedger(a.Mode) || a.Mode == schemas.ModeReplay || a.Mode == schemas.ModeSync || a.Epoch != s.Epoch {
		return
	}
	c := fold.Counts(e.fold)
	s.Loaded += c.Loaded + e.fold.Skipped[schemas.SkipSuperseded]
	s.OpenRejects += c.Rejected()
	s.OpenBeside += c.Rejected()
}
