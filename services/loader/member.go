package loader

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/turns"
)

// member is one membership of the consumer group: the partitions it owns, their
// lanes, and the accounts that they load into.
type member struct {
	*Service
	seed     maphash.Seed
	producer *kafka.Producer
	reader   *kafka.Reader
	group    *kafka.Group
	leases   *redis.Leases // nil without Redis

	// work is the context of requests and reports: it outlives Run's for the
	// drain, and ends with the membership.
	work   context.Context
	cancel context.CancelCauseFunc

	tasks sync.WaitGroup // requests, reports and take-overs under way

	wake   chan struct{} // dispatch has something to look at
	commit chan struct{} // offsets can be committed
	lease  chan struct{} // an account wants slots
	notify chan struct{} // notices wait to be written

	mu       sync.Mutex
	parts    map[kafka.TP]*part
	filled   int // parts with records in their lanes, as dispatch last saw
	accounts map[string]*account
	turns    *turns.Turns
	written  map[int32]int64 // by reports partition: intents still to be written come at or after it
	notices  []notice
	draining bool
}

// part is an owned partition of a records topic.
type part struct {
	tp         kafka.TP
	importName string // "" of the dry runs' topic, where each record names its own
	control    int32  // the control partition of its imports
	holder     string // names this ownership among those that wrote intents
	lane       *lane.Lane
	paused     bool          // not fetched: its buffer is full
	active     int           // requests and reports under way
	uncommit   int           // batches finished since the last commit
	draining   bool          // cuts nothing any more
	gone       bool          // somebody else may own it
	idle       chan struct{} // closed when draining and nothing is active
	drained    chan struct{} // closed when the drain is over

	asking  bool      // the state topic is being read for the head's run
	unknown runKey    // a run that the state topic, read to its end, does not know
	blocked time.Time // until when the head is not looked at again
}

// runKey is an attempt of a subject's run.
type runKey struct {
	subject         string
	number, attempt int
}

// keyOf is whose record an item is.
func (m *member) keyOf(p *part, item *lane.Item) runKey {
	return runKey{m.topics.SubjectOf(p.tp.Topic, item.Record.Key), item.ID.Number, item.ID.Attempt}
}

// newMember returns a member that is connected to nothing.
func (s *Service) newMember(ctx context.Context) *member {
	m := &member{
		Service: s,
		seed:    maphash.MakeSeed(),
		wake:    make(chan struct{}, 1), commit: make(chan struct{}, 1),
		lease: make(chan struct{}, 1), notify: make(chan struct{}, 1),
		parts: map[kafka.TP]*part{}, accounts: map[string]*account{},
		turns: turns.New(), written: map[int32]int64{},
	}
	m.work, m.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return m
}

// serve joins the group and loads until ctx ends or something breaks.
func (s *Service) serve(ctx context.Context) (err error) {
	m := s.newMember(ctx)
	defer m.cancel(context.Canceled)
	if m.producer, err = kafka.OpenProducer(s.cfg.Kafka, s.kafka); err != nil {
		return err
	}
	if m.reader, err = kafka.OpenReader(s.cfg.Kafka, s.kafka); err != nil {
		m.producer.Close()
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
		m.producer.Close()
		return err
	}
	return m.run(ctx)
}

// run starts the loops, and ends them in the order of a drain: no more records,
// no more batches, the requests in flight, their reports, the offsets.
func (m *member) run(ctx context.Context) error {
	stop := m.imports.Follow(m.group.AddTopics)
	defer stop()
	m.ready(nil)
	loops, _ := errgroup.WithContext(m.work)
	for _, loop := range []func(context.Context) error{m.dispatch, m.commits, m.leasing, m.notifying} {
		loops.Go(func() error { return loop(m.work) })
	}
	polling, stopPolling := context.WithCancel(ctx)
	defer stopPolling()
	defer context.AfterFunc(m.work, stopPolling)()
	err := m.consume(polling)
	if cause := context.Cause(m.work); cause != nil {
		err = cause
	}
	m.drainAll()
	m.group.Close()
	m.cancel(context.Canceled)
	m.producer.Close() // what it still holds is given up
	m.tasks.Wait()
	if loopErr := loops.Wait(); err == nil {
		err = loopErr
	}
	m.giveBack()
	m.closeClients()
	return err
}

// fail ends the membership: what is not reported is taken up after the next.
func (m *member) fail(err error) { m.cancel(err) }

// poke sends a signal that is not lost and never blocks.
func poke(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
