package loader

import (
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
)

// hold is why a run's records wait although CleverTap would take them.
type hold struct {
	reason string
	since  time.Time // zero: since it was first noticed
}

// heldBy is what keeps a subject's records from the account, if anything does: a
// freeze, or a suppression list that cannot be compared with them. Both are read from
// the log, and so hold without Redis. Safe for concurrent use.
func (s *Service) heldBy(accountName, subject string) (hold, bool) {
	if err := s.suppressed.Comparable(accountName); err != nil {
		return hold{reason: "the suppression list cannot be compared: " + err.Error()}, true
	}
	f, frozen := s.frozenBy(accountName, subject)
	if !frozen {
		return hold{}, false
	}
	reason := "frozen (" + f.Name + ") by " + f.By
	if f.Reason != "" {
		reason += ": " + f.Reason
	}
	return hold{reason: reason, since: f.Since}, true
}

// heldRun is what was last reported about a run that is held.
type heldRun struct {
	notice account.Notice
	at     time.Time
	seen   bool // in this pass
}

// announceHold reports that a run waits, so that people see why and its deadline
// stands still.
func (l *loop) announceHold(accountName, subject string, run *schemas.ActiveRun, h hold, now time.Time) {
	said := l.heldRuns[run.Run]
	if said == nil {
		said = &heldRun{}
		l.heldRuns[run.Run] = said
	}
	said.seen = true
	before := said.notice.Waiting
	if before.Reason == h.reason && now.Sub(said.at) < schemas.WaitingRenewal {
		return
	}
	since := h.since.UTC()
	switch {
	case h.since.IsZero() && before.Reason == h.reason:
		since = before.Since
	case h.since.IsZero():
		since = now.UTC()
	}
	said.at = now
	said.notice = account.Notice{
		Run:     account.Run{Import: schemas.ImportOf(subject), Run: run.Run, Number: run.Number, Attempt: run.Attempt, TraceID: run.TraceID},
		Waiting: schemas.Waiting{Account: accountName, Since: since, Reason: h.reason},
	}
	l.notices = append(l.notices, said.notice)
}

// announceReleased reports the end of the wait of each run that nothing held in this
// pass.
func (l *loop) announceReleased() {
	for id, said := range l.heldRuns {
		if said.seen {
			said.seen = false
			continue
		}
		said.notice.Over = true
		l.notices = append(l.notices, said.notice)
		delete(l.heldRuns, id)
	}
}
