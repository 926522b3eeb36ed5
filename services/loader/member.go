package loader

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// member is one membership of the consumer group: its connections and its loop.
// Everything that waits for Kafka, CleverTap or Redis is a task, which tells the
// loop what became of it by posting an event.
type member struct {
	*Service
	seed    maphash.Seed
	journal *journal
	reader  *kafka.Reader
	group   *kafka.Group
	leases  *redis.Leases // nil without Redis

	// work is the context of tasks: it outlives Run's for the drain, and ends with
	// the membership.
	work   context.Context //nolint:containedctx // of the membership and not of a call
	cancel context.CancelCauseFunc
	// writing is the context of receipts, rejects and withdrawals. If the membership
	// ends and the service goes on, it outlives work: CleverTap's answers are kept
	// until Kafka is back, so that their records are not sent again.
	writing    context.Context //nolint:containedctx // as work
	endWriting context.CancelFunc
	tasks      sync.WaitGroup

	events chan event
	ended  chan struct{} // closed when the loop takes no more events
}

// event is a function that the loop runs because something has happened.
type event func(l *loop, now time.Time)

// newMember returns a member that is connected to nothing.
func (s *Service) newMember(ctx context.Context) *member {
	m := &member{
		Service: s, seed: maphash.MakeSeed(), journal: newJournal(s.topics),
		events: make(chan event, 64), ended: make(chan struct{}),
	}
	m.work, m.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	m.writing, m.endWriting = context.WithCancel(context.WithoutCancel(ctx))
	return m
}

// serve joins the group and loads until ctx ends or something breaks.
func (s *Service) serve(ctx context.Context) (err error) {
	// Before the first partition comes: a list that is not read suppresses nobody.
	if err := s.suppressed.ReadToEnd(ctx); err != nil {
		return err
	}
	s.settle(ctx)
	m := s.newMember(ctx)
	defer m.endWriting()
	defer m.cancel(context.Canceled)
	if m.journal.producer, err = kafka.OpenProducer(s.cfg.Kafka, s.kafka); err != nil {
		return err
	}
	if m.reader, err = kafka.OpenReader(s.cfg.Kafka, s.kafka); err != nil {
		m.journal.producer.Close()
		return err
	}
	defer m.reader.Close()
	if s.redis != nil {
		m.leases = redis.NewLeases(s.redis)
	}
	m.group, err = kafka.OpenGroup(s.cfg.Kafka, s.kafka, kafka.GroupConfig{
		Group: Group, Assigned: m.assigned, Revoked: m.revoked, Lost: m.lost,
	})
	if err != nil {
		m.journal.producer.Close()
		return err
	}
	s.presence.Hold(m.group.Contact)
	defer s.presence.End()
	defer s.lag.Join(m.group)()
	defer s.metrics.accounts.forget()
	return m.run(ctx)
}

// settleTimeout bounds settle: a partition of a control topic may be offline, or an open
// transaction may hide what is in it.
const settleTimeout = 5 * time.Second

// settle reads the definitions before the first record comes, as far as that takes no
// longer than settleTimeout: records of an account that is not known yet would make it
// pause, and probe, an account that works.
func (s *Service) settle(ctx context.Context) {
	var reading sync.WaitGroup
	reading.Go(func() { s.imports.Settle(ctx) })
	reading.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, settleTimeout)
		defer cancel()
		_ = s.accounts.resources.ReadToEnd(ctx) // what comes later is followed
	})
	reading.Wait()
}

// run starts the loop, and ends what it began in the order of a drain: no more
// records, no more batches, the requests in flight, their reports, the offsets.
func (m *member) run(ctx context.Context) error {
	l := newLoop(m)
	go l.run()
	stop := m.imports.Follow(m.group.AddTopics)
	defer stop()
	polling, stopPolling := context.WithCancel(ctx)
	var resting sync.WaitGroup
	defer resting.Wait()
	defer stopPolling()
	resting.Go(func() { runs.Rest{View: m.runs, Watch: m.lag, ImportOf: m.topics.ImportOf}.Run(polling, m.group) })
	defer context.AfterFunc(m.work, stopPolling)()
	err := m.consume(polling)
	if cause := context.Cause(m.work); cause != nil {
		err = cause
	}
	m.drainAll()
	m.group.Close()
	m.cancel(context.Canceled)
	m.postAndWait(func(l *loop, _ time.Time) { l.closed = true })
	m.finishWriting(ctx)
	m.journal.close() // what is not acknowledged is given up
	m.tasks.Wait()
	m.journal.wait()
	m.post(func(l *loop, _ time.Time) { l.finished = true })
	<-m.ended
	m.releaseLeases(l)
	return err
}

// finishWriting waits until what CleverTap has answered is in Kafka, or the service
// is to stop.
func (m *member) finishWriting(ctx context.Context) {
	defer m.endWriting()
	if ctx.Err() != nil {
		return
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		m.tasks.Wait()
	}()
	await(ctx, over)
}

// post gives the loop an event. It waits for the loop, which never waits for anything
// but events: so there is no cycle of waits.
func (m *member) post(e event) {
	select {
	case m.events <- e:
	case <-m.ended:
	}
}

// postAndWait posts an event and returns once it has happened.
func (m *member) postAndWait(e event) {
	done := make(chan struct{})
	m.post(func(l *loop, now time.Time) {
		defer close(done)
		e(l, now)
	})
	select {
	case <-done:
	case <-m.ended:
	}
}

// fail ends the membership. The takeover that follows deals with what is not reported.
func (m *member) fail(err error) { m.cancel(err) }

func (m *member) log() *slog.Logger { return m.deps.Telemetry.Logger }
