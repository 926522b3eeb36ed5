package loader

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

const (
	// tick is how often dispatch looks without being asked: a run that is to end
	// and a definition that changed are seen then.
	tick = 250 * time.Millisecond
	// unsentRecords bounds a batch that is reported and not sent.
	unsentRecords = 1000
)

// dispatch decides what happens next, whenever something changed. It is the
// only place that cuts batches and takes slots.
func (m *member) dispatch(ctx context.Context) error {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
		case <-timer.C:
		}
		now := time.Now()
		timer.Reset(max(time.Millisecond, min(tick, m.pass(now).Sub(now))))
	}
}

// pass looks at every partition, then at every account, and says when to look
// again.
func (m *member) pass(now time.Time) (again time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	again = now.Add(tick)
	if m.draining {
		return again
	}
	for _, a := range m.accounts {
		a.candidates = a.candidates[:0]
	}
	m.filled = 0
	for _, p := range m.parts {
		if p.lane.Pending() > 0 {
			m.filled++
		}
	}
	for _, p := range m.parts {
		m.plan(p, now)
	}
	for _, a := range m.accounts {
		if at := m.fill(m.account(a.name, now), now); !at.IsZero() && at.Before(again) {
			again = at
		}
		m.gauge(a, now)
	}
	return again
}

// plan settles what a partition's head holds that is not to be sent, and makes
// the partition a candidate of its account if there is more. The caller holds
// mu.
//
// Invariant 3: whatever the head is, it ends in exactly one counted outcome.
func (m *member) plan(p *part, now time.Time) {
	m.refill(p)
	for !p.draining && !p.asking && !now.Before(p.blocked) {
		item, fate, ok := p.lane.Head()
		if !ok {
			return
		}
		if fate == recovery.Done {
			m.finish(p, m.cutUnsent(p, now))
			continue
		}
		key := m.keyOf(p, &item)
		if !item.KnownID {
			m.settleUnsent(p, m.cutUnsent(p, now), nil, unknownRun)
			continue
		}
		verdict, err := m.runs.Peek(key.subject, key.number, key.attempt)
		switch {
		case err != nil:
			m.deps.Telemetry.Logger.ErrorContext(m.work, "an import's state is unreadable, its records wait", "import", schemas.ImportOf(key.subject), "error", err)
			p.blocked = now.Add(m.cfg.BackoffMax)
		case verdict.Unknown && key != p.unknown:
			m.ask(p, key)
		case verdict.Unknown:
			p.unknown = runKey{}
			outcome := unknownRun
			if schemas.IsTrial(key.subject) {
				outcome = delivery.Outcome{Skip: schemas.SkipClosed} // its state is forgotten once it is over
			}
			m.settleUnsent(p, m.cutUnsent(p, now), nil, outcome)
		case verdict.Skip != "":
			m.settleUnsent(p, m.cutUnsent(p, now), nil, delivery.Outcome{Skip: verdict.Skip})
		case fate == recovery.Ambiguous && policyOf(verdict.Run) == delivery.Hold:
			m.settleUnsent(p, m.cutUnsent(p, now), verdict.Run, delivery.Held)
		default:
			a := m.account(verdict.Run.Spec.Destination.AccountRef, now)
			a.candidates = append(a.candidates, &candidate{part: p, subject: key.subject, run: verdict.Run, policy: policyOf(verdict.Run), fate: fate})
			return
		}
	}
}

// unknownRun is the outcome of a record of no run: counted to none.
var unknownRun = delivery.Outcome{Code: delivery.CodeUnknownRun, Reason: "no run with this number and attempt was ever started"}

// ask reads the state topic to its end before a run is called unknown. The
// caller holds mu.
func (m *member) ask(p *part, key runKey) {
	p.asking = true
	m.tasks.Go(func() {
		verdict, err := m.runs.Lookup(m.work, key.subject, key.number, key.attempt)
		m.mu.Lock()
		defer m.mu.Unlock()
		p.asking = false
		switch {
		case err != nil:
			m.deps.Telemetry.Logger.WarnContext(m.work, "a run could not be looked up", "import", schemas.ImportOf(key.subject), "error", err)
			p.blocked = time.Now().Add(m.cfg.BackoffMin)
		case verdict.Unknown, verdict.Skip != "" && schemas.IsTrial(key.subject):
			p.unknown = key
		}
		poke(m.wake)
	})
}

func (m *member) cutUnsent(p *part, now time.Time) *lane.Batch {
	b := p.lane.CutUnsent(now, unsentRecords)
	b.Floor = m.written[p.control]
	return b
}

// fill uses the account's free slots. The caller holds mu.
func (m *member) fill(a *account, now time.Time) (again time.Time) {
	m.endStopped(a)
	if _, _, open := a.circuit.Open(); open {
		m.announce(a, now)
		return m.probe(a, now)
	}
	for a.free(now) > 0 {
		u, later := a.due(now)
		if u == nil {
			var at time.Time
			u, at = m.cut(a, now)
			later = earliest(later, at)
		}
		if u == nil {
			return later
		}
		m.launch(u, now)
	}
	m.wantLease(a, now)
	return again
}

// probe sends one request while the circuit is open, when it is time.
func (m *member) probe(a *account, now time.Time) (again time.Time) {
	m.wantLease(a, now)
	if a.client == nil || a.free(now) < 1 || !a.circuit.Probe(now) {
		return a.circuit.Next()
	}
	u, _ := a.due(now)
	if u == nil {
		u, _ = m.cut(a, now)
	}
	if u == nil {
		a.circuit.Dropped(now)
		return a.circuit.Next()
	}
	u.probe = true
	if !m.launch(u, now) {
		a.circuit.Dropped(now)
	}
	return time.Time{}
}

// wantLease hurries the first lease of an account that has work.
func (m *member) wantLease(a *account, now time.Time) {
	if m.leases != nil && a.busy() && !a.holds && a.client != nil && !a.share.Missing() && now.Sub(a.asked) > m.cfg.Linger {
		poke(m.lease)
	}
}

// cut takes the next batch for the account: imports take turns, and within one
// the partition with the least under way comes first.
func (m *member) cut(a *account, now time.Time) (u *upload, again time.Time) {
	for len(a.candidates) > 0 {
		names := make([]string, len(a.candidates))
		for i, c := range a.candidates {
			names[i] = c.part.importName
		}
		name, _ := m.turns.First(names)
		best := -1
		for i, c := range a.candidates {
			if c.part.importName == name && (best < 0 || c.part.active < a.candidates[best].part.active) {
				best = i
			}
		}
		c := a.candidates[best]
		a.candidates = slices.Delete(a.candidates, best, best+1)
		batch, at := c.part.lane.Cut(now, m.limits(a, c))
		again = earliest(again, at)
		if batch == nil {
			continue
		}
		batch.Floor = m.written[c.part.control]
		m.turns.Take(name, weight(&c.run.Spec))
		m.plan(c.part, now)
		return m.newUpload(a, c, batch, now), again
	}
	return nil, again
}

func (m *member) limits(a *account, c *candidate) lane.Limits {
	limits := lane.Limits{
		Records: a.spec.RecordsPerUpload,
		Bytes:   int64(a.spec.BytesPerUpload) - bodyOverhead,
		Linger:  m.cfg.Linger,
		// Of two records of one identity the second must not overtake the first
		// when that one is retried alone.
		OncePerIdentity: c.policy != delivery.Replace && !isDry(c.run) && c.run.Spec.Destination.Type == schemas.TypeProfile,
	}
	if _, _, open := a.circuit.Open(); open && c.policy == delivery.Hold {
		limits.Records = 1 // what a probe leaves ambiguous is rejected
	}
	return limits
}

// bodyOverhead is what surrounds the records in a body.
const bodyOverhead = int64(len(`{"d":[]}`))

// endStopped settles waiting uploads whose run is to end. The caller holds mu.
func (m *member) endStopped(a *account) {
	a.waiting = slices.DeleteFunc(a.waiting, func(u *upload) bool {
		verdict, err := m.runs.Peek(u.subject, u.run.Number, u.run.Attempt)
		if err != nil || verdict.Skip == "" || u.part.draining {
			return false
		}
		u.delivery.End(delivery.Outcome{Skip: verdict.Skip})
		u.part.active++
		m.tasks.Go(func() { m.settle(u) })
		return true
	})
}

func (m *member) gauge(a *account, now time.Time) {
	m.metrics.limit.Record(m.work, int64(a.limiter.Limit(now)), ofAccount(a.name))
	m.metrics.slots.Record(m.work, int64(a.share.Slots(now)), ofAccount(a.name))
	_, _, open := a.circuit.Open()
	value := int64(0)
	if open {
		value = 1
	}
	m.metrics.circuit.Record(m.work, value, ofAccount(a.name))
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func (m *member) log() *slog.Logger { return m.deps.Telemetry.Logger }
