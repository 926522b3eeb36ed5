package loader

import (
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
)

// dispatch looks at every active partition, then at every account, and says when to look
// again. It is the only place that cuts batches and takes slots.
func (l *loop) dispatch(now time.Time) (again time.Time) {
	l.withRecords = 0
	for p := range l.active {
		if p.lane.Pending() > 0 {
			l.withRecords++
		}
	}
	for _, d := range l.destinations {
		d.candidates = d.candidates[:0]
	}
	for p := range l.active {
		if l.plan(p, now); p.quiet() {
			delete(l.active, p)
		}
	}
	for _, d := range l.destinations {
		again = earliest(again, l.fill(l.destination(d.name, now), now))
		l.gauge(d, now)
	}
	l.announceReleased()
	return again
}

// fill uses the account's free slots.
func (l *loop) fill(d *destination, now time.Time) (again time.Time) {
	l.endStopped(d)
	l.probe(d, now)
	if _, _, open := d.account.Open(); open {
		l.announce(d, now)
		return d.account.NextProbe()
	}
	for d.conn != nil && d.account.Free(now) > 0 {
		u, later := d.takeDue(now, l.holds)
		if u == nil {
			var at time.Time
			u, at = l.cut(d, now)
			later = earliest(later, at)
		}
		if u == nil {
			return earliest(later, d.account.NextProbe())
		}
		l.launch(u, now)
	}
	return d.account.NextProbe() // else an answer or a lease is an event
}

// cut takes the next batch for the account: imports take turns, and within one
// the partition with the least under way comes first.
func (l *loop) cut(d *destination, now time.Time) (u *upload, again time.Time) {
	for len(d.candidates) > 0 {
		names := make([]string, len(d.candidates))
		for i, c := range d.candidates {
			names[i] = c.part.importName
		}
		name, _ := l.turns.First(names)
		best := -1
		for i, c := range d.candidates {
			if c.part.importName == name && (best < 0 || c.part.tasks < d.candidates[best].part.tasks) {
				best = i
			}
		}
		c := d.candidates[best]
		d.candidates = slices.Delete(d.candidates, best, best+1)
		batch, at := c.part.lane.Cut(now, l.limits(d, c))
		again = earliest(again, at)
		if batch == nil {
			continue
		}
		batch.ReportsFloor = l.journal.next(c.part.control)
		l.turns.Take(name, max(1, c.run.Spec.Priority))
		l.plan(c.part, now)
		return l.newUpload(d, c, batch, now), again
	}
	return nil, again
}

// holds reports whether a waiting upload must not be sent now.
func (l *loop) holds(u *upload, now time.Time) bool {
	h, held := l.heldBy(u.destination.name, u.subject)
	if held {
		l.announceHold(u.destination.name, u.subject, u.run, h, now)
	}
	return held
}

func (l *loop) limits(d *destination, c *candidate) lane.Limits {
	return lane.Limits{
		Records: d.spec.RecordsPerUpload,
		Bytes:   int64(d.spec.BytesPerUpload) - bodyOverhead,
		Linger:  l.linger(c), MayFollow: mayFollow(c),
	}
}

// linger is how long a batch of a run waits for more records. The loop looks again when
// the state says that the run has read its last row. A paused partition gets no further
// records until some are sent: with many partitions its share of the buffer may be smaller
// than an upload.
func (l *loop) linger(c *candidate) time.Duration {
	if c.run.State == schemas.StateExtracting && !c.part.paused {
		return max(l.cfg.Linger, l.cfg.ExtractingLinger)
	}
	return l.cfg.Linger
}

// mayFollow says which records of one identity may be in one upload. Of two of them the
// second must not overtake the first if that one alone is refused for a moment: profiles
// with operators go one by one, others if the second leaves nothing of the first, which
// is then not sent again. Each event is stored whatever comes before it.
func mayFollow(c *candidate) func(older, newer []byte) bool {
	switch {
	case isDry(c.run) || c.run.Spec.Destination.Type != schemas.TypeProfile:
		return nil
	case c.policy == delivery.Replace:
		return lane.Covers
	}
	return lane.Never
}

// bodyOverhead is what surrounds the records in a body.
const bodyOverhead = int64(len(`{"d":[]}`))

// endStopped settles waiting uploads whose run is to end.
func (l *loop) endStopped(d *destination) {
	d.waiting = slices.DeleteFunc(d.waiting, func(u *upload) bool {
		verdict, err := l.runs.Peek(u.subject, u.run.Number, u.run.Attempt)
		if err != nil || verdict.Skip == "" || u.part.draining {
			return false
		}
		u.delivery.End(delivery.Outcome{Skip: verdict.Skip})
		u.part.enter()
		l.start(func() { l.settle(u) })
		return true
	})
}

// gauge says how the account is: it is the state of the newest pass.
func (l *loop) gauge(d *destination, now time.Time) {
	share := d.account.Share()
	_, _, open := d.account.Open()
	state := accountState{
		limit: d.account.Limit(now), share: share.Slots(now), open: open, refused: d.account.CredentialsRefused(),
		waiting: map[string]time.Time{},
	}
	if d.account.Free(now) < 1 || open {
		for _, c := range d.candidates {
			state.waiting[schemas.ImportOf(c.subject)] = now
		}
		for _, u := range d.waiting {
			if !u.notBefore.After(now) || open {
				state.waiting[schemas.ImportOf(u.subject)] = now
			}
		}
	}
	if l.metrics.accounts.set(d.name, state) {
		l.metrics.bearAccount(l.work, d.name)
	}
}
