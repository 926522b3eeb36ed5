package loader

import (
	"errors"
	"slices"
	"time"

	"tapline.dev/domain/resources"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
)

// errFrozen says that the request was not written because a person has frozen the
// account or the import.
var errFrozen = errors.New("uploads are frozen")

// frozenBy is the freeze that keeps a subject's records from the account, if there
// is one. It is read from the log: it holds without Redis. Safe for concurrent use.
func (s *Service) frozenBy(accountName, subject string) (resources.Freeze, bool) {
	freezes := s.accounts.resources.Freezes()
	if len(freezes) == 0 {
		return resources.Freeze{}, false
	}
	metadata := s.imports.Metadata(schemas.ImportOf(subject))
	if i := slices.IndexFunc(freezes, func(f resources.Freeze) bool { return f.Holds(accountName, metadata) }); i >= 0 {
		return freezes[i], true
	}
	return resources.Freeze{}, false
}

// frozenRun is what was last reported about a run that a freeze holds.
type frozenRun struct {
	notice account.Notice
	at     time.Time
	seen   bool // in this pass
}

// announceFreeze reports that a run waits for a freeze to end, so that people see
// why and its deadline stands still.
func (l *loop) announceFreeze(accountName, subject string, run *schemas.ActiveRun, f resources.Freeze, now time.Time) {
	said := l.frozenRuns[run.Run]
	if said == nil {
		said = &frozenRun{}
		l.frozenRuns[run.Run] = said
	}
	said.seen = true
	reason := "frozen (" + f.Name + ") by " + f.By
	if f.Reason != "" {
		reason += ": " + f.Reason
	}
	if said.notice.Reason == reason && now.Sub(said.at) < schemas.WaitingRenewal {
		return
	}
	since := f.Since.UTC()
	if since.IsZero() {
		since = now.UTC()
	}
	said.at = now
	said.notice = account.Notice{
		Run:     account.Run{Import: schemas.ImportOf(subject), Run: run.Run, Number: run.Number, Attempt: run.Attempt, TraceID: run.TraceID},
		Waiting: schemas.Waiting{Account: accountName, Since: since, Reason: reason},
	}
	l.notices = append(l.notices, said.notice)
}

// announceUnfrozen reports the end of the wait of each run that no freeze held in
// this pass.
func (l *loop) announceUnfrozen() {
	for id, said := range l.frozenRuns {
		if said.seen {
			said.seen = false
			continue
		}
		said.notice.Over = true
		l.notices = append(l.notices, said.notice)
		delete(l.frozenRuns, id)
	}
}
