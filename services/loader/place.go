package loader

import (
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// places notes for which runs it has been reported what their account resolves to, the
// place. The loop owns it.
type places struct {
	changed <-chan struct{} // a state has changed since the starting runs were looked at
	again   time.Time
	reading bool
	told    map[string]telling // by run
}

// telling is what was last reported for a run.
type telling struct {
	place string
	at    time.Time
}

// wake returns a channel that is closed when a state has changed, since a run may then
// be starting. It returns nil while the accounts are being read for an earlier change.
func (p *places) wake() <-chan struct{} {
	if p.reading {
		return nil
	}
	return p.changed
}

// heldPlace is how long a partition waits before it looks again at records of a run
// whose place is another than the one its account resolves to now. If the run ends, the
// loop notices that earlier.
const heldPlace = time.Second

// tellStarting reports what the accounts of starting runs resolve to: the
// scheduler compares that with what the epoch was sent to before it triggers
// anything. It says when to look again.
func (l *loop) tellStarting(now time.Time) (again time.Time) {
	if l.places.reading {
		return time.Time{} // its end is an event
	}
	select {
	case <-l.places.changed:
	default:
		if now.Before(l.places.again) {
			return l.places.again
		}
	}
	l.places.changed, l.places.again = l.runs.Changed(), now.Add(schemas.WaitingRenewal)
	starting := l.runs.Starting()
	for run := range l.places.told {
		if importName, _, err := schemas.ParseRunID(run); err != nil || !l.runs.Active(importName, run) {
			delete(l.places.told, run)
		}
	}
	if len(starting) == 0 {
		return l.places.again
	}
	// The accounts lie in another topic than the state, so that topic is read to its
	// end: an account that was applied just before the run was requested must be seen.
	l.places.reading = true
	l.start(func() {
		err := l.accounts.resources.ReadToEnd(l.work)
		if err != nil && l.work.Err() == nil {
			l.log().WarnContext(l.work, "reading accounts before a run starts", slog.Any("error", err))
		}
		l.post(func(l *loop, now time.Time) {
			l.places.reading = false
			if err != nil {
				return
			}
			for _, run := range starting {
				l.tellStart(run, now)
			}
		})
	})
	return l.places.again
}

// tellStart reports the account of a starting run, once it is resolved.
func (l *loop) tellStart(run schemas.ActiveRun, now time.Time) {
	d := l.destination(run.Spec.Destination.AccountRef, now)
	if d.conn == nil || d.resolving {
		l.places.again = now.Add(tick)
		return
	}
	l.tell(&run, l.placeOf(&run, d), now)
}

// atItsPlace says whether a run's records may go to the account as it is resolved
// now. Those of a run that is of another account or region wait until the
// scheduler has ended it.
func (l *loop) atItsPlace(run *schemas.ActiveRun, d *destination, now time.Time) bool {
	if run == nil || run.Place == nil || d.conn == nil {
		return true
	}
	place := l.placeOf(run, d)
	if run.Place.Target == place {
		return true
	}
	l.tell(run, place, now)
	return run.Place.Target == ""
}

func (l *loop) placeOf(run *schemas.ActiveRun, d *destination) string {
	return runs.TargetPlace(l.cfg.Kafka.Prefix, schemas.ImportOf(run.Run), d.conn.uses.AccountID, d.conn.uses.Endpoint)
}

// tell reports a place for a run, at most once in a while.
func (l *loop) tell(run *schemas.ActiveRun, place string, now time.Time) {
	if told := l.places.told[run.Run]; told.place == place && now.Sub(told.at) < schemas.WaitingRenewal {
		return
	}
	l.places.told[run.Run] = telling{place, now}
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
