package loader

import (
	"context"
	"time"

	"tapline.dev/schemas"
)

// renotice is how often a pause is reported again: another replica may have
// reported its end.
const renotice = 30 * time.Second

// announcement is what was last said of a run's pause.
type announcement struct {
	run    *schemas.ActiveRun
	owner  string // import
	reason string
	at     time.Time
}

// notice is a waiting report to be written.
type notice struct {
	importName string
	run        *schemas.ActiveRun
	waiting    schemas.Waiting
}

// announce reports the account's pause for every run that waits for it. The
// caller holds mu.
func (m *member) announce(a *account, now time.Time) {
	for _, c := range a.candidates {
		m.announceFor(a, schemas.ImportOf(c.subject), c.run, now)
	}
	for _, u := range a.waiting {
		m.announceFor(a, schemas.ImportOf(u.subject), u.run, now)
	}
}

func (m *member) announceFor(a *account, importName string, run *schemas.ActiveRun, now time.Time) {
	since, reason, _ := a.circuit.Open()
	said := a.announced[run.Run]
	if said != nil && said.reason == reason && now.Sub(said.at) < renotice {
		return
	}
	a.announced[run.Run] = &announcement{run: run, owner: importName, reason: reason, at: now}
	m.notices = append(m.notices, notice{importName, run, schemas.Waiting{Account: a.name, Since: since.UTC(), Reason: reason}})
	poke(m.notify)
}

// inherit takes over a pause that an earlier owner reported and did not end.
// The caller holds mu.
func (m *member) inherit(report *schemas.Report, now time.Time) {
	a := m.account(report.Waiting.Account, now)
	if a.announced[report.Run] == nil {
		run := &schemas.ActiveRun{Run: report.Run, Number: report.Number, Attempt: report.Attempt, TraceID: report.TraceID}
		a.announced[report.Run] = &announcement{run: run, owner: report.Import, reason: report.Waiting.Reason, at: now}
	}
}

// announceOver reports the end of the pause. The caller holds mu.
func (m *member) announceOver(a *account) {
	if len(a.announced) == 0 {
		return
	}
	for name, said := range a.announced {
		m.notices = append(m.notices, notice{said.owner, said.run, schemas.Waiting{
			Account: a.name, Since: time.Now().UTC(), Reason: said.reason, Over: true,
		}})
		delete(a.announced, name)
	}
	poke(m.notify)
}

// notifying writes notices in their order.
func (m *member) notifying(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.notify:
		}
		m.mu.Lock()
		notices := m.notices
		m.notices = nil
		m.mu.Unlock()
		for _, n := range notices {
			err := m.produce(ctx, schemas.Report{
				Kind: schemas.ReportWaiting, Import: n.importName, Run: n.run.Run, Number: n.run.Number, Attempt: n.run.Attempt,
				Time: time.Now().UTC(), TraceID: n.run.TraceID, Waiting: &n.waiting,
			})
			if err != nil && ctx.Err() == nil {
				m.fail(err)
				return nil
			}
		}
	}
}
