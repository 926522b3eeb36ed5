package kafka

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// GroupConfig is a membership of a consumer group.
type GroupConfig struct {
	Group  string // without the prefix
	Topics []string
	// OwnershipOnly makes the member fetch no records: the group then only assigns
	// the ownership of partitions.
	OwnershipOnly bool
	// Assigned, Revoked and Lost are called one at a time. No record of a newly
	// assigned partition is polled before Assigned has returned; it is also called, without
	// partitions, when a rebalance has brought none. Revoked may block
	// to drain, within the rebalance timeout, and the partition moves only after
	// Revoked has returned. Lost is called when the partition has already moved.
	Assigned, Revoked, Lost func(ctx context.Context, partitions []TP)
}

// Commit is a committed offset: the next one to read.
type Commit struct {
	Offset   int64
	Metadata string
}

// Group is a member of a consumer group. It commits only what Commit is given, and
// with each offset the id of its topic: a topic that is deleted and created again
// is read from its start. One goroutine may call Poll; any goroutine may call the
// other methods.
type Group struct {
	client    *kgo.Client
	name      string
	positions *positions
	contact   *contact
	owned     owned
	resting   resting
	pending   error
}

// OpenGroup joins the group.
func OpenGroup(cfg Config, deps Deps, gc GroupConfig) (*Group, error) {
	g := &Group{name: cfg.Prefix + gc.Group, contact: &contact{}}
	g.positions = newPositions(g.name, false)
	opts := append(base(cfg, deps),
		committed(),
		kgo.ConsumerGroup(g.name),
		kgo.ConsumeTopics(gc.Topics...),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.RebalanceTimeout(cfg.RebalanceTimeout),
		kgo.HeartbeatInterval(cfg.SessionTimeout/5),
		kgo.Balancers(newEvenBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A fetch waits for new records up to FetchMaxWait, and a resumed partition is
		// part of the next fetch only. With franz-go's default of 5s a resumed
		// partition would wait too long.
		kgo.FetchMaxWait(250*time.Millisecond),
		kgo.OnPartitionsAssigned(func(ctx context.Context, c *kgo.Client, m map[string][]int32) {
			g.owned.add(m)
			assigned(gc.Assigned)(ctx, c, m)
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, c *kgo.Client, m map[string][]int32) {
			callback(gc.Revoked)(ctx, c, m)
			g.owned.remove(m)
		}),
		kgo.OnPartitionsLost(func(ctx context.Context, c *kgo.Client, m map[string][]int32) {
			g.contact.lose()
			g.owned.remove(m)
			callback(gc.Lost)(ctx, c, m)
		}),
		kgo.WithHooks(g.contact),
	)
	opened := make(chan struct{})
	if !gc.OwnershipOnly {
		opts = append(opts, kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			<-opened
			return g.positions.adjust(ctx, g.client, offsets)
		}))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("joining group %s: %w", gc.Group, err)
	}
	if gc.OwnershipOnly {
		client.PauseFetchTopics(gc.Topics...)
	}
	g.client = client
	close(opened)
	return g, nil
}

func assigned(fn func(context.Context, []TP)) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(ctx context.Context, _ *kgo.Client, m map[string][]int32) {
		if fn != nil {
			fn(ctx, tpsOf(m))
		}
	}
}

func callback(fn func(context.Context, []TP)) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(ctx context.Context, _ *kgo.Client, m map[string][]int32) {
		if fn != nil && len(m) > 0 {
			fn(ctx, tpsOf(m))
		}
	}
}

func tpsOf(m map[string][]int32) (tps []TP) {
	for topic, partitions := range m {
		for _, p := range partitions {
			tps = append(tps, TP{topic, p})
		}
	}
	return tps
}

// AddTopics adds topics to the subscription.
func (g *Group) AddTopics(topics ...string) { g.client.AddConsumeTopics(topics...) }

// RemoveTopics ends the subscription to topics that are deleted.
func (g *Group) RemoveTopics(topics ...string) { g.client.PurgeTopicsFromConsuming(topics...) }

// Poll returns committed records, at most limit, or none when ctx ends.
func (g *Group) Poll(ctx context.Context, limit int) ([]*Record, error) {
	return poll(ctx, g.client.PollRecords, limit, &g.pending)
}

// Stay keeps a member that fetches no records in the group until ctx ends.
func (g *Group) Stay(ctx context.Context) error {
	for {
		switch _, err := g.Poll(ctx, 1); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

// Pause stops fetching partitions until Resume. Pauses survive a rebalance, so
// whoever pauses a partition resumes it when it is assigned again.
func (g *Group) Pause(tps ...TP) { g.client.PauseFetchPartitions(byTopic(tps)) }

// Resume fetches paused partitions again.
func (g *Group) Resume(tps ...TP) { g.client.ResumeFetchPartitions(byTopic(tps)) }

func byTopic(tps []TP) map[string][]int32 {
	m := map[string][]int32{}
	for _, tp := range tps {
		m[tp.Topic] = append(m[tp.Topic], tp.Partition)
	}
	return m
}

// Commit commits offsets for the group. It returns the partitions whose commit
// was refused, because the member no longer owns them or their topic is deleted;
// the others are committed.
func (g *Group) Commit(ctx context.Context, commits map[TP]Commit) (refused map[TP]error, err error) {
	if len(commits) == 0 {
		return nil, nil
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for tp, c := range commits {
		if offsets[tp.Topic] == nil {
			offsets[tp.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[tp.Topic][tp.Partition] = kgo.EpochOffset{Epoch: -1, Offset: c.Offset}
	}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			topic := &req.Topics[i]
			for j := range topic.Partitions {
				p := &topic.Partitions[j]
				metadata := g.positions.marked(topic.Topic, commits[TP{topic.Topic, p.Partition}].Metadata)
				p.Metadata = &metadata
			}
		}
		return nil
	})
	refused = map[TP]error{}
	g.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failed error) {
		if err = failed; err != nil || resp == nil {
			return
		}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					refused[TP{topic.Topic, p.Partition}] = err
				}
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("committing offsets: %w", err)
	}
	return refused, nil
}

// Committed returns the committed offset of each partition, -1 where there is none
// or where the topic was created again since.
func (g *Group) Committed(ctx context.Context, tps ...TP) (map[TP]Commit, error) {
	fetched, err := fetchOffsets(ctx, g.client, g.name, byTopic(tps))
	if err != nil {
		return nil, err
	}
	out := make(map[TP]Commit, len(tps))
	for _, tp := range tps {
		out[tp] = Commit{Offset: -1}
		if o, ok := fetched[tp]; ok {
			out[tp] = o
		}
	}
	return g.positions.current(ctx, g.client, out)
}

// Owned returns the partitions that the group has assigned to the member.
func (g *Group) Owned() []TP { return g.owned.list() }

// Contact returns when the member sent the last heartbeat that the group's
// coordinator has answered, or the zero time if the membership is lost. The time
// has a monotonic clock reading. A member whose contact is older than the
// session timeout may have been replaced without knowing it.
func (g *Group) Contact() time.Time { return g.contact.last() }

// Close calls Revoked for the partitions that the member owns, and leaves the
// group.
func (g *Group) Close() { g.client.Close() }

// contact stores when the last answered heartbeat was sent. It stores a whole
// time.Time, because that has a monotonic clock reading: if the wall clock is
// set back, the last contact of a zombie must not seem recent.
type contact struct{ at atomic.Pointer[time.Time] }

// OnBrokerE2E is franz-go's hook for a request and its response.
func (c *contact) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	const joinGroup, heartbeat, syncGroup = 11, 12, 14
	if e2e.Err() != nil || (key != heartbeat && key != joinGroup && key != syncGroup) {
		return
	}
	sent := time.Now().Add(-e2e.DurationE2E())
	c.at.Store(&sent)
}

func (c *contact) lose() { c.at.Store(nil) }

func (c *contact) last() time.Time {
	if at := c.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}
