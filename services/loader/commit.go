package loader

import (
	"context"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/services/loader/internal/recovery"
)

// commits stores the contiguous prefix of every partition, now and then.
func (m *member) commits(ctx context.Context) error {
	ticker := time.NewTicker(m.cfg.CommitInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-m.commit:
		}
		m.mu.Lock()
		parts := make([]*part, 0, len(m.parts))
		for _, p := range m.parts {
			parts = append(parts, p)
		}
		m.mu.Unlock()
		if m.commitParts(ctx, parts) {
			poke(m.wake)
		}
	}
}

// commitParts commits what is news. A refused commit changes nothing: the same
// prefix, or a longer one, is tried again, by this member or the next owner. That
// of one partition, such as of a deleted topic, holds up no other.
func (m *member) commitParts(ctx context.Context, parts []*part) (done bool) {
	type point struct {
		part   *part
		offset int64
		mark   recovery.Mark
	}
	var points []point
	commits := map[kafka.TP]kafka.Commit{}
	m.mu.Lock()
	for _, p := range parts {
		offset, mark, news := p.lane.Prefix(m.written[p.control])
		if !news || p.gone {
			continue
		}
		p.uncommit = 0
		points = append(points, point{p, offset, mark})
		commits[p.tp] = kafka.Commit{Offset: offset, Metadata: mark.String()}
	}
	m.mu.Unlock()
	if len(points) == 0 {
		return false
	}
	failpoint.Hit("loader.before-commit")
	refused, err := m.group.Commit(ctx, commits)
	if err != nil {
		m.log().DebugContext(ctx, "offsets were not committed", "error", err)
		return false
	}
	failpoint.Hit("loader.after-commit")
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, pt := range points {
		if err := refused[pt.part.tp]; err != nil {
			// Not forgotten, even if the partition is unknown: a broker may not have
			// heard of a new topic.
			m.log().DebugContext(ctx, "an offset was not committed", "topic", pt.part.tp.Topic, "partition", pt.part.tp.Partition, "error", err)
			continue
		}
		pt.part.lane.Committed(pt.offset, pt.mark)
		done = true
	}
	return done
}
