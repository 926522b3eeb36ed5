package model

import (
	"slices"
	"time"

	"tapline.dev/schemas"
)

// loseReports makes the reports topic anew.
func (w *world) loseReports() {
	w.mu.Lock()
	w.losses = append(w.losses, time.Now())
	w.mu.Unlock()
	w.remake(w.topics.Reports())
}

// lostBefore reports whether reports were lost before an instant: then the loader may have
// begun again at events that it had sent before. It
// does so at each restart until an offset of the import is committed, perhaps runs later.
func (w *world) lostBefore(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.losses, t.After)
}

// auditEndOfRuns checks, where records may have been sent again, that no run that succeeded
// ended with an older version of a profile than it had sent before, unless the newer one was
// rejected when it was sent again.
func (s *scenario) auditEndOfRuns(identity string, list []arrival, rejected map[string]bool) {
	newest := 0
	for i, a := range list {
		if i > 0 && list[i-1].run != a.run {
			newest = 0
		}
		newest = max(newest, a.last)
		ended := i == len(list)-1 || list[i+1].run != a.run
		if !ended || a.unsure || a.run < 1 || a.run > len(s.runs) || s.runs[a.run-1].State != schemas.StateSucceeded {
			continue
		}
		if a.last < newest && !rejected[row{key: identity, version: newest}.content()] {
			s.violation("%s: %s succeeded and ended with version %d (%s), although it had sent version %d", identity, s.runs[a.run-1].Run, a.last, a.how, newest)
			return
		}
	}
}

// lossOutlasted is how many runs may end at their deadline after the last loss.
const lossOutlasted = 4

// outlast runs the import until a run succeeds. Rows that offsets have passed over end a run
// at its deadline, perhaps in the run after that in which the offsets were set. After that the
// deadline is longer than a busy machine may take.
func (s *scenario) outlast() bool {
	for i := range lossOutlasted {
		// On a busy machine an undisturbed run, too, may be without progress for long.
		s.apply(func(spec *schemas.ImportSpec) { spec.Limits.Deadline = schemas.Duration(shortDeadline << i) })
		if s.w.broken() || !s.close(s.start(schemas.Command{Kind: schemas.CommandRun})) {
			return false
		}
		if succeeded(s.runs[len(s.runs)-1]) {
			s.apply(func(spec *schemas.ImportSpec) { spec.Limits.Deadline = schemas.Duration(time.Hour) })
			return true
		}
	}
	s.violation("none of %d runs succeeds although nothing disturbs them any more", lossOutlasted)
	return false
}

// leftByReplay reports whether the last version of a profile may be an older one, because a
// replay without success ended between two versions, and the rejects that the next replay
// would have taken again were lost with their topic.
func (s *scenario) leftByReplay(identity string, list []arrival) bool {
	if len(list) == 0 {
		return false
	}
	run := list[len(list)-1].run
	if run < 1 || run > len(s.runs) || s.runs[run-1].Mode != schemas.ModeReplay || succeeded(s.runs[run-1]) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rows, func(r row) bool { return r.key == identity && s.rejectsGone[r.content()] })
}
