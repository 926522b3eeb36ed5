package account

import (
	"time"

	"tapline.dev/schemas"
)

// repeatPause is how often a pause is reported again: for the scheduler a report expires
// after a while, and another replica may have reported the end of the pause.
const repeatPause = schemas.WaitingRenewal

// Run is a run for which a pause is reported.
type Run struct {
	Import  string
	Run     string
	Number  int
	Attempt int
	TraceID string
}

// pause is what was last reported about a run's wait for the account.
type pause struct {
	run    Run
	reason string
	at     time.Time
}

// Notice is a report to be written: a run waits for the account, or no longer.
type Notice struct {
	Run
	schemas.Waiting
}

// AnnouncePause returns the report that a run waits, unless the same was reported less
// than repeatPause ago.
func (a *Account) AnnouncePause(name string, run Run, now time.Time) (Notice, bool) {
	since, reason, open := a.circuit.Open()
	if !open {
		return Notice{}, false
	}
	if said := a.pauses[run.Run]; said != nil && said.reason == reason && now.Sub(said.at) < repeatPause {
		return Notice{}, false
	}
	a.pauses[run.Run] = &pause{run: run, reason: reason, at: now}
	return Notice{run, schemas.Waiting{Account: name, Since: since.UTC(), Reason: reason, Code: codeOf(reason)}}, true
}

// InheritPause takes over a pause that an earlier owner reported and did not end. The
// account is then probed even if no upload waits for it: the records that waited may
// be gone, and still the end of the pause has to be reported.
func (a *Account) InheritPause(run Run, reason string, now time.Time) {
	a.probeRequested = true
	if a.pauses[run.Run] == nil {
		a.pauses[run.Run] = &pause{run: run, reason: reason, at: now}
	}
}

// EndPauses returns the reports that end every pause.
func (a *Account) EndPauses(name string, now time.Time) []Notice {
	var out []Notice
	for key, said := range a.pauses {
		out = append(out, Notice{said.run, schemas.Waiting{Account: name, Since: now.UTC(), Reason: said.reason, Over: true}})
		delete(a.pauses, key)
	}
	return out
}
