package loader

import (
	"context"
	"time"

	"tapline.dev/libs/kafka"
)

// revoked drains the partitions before they move.
func (m *member) revoked(ctx context.Context, tps []kafka.TP) { m.drain(ctx, tps) }

// lost drops partitions that have moved already: their requests in flight are
// left to end, their answers are still reported, but nothing is committed.
func (m *member) lost(_ context.Context, tps []kafka.TP) {
	m.postAndWait(func(l *loop, _ time.Time) {
		for _, tp := range tps {
			if p := l.partitions[tp]; p != nil {
				l.dropLost(p)
			}
		}
	})
}

// dropLost drops a partition, and reports the outcomes that its waiting uploads have.
func (l *loop) dropLost(p *partition) {
	waiting := l.takeWaiting([]*partition{p})
	if len(waiting) > 0 {
		p.enter()
		l.start(func() {
			if err := l.reportWaiting(l.writing, waiting); err != nil {
				l.fail(err)
			}
			l.post(func(*loop, time.Time) { p.leave() })
		})
	}
	l.dropPartition(p)
	if p.tasks > 0 {
		l.leaving[p.tp] = append(l.leaving[p.tp], p.idle)
	}
}

// drainAll drains every partition, at the end of the membership.
func (m *member) drainAll() {
	var tps []kafka.TP
	m.postAndWait(func(l *loop, _ time.Time) {
		l.draining = true
		for tp := range l.partitions {
			tps = append(tps, tp)
		}
	})
	m.drain(m.work, tps)
}

// drain stops cutting batches, waits for the tasks under way, reports the decided
// outcomes and commits. If a partition drains already, it waits for that drain to end:
// a member that is asked to give up a partition while it stops must not return with
// requests in flight.
//
// Invariant 6: a request that could not be finished in time has an intent and no
// receipt; the next owner treats its records as ambiguous.
func (m *member) drain(ctx context.Context, tps []kafka.TP) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.DrainTimeout)
	defer cancel()
	var mine, elsewhere []*partition
	var idle []<-chan struct{}
	m.postAndWait(func(l *loop, _ time.Time) {
		mine, elsewhere = l.beginDrain(tps)
		for _, p := range mine {
			idle = append(idle, p.idle)
		}
	})
	for _, over := range idle {
		await(ctx, over)
	}
	var waiting []*upload
	m.postAndWait(func(l *loop, _ time.Time) { waiting = l.takeWaiting(mine) })
	reported := make(chan struct{})
	m.tasks.Go(func() {
		defer close(reported)
		if err := m.reportWaiting(m.writing, waiting); err != nil {
			m.fail(err)
		}
	})
	await(ctx, reported)
	var changed []commitProgress
	m.postAndWait(func(l *loop, _ time.Time) { changed = l.prefixes(mine) })
	if len(changed) > 0 {
		m.commit(ctx, changed)
	}
	m.postAndWait(func(l *loop, _ time.Time) {
		for _, p := range mine {
			l.dropPartition(p)
			close(p.drained)
		}
	})
	for _, p := range elsewhere {
		await(ctx, p.drained)
	}
}

func await(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// beginDrain stops cutting batches of the partitions. mine are those whose drain
// begins with this call, elsewhere those that another call drains already.
func (l *loop) beginDrain(tps []kafka.TP) (mine, elsewhere []*partition) {
	for _, tp := range tps {
		p := l.partitions[tp]
		switch {
		case p == nil:
		case p.draining:
			elsewhere = append(elsewhere, p)
		default:
			p.drain()
			mine = append(mine, p)
		}
	}
	return mine, elsewhere
}

// takeWaiting removes and returns the uploads that wait for another request.
func (l *loop) takeWaiting(parts []*partition) (waiting []*upload) {
	for _, p := range parts {
		for _, d := range l.destinations {
			waiting = append(waiting, d.takeFrom(p)...)
		}
	}
	return waiting
}

// reportWaiting reports the outcomes that waiting uploads have so far. It withdraws the
// intents of their other records where it is certain that these were not applied.
func (m *member) reportWaiting(ctx context.Context, waiting []*upload) error {
	for _, u := range waiting {
		err := m.report(ctx, u)
		if err == nil && u.delivery.Tries > 0 && u.delivery.NothingApplied() {
			// apply withdraws nothing if the next request is to follow at once, as after
			// a split. The drain has prevented that request.
			err = m.withdraw(ctx, u)
		}
		if err != nil {
			return err
		}
		u.span.End()
	}
	return nil
}

// dropPartition drops a partition that somebody else may own by now.
func (l *loop) dropPartition(p *partition) {
	if !p.draining {
		p.drain()
	}
	p.ownership.lost.Store(true)
	delete(l.active, p)
	for _, u := range l.takeWaiting([]*partition{p}) {
		u.span.End()
	}
	if l.partitions[p.tp] == p { // not if it was assigned again meanwhile, as another one
		delete(l.partitions, p.tp)
	}
}
