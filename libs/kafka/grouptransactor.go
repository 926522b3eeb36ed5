package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// GroupTransactor consumes, transforms and produces exactly once: one
// transaction holds the records that were made from a poll and the offsets of
// that poll. One goroutine may use it; any goroutine may call AddTopics and what says so.
type GroupTransactor struct {
	session   *kgo.GroupTransactSession
	positions *positions
	promises  promises
	pending   error
	owned     owned
	resting   resting
	contact   *contact
	joined    chan struct{} // closed at the first assignment
	join      sync.Once
}

// OpenGroupTransactor joins the group with no topics yet. The transactional id
// must be unique among living members (KIP-447 fences members by the group's
// generation), and a restarted process must use the same id again: opening
// aborts the transaction that the process left open. Otherwise that transaction
// would hide records from read_committed consumers until it timed out.
func OpenGroupTransactor(ctx context.Context, cfg Config, deps Deps, group, id string) (*GroupTransactor, error) {
	g := &GroupTransactor{positions: newPositions(cfg.Prefix+group, true), contact: &contact{}, joined: make(chan struct{})}
	opts := append(base(cfg, deps), producing(cfg)...)
	opts = append(opts,
		committed(),
		kgo.ConsumerGroup(g.positions.group),
		kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			return g.positions.adjust(ctx, g.session.Client(), offsets)
		}),
		kgo.WithHooks(g.contact),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { g.owned.remove(m) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			g.contact.lose()
			g.owned.remove(m)
		}),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			g.owned.add(m)
			g.join.Do(func() { close(g.joined) })
		}),
		kgo.TransactionalID(cfg.Prefix+id),
		kgo.ClientID(transactorClient(id)),
		// The transaction timeout is shorter than the session timeout: a member that
		// the group has removed must not keep a transaction open while its successor
		// works.
		kgo.TransactionTimeout(min(cfg.TransactionTimeout, cfg.SessionTimeout*2/3)),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.RebalanceTimeout(cfg.RebalanceTimeout),
		kgo.HeartbeatInterval(cfg.SessionTimeout/5),
		kgo.Balancers(newEvenBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A new partition is part of the next fetch only, and while no records come,
		// the fetch under way lasts for FetchMaxWait. With franz-go's default of 5s,
		// the first run of an import could not take less.
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

// transactorClient is the client id of a member with a transactional id. Twin reads the id
// from it, whatever the member's version, and Groups the version.
func transactorClient(id string) string { return clientID() + transactorMark + id }

// transactorMark separates the version and the transactional id in a client id.
const transactorMark = "/"

// Twin finds a member of a group that uses the transactional id id. Two members with the
// same id would fence each other for ever, so a process does not join while there is one.
// The member of a process that was killed remains until its session times out.
func Twin(ctx context.Context, cfg Config, deps Deps, group, id string) (Member, bool, error) {
	members, _, err := Members(ctx, cfg, deps, group)
	if err != nil {
		return Member{}, false, err
	}
	at := slices.IndexFunc(members, func(m Member) bool {
		_, theirs, found := strings.Cut(m.Client, transactorMark)
		return found && theirs == id
	})
	if at < 0 {
		return Member{}, false, nil
	}
	return members[at], true, nil
}

// InDoubt reports whether an assigned partition has no offset that a member of
// the group committed: the partition is new, or the group's offsets have
// expired, or a person has set them. Its records may have been processed before.
func (g *GroupTransactor) InDoubt(tp TP) bool { return g.positions.inDoubt(tp) }

// Writable checks whether partitions can be written to. It returns those that cannot, each
// with the reason, such as ErrNoTopic. A write to one of them would hold up the whole
// transaction.
func (g *GroupTransactor) Writable(ctx context.Context, tps ...TP) (map[TP]error, error) {
	return writable(ctx, g.session.Client(), tps)
}

// Owned returns the partitions that the group has assigned to the member.
func (g *GroupTransactor) Owned() []TP { return g.owned.list() }

// Contact is as that of a Group.
func (g *GroupTransactor) Contact() time.Time { return g.contact.last() }

// Joined returns a channel that closes once the group has given the member its first
// partitions, or none.
func (g *GroupTransactor) Joined() <-chan struct{} { return g.joined }

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
	promise := g.promises.note // one for all, not an allocation for each
	for _, r := range records {
		g.session.Produce(context.Background(), r, promise)
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

// Pause rewinds to the last Commit and stops fetching the given partitions until
// Resume. The offsets of these partitions stay where they were, and the records
// of the other partitions are polled again. Pause aborts an empty transaction to
// rewind: rewinding the given partitions alone would race with a rebalance that
// moves them away and back, and the abort of franz-go's session does not. Pauses
// survive a rebalance.
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
