package loader

import (
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// placeReports notes the runs for which the loader has reported what their account
// resolves to, the place. The loop owns it.
type placeReports struct {
	stateChanged    <-chan struct{} // closed when a state has changed since the starting runs were read
	nextLook        time.Time
	readingAccounts bool
	reported        map[string]reportedPlace // by run
}

// reportedPlace is what was last reported for a run.
type reportedPlace struct {
	place string
	at    time.Time
}

// wake returns a channel that is closed when a state has changed, since a run may then
// be starting. It returns nil while the accounts are being read for an earlier change.
func (p *placeReports) wake() <-chan struct{} {
	if p.readingAccounts {
		return nil
	}
	return p.stateChanged
}

// placeRecheck is how long a partition waits before it looks again at records of a run
// whose place differs from the one that its account resolves to now. If the run ends, the
// loop notices that earlier.
const placeRecheck = time.Second

// reportStartingPlaces reports what the accounts of starting runs resolve to: the
// scheduler compares that with what the epoch was sent to before it triggers
// anything. It says when to look again.
func (l *loop) reportStartingPlaces(now time.Time) (again time.Time) {
	if l.places.readingAccounts {
		return time.Time{} // its end is an event
	}
	select {
	case <-l.places.stateChanged:
	default:
		if now.Before(l.places.nextLook) {
			return l.places.nextLook
		}
	}
	l.places.stateChanged, l.places.nextLook = l.runs.Changed(), now.Add(schemas.WaitingRenewal)
	starting := l.runs.Starting()
	for run := range l.places.reported {
		if importName, _, err := schemas.ParseRunID(run); err != nil || !l.runs.Active(importName, run) {
			delete(l.places.reported, run)
		}
	}
	if len(starting) == 0 {
		return l.places.nextLook
	}
	// The accounts lie in another topic than the state, so that topic is read to its
	// end: an account that was applied just before the run was requested must be seen.
	l.places.readingAccounts = true
	l.start(func() {
		err := l.accounts.resources.ReadToEnd(l.work)
		if err != nil && l.work.Err() == nil {
			l.log().WarnContext(l.work, "reading accounts before a run starts", slog.Any("error", err))
		}
		l.post(func(l *loop, now time.Time) {
			l.places.readingAccounts = false
			if err != nil {
				return
			}
			for _, run := range starting {
				l.reportStartingPlace(run, now)
			}
		})
	})
	return l.places.nextLook
}

// reportStartingPlace reports the account of a starting run, once it is resolved.
func (l *loop) reportStartingPlace(run schemas.ActiveRun, now time.Time) {
	d := l.destination(run.Spec.Destination.AccountRef, now)
	if d.conn == nil || d.resolving {
		l.places.nextLook = now.Add(tick)
		return
	}
	l.reportPlace(&run, l.placeOf(&run, d), now)
}

// mayGoTo reports whether a run's records may go to the account as it is resolved now. The
// records of a run that began with another account or region wait until the scheduler has
// ended the run.
func (l *loop) mayGoTo(run *schemas.ActiveRun, d *destination, now time.Time) bool {
	if run == nil || run.Place == nil || d.conn == nil {
		return true
	}
	place := l.placeOf(run, d)
	if run.Place.Target == place {
		return true
	}
	l.reportPlace(run, place, now)
	return run.Place.Target == ""
}

func (l *loop) placeOf(run *schemas.ActiveRun, d *destination) string {
	return runs.TargetPlace(l.cfg.Kafka.Prefix, schemas.ImportOf(run.Run), d.conn.uses.AccountID, d.conn.uses.Endpoint)
}

// reportPlace reports a run's place, unless the same was reported a short time ago.
func (l *loop) reportPlace(run *schemas.ActiveRun, place string, now time.Time) {
	if told := l.places.reported[run.Run]; told.place == place && now.Sub(told.at) < schemas.WaitingRenewal {
		return
	}
	l.places.reported[run.Run] = reportedPlace{place, now}
	report := schemas.Report{
		Kind: schemas.ReportResolved, Import: schemas.ImportOf(run.Run), Run: run.Run, Number: run.Number, Attempt: run.Attempt,
		Time: now.UTC(), TraceID: run.TraceID, Resolved: &schemas.Resolved{Stage: schemas.StageLoad, Place: place},
	}
	l.start(func() {
		if err := l.journal.report(l.work, report); err != nil && l.work.Err() == nil {
			l.fail(err)
		}
	})
}
