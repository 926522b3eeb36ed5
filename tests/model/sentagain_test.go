package model

import (
	"slices"
	"time"

	"tapline.dev/schemas"
)

// loss is a time in which what the loader goes by was lost: the reports topic was made anew,
// or the loader's offsets were set.
type loss struct{ from, to time.Time }

// loses notes the time that lose takes as one after which records may be sent again.
func (w *world) loses(lose func()) {
	l := loss{from: time.Now()}
	lose()
	l.to = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losses = append(w.losses, l)
}

// lostBetween reports whether something was lost between two arrivals: then the loader may
// have begun again at records that it had sent before.
func (w *world) lostBetween(before, after time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.losses, func(l loss) bool { return before.Before(l.to) && l.from.Before(after) })
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
