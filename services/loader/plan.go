package loader

import (
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

// unsentRecords bounds a batch that is reported and not sent.
const unsentRecords = 1000

// unknownRun is the outcome of a record whose run does not exist. No run counts it.
var unknownRun = delivery.Outcome{Code: delivery.CodeUnknownRun, Reason: "no run with this number and attempt was ever started"}

// plan settles the records at a partition's head that are not to be sent. If the head
// is to be sent, it makes the partition a candidate of its account.
//
// Invariant 3: every record at the head ends in exactly one counted outcome.
func (l *loop) plan(p *partition, now time.Time) {
	l.refill(p)
	if some, _ := p.lane.FreeDue(now); some {
		l.commits.urgent = true
	}
	for !p.draining && !p.lookingUpRun && !now.Before(p.blockedUntil) {
		item, state, ok := p.lane.Head()
		if !ok {
			return
		}
		if state == recovery.Done {
			b := l.cutUnsent(p, now)
			l.release(p, b, b.OpenUntil, now)
			continue
		}
		key := l.keyOf(p, &item)
		if !item.KnownID {
			l.settleUnsent(p, now, nil, unknownRun)
			continue
		}
		verdict, err := l.runs.Peek(key.subject, key.number, key.attempt)
		switch {
		case err != nil:
			l.log().ErrorContext(l.work, "an import's state is unreadable, its records wait", slog.String("import", schemas.ImportOf(key.subject)), slog.Any("error", err))
			p.blockedUntil = now.Add(l.cfg.BackoffMax)
		case verdict.Unknown && key != p.unknownRun:
			l.lookUpRun(p, key)
		case verdict.Unknown:
			p.unknownRun = runKey{}
			outcome := unknownRun
			if schemas.IsTrial(key.subject) {
				outcome = delivery.Outcome{Skip: schemas.SkipClosed} // its state is forgotten once it is over
			}
			l.settleUnsent(p, now, nil, outcome)
		case verdict.Skip != "":
			l.settleUnsent(p, now, nil, delivery.Outcome{Skip: verdict.Skip})
		case p.untold == key.number && p.lane.HeadUntold():
			// Invariant 4: sent now, it could overtake a newer version. Invariant 3: a run
			// with records that were skipped so does not succeed, and the next one reads
			// their rows again.
			l.settleUnsent(p, now, verdict.Run, delivery.Outcome{Skip: schemas.SkipStopped})
		case state == recovery.Ambiguous && policyOf(verdict.Run) == delivery.Hold:
			l.settleUnsent(p, now, verdict.Run, delivery.Held)
		case policyOf(verdict.Run) == delivery.Resend && p.lane.HeadTimes() > delivery.MaxResends:
			l.settleUnsent(p, now, verdict.Run, delivery.SentTooOften)
		default:
			accountName := verdict.Run.Spec.Destination.AccountRef
			if h, held := l.heldBy(accountName, key.subject); held {
				l.announceHold(accountName, key.subject, verdict.Run, h, now)
				return
			}
			d := l.destination(accountName, now)
			if !l.mayGoTo(verdict.Run, d, now) {
				p.blockedUntil = now.Add(placeRecheck)
				return
			}
			d.candidates = append(d.candidates, &candidate{part: p, subject: key.subject, run: verdict.Run, policy: policyOf(verdict.Run), state: state})
			return
		}
	}
}

// keyOf is the run and attempt that an item's record belongs to.
func (l *loop) keyOf(p *partition, item *lane.Item) runKey {
	return runKey{l.topics.SubjectOf(p.tp.Topic, item.Record.Key), item.ID.Number, item.ID.Attempt}
}

// lookUpRun reads the state topic to its end before a run is called unknown.
func (l *loop) lookUpRun(p *partition, key runKey) {
	p.lookingUpRun = true
	l.start(func() {
		verdict, err := l.runs.Lookup(l.work, key.subject, key.number, key.attempt)
		l.post(func(l *loop, now time.Time) {
			p.lookingUpRun = false
			switch {
			case err != nil:
				l.log().WarnContext(l.work, "a run could not be looked up", slog.String("import", schemas.ImportOf(key.subject)), slog.Any("error", err))
				p.blockedUntil = now.Add(l.cfg.BackoffMin)
			case verdict.Unknown, verdict.Skip != "" && schemas.IsTrial(key.subject):
				p.unknownRun = key
			}
		})
	})
}

// settleUnsent gives the records at a partition's head one outcome without
// sending them.
func (l *loop) settleUnsent(p *partition, now time.Time, run *schemas.ActiveRun, outcome delivery.Outcome) {
	u := l.unsent(p, l.cutUnsent(p, now), run, outcome)
	p.enter()
	l.start(func() { l.settle(u) })
}

func (l *loop) cutUnsent(p *partition, now time.Time) *lane.Batch {
	b := p.lane.CutUnsent(now, unsentRecords)
	b.ReportsFloor = l.journal.next(p.control)
	return b
}
