package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// GroupTransactor consumes, transforms and produces exactly once: the records
// made from a poll and the offsets of that poll are one transaction. One
// goroutine uses it; AddTopics may come from any.
type GroupTransactor struct {
	session   *kgo.GroupTransactSession
	positions *positions
	promises  promises
	pending   error
}

// OpenGroupTransactor joins the group with no topics yet. The transactional id
// must be unique among living members (KIP-447 fences members by the group's
// generation) and the same after a restart: opening aborts what the member's
// earlier life left open, which would hide records from readers until it timed
// out.
func OpenGroupTransactor(ctx context.Context, cfg Config, deps Deps, group, id string) (*GroupTransactor, error) {
	g := &GroupTransactor{positions: newPositions(cfg.Prefix + group)}
	opts := append(base(cfg, deps), producing(cfg)...)
	opts = append(opts,
		committed(),
		kgo.ConsumerGroup(g.positions.group),
		kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			return g.positions.adjust(ctx, g.session.Client(), offsets)
		}),
		kgo.TransactionalID(cfg.Prefix+id),
		// Shorter than the session: a member that the group has given up on must not
		// hold a transaction open over its successor's.
		kgo.TransactionTimeout(min(cfg.TransactionTimeout, cfg.SessionTimeout*2/3)),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.RebalanceTimeout(cfg.RebalanceTimeout),
		kgo.HeartbeatInterval(cfg.SessionTimeout/5),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A partition that is new is fetched once the fetch under way has ended, which
		// waits for so long while nothing comes: franz-go's 5 s would be the least that
		// the first run of an import takes.
		kgo.FetchMaxWait(250*time.Millisecond),
	)
	var err error
	if g.session, err = kgo.NewGroupTransactSession(opts...); err != nil {
		return nil, fmt.Errorf("opening group transactor %s: %w", group, err)
	}
	if _, _, err := g.session.Client().ProducerID(ctx); err != nil {
		g.session.Close()
		return nil, fmt.Errorf("ending older transactions of %s: %w", id, fenced(err))
	}
	return g, nil
}

// InDoubt says that no member of the group has committed the position of an
// assigned partition: it is new, or the group's offsets have expired or were set
// by a person. Its records may have been processed before.
func (g *GroupTransactor) InDoubt(tp TP) bool { return g.positions.inDoubt(tp) }

// Writable says of each partition why nothing can be written to it now, such as
// ErrNoTopic; those that are well are left out. A write to one that is not would
// hold up the whole transaction.
func (g *GroupTransactor) Writable(ctx context.Context, tps ...TP) (map[TP]error, error) {
	return writable(ctx, g.session.Client(), tps)
}

// AddTopics adds topics to the subscription.
func (g *GroupTransactor) AddTopics(topics ...string) { g.session.Client().AddConsumeTopics(topics...) }

// RemoveTopics ends the subscription to topics that are deleted.
func (g *GroupTransactor) RemoveTopics(topics ...string) {
	g.session.Client().PurgeTopicsFromConsuming(topics...)
}

// Poll returns committed records, at most limit, or none when ctx ends.
func (g *GroupTransactor) Poll(ctx context.Context, limit int) ([]*Record, error) {
	return poll(ctx, g.session.PollRecords, limit, &g.pending)
}

// Begin starts the transaction that Commit ends.
func (g *GroupTransactor) Begin() error {
	g.promises.reset()
	if err := g.session.Begin(); err != nil {
		return fmt.Errorf("beginning transaction: %w", fenced(err))
	}
	return nil
}

// Produce adds records to the transaction.
func (g *GroupTransactor) Produce(records ...*Record) {
	for _, r := range records {
		g.session.Produce(context.Background(), r, g.promises.add())
	}
}

// Commit ends the transaction with the offsets of everything polled since the
// last Commit.
//
// Invariant 1: the offsets are part of the transaction that holds what was made
// from the records. False means aborted (a rebalance, or a record that was not
// produced): the same records are polled again. On an error the member must be
// closed and opened again.
func (g *GroupTransactor) Commit(ctx context.Context) (bool, error) {
	if err := g.session.Client().Flush(ctx); err != nil {
		return false, fmt.Errorf("flushing transaction: %w", err)
	}
	produceErr := g.promises.first()
	ctx = kgo.PreTxnCommitFnContext(ctx, g.positions.mark)
	committed, err := g.session.End(ctx, kgo.TransactionEndTry(produceErr == nil))
	if err != nil {
		return false, fmt.Errorf("ending transaction: %w", errors.Join(fenced(err), produceErr))
	}
	return committed, nil
}

// ProduceError is why the last transaction was aborted, when a record could not
// be produced; nil after a rebalance.
func (g *GroupTransactor) ProduceError() error { return g.promises.first() }

// Abort drops the transaction; its records are polled again.
func (g *GroupTransactor) Abort(ctx context.Context) error {
	if _, err := g.session.End(ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("aborting transaction: %w", fenced(err))
	}
	return nil
}

// Pause gives back everything polled since the last Commit and stops fetching the
// partitions until Resume: their offsets stay where they were, and the records of
// the others are polled again. To rewind the partitions alone would race with a
// rebalance that moves them away and back; the session's own abort does not.
// Pauses survive a rebalance.
func (g *GroupTransactor) Pause(ctx context.Context, tps ...TP) error {
	g.session.Client().PauseFetchPartitions(byTopic(tps))
	if err := g.Begin(); err != nil {
		return err
	}
	return g.Abort(ctx)
}

// Resume fetches paused partitions again.
func (g *GroupTransactor) Resume(tps ...TP) { g.session.Client().ResumeFetchPartitions(byTopic(tps)) }

// Close leaves the group.
func (g *GroupTransactor) Close() { g.session.Close() }
