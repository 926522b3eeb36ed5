package loader

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

// commits is the loop's schedule of offset commits.
type commits struct {
	underway bool
	urgent   bool // a partition waits for one
	next     time.Time
	allNext  time.Time // when quiet partitions are looked at again
}

// commitAllInterval is how often quiet partitions are looked at: what a successor would
// have to read of the reports grows although nothing happens in them.
const commitAllInterval = 10 * time.Second

// commitProgress is what can be committed of a partition.
type commitProgress struct {
	part     *partition
	offset   int64
	metadata recovery.CommitMetadata
}

// release ends a batch whose outcomes are durable. From until on, no request with its
// records can be applied any more: then its identities are free for later batches, and
// the partition's committed prefix may include it. It is the only place where an
// identity is freed.
//
// Invariant 4: until then no other record of these identities is sent.
func (l *loop) release(p *partition, b *lane.Batch, until, now time.Time) {
	if !until.After(now) {
		until = time.Time{}
	}
	p.lane.Finish(b, until)
	p.uncommitted++
	l.commits.urgent = l.commits.urgent || p.uncommitted >= lane.MaxOpen/4
}

// commitIfDue stores the contiguous prefix of every active partition at each interval,
// and at once where a partition waits for it.
func (l *loop) commitIfDue(now time.Time) (again time.Time) {
	if l.commits.underway {
		return time.Time{} // its end is an event
	}
	all := !now.Before(l.commits.allNext)
	if !l.commits.urgent && !all && (len(l.active) == 0 || now.Before(l.commits.next)) {
		return l.commitNext()
	}
	l.commits.urgent, l.commits.next = false, now.Add(l.cfg.CommitInterval)
	parts := slices.Collect(maps.Keys(l.active))
	if all {
		parts, l.commits.allNext = slices.Collect(maps.Values(l.partitions)), now.Add(commitAllInterval)
	}
	changed := l.prefixes(parts)
	if len(changed) == 0 {
		return l.commitNext()
	}
	l.commits.underway = true
	l.start(func() {
		done := l.commit(l.work, changed)
		l.post(func(l *loop, _ time.Time) {
			l.commits.underway = false
			l.committed(done)
		})
	})
	return time.Time{}
}

func (l *loop) commitNext() time.Time {
	if len(l.active) == 0 {
		return l.commits.allNext
	}
	return l.commits.next
}

// prefixes returns, for each partition, the offset to commit if it has changed.
func (l *loop) prefixes(parts []*partition) []commitProgress {
	var out []commitProgress
	for _, p := range parts {
		offset, metadata, changed := p.lane.Prefix(l.journal.next(p.control))
		if changed && !p.ownership.lost.Load() {
			p.uncommitted = 0
			out = append(out, commitProgress{p, offset, metadata})
		}
	}
	return out
}

// commit commits the offsets, and returns those that Kafka has stored. A refused
// commit loses nothing: this member or the next owner tries the same prefix, or a
// longer one, again. A refusal for one partition, such as one of a deleted topic, does
// not hold up the others.
func (m *member) commit(ctx context.Context, changed []commitProgress) (done []commitProgress) {
	failpoint.Hit("loader.before-commit")
	commits := make(map[kafka.TP]kafka.Commit, len(changed))
	for _, n := range changed {
		commits[n.part.tp] = kafka.Commit{Offset: n.offset, Metadata: n.metadata.String()}
	}
	refused, err := m.group.Commit(ctx, commits)
	if err != nil {
		m.log().DebugContext(ctx, "offsets were not committed", slog.Any("error", err))
		return nil
	}
	failpoint.Hit("loader.after-commit")
	for _, n := range changed {
		if err := refused[n.part.tp]; err != nil {
			// Not forgotten, even if the partition is unknown: a broker may not have
			// heard of a new topic.
			m.log().DebugContext(ctx, "an offset was not committed", slog.String("topic", n.part.tp.Topic), slog.Int("partition", int(n.part.tp.Partition)), slog.Any("error", err))
			continue
		}
		done = append(done, n)
	}
	return done
}

// committed notes in the lanes which offsets Kafka has stored.
func (l *loop) committed(done []commitProgress) {
	for _, n := range done {
		n.part.lane.Committed(n.offset, n.metadata)
	}
}
