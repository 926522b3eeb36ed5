package loader

import (
	"context"
	"fmt"
	"time"

	"tapline.dev/libs/kafka"
)

// pollRecords bounds one poll.
const pollRecords = 10_000

// consume pushes records into their lanes. A lane that is full pauses its
// partition, so that memory is bounded and other imports go on.
func (m *member) consume(ctx context.Context) error {
	for {
		records, err := m.group.Poll(ctx, pollRecords)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("polling records: %w", err)
		}
		m.push(records)
	}
}

func (m *member) push(records []*kafka.Record) {
	if len(records) == 0 {
		return
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := int64(m.cfg.BufferBytes) / int64(max(1, len(m.parts)))
	var p *part
	var full []kafka.TP
	for _, r := range records {
		if p == nil || p.tp.Partition != r.Partition || p.tp.Topic != r.Topic {
			p = m.parts[kafka.TP{Topic: r.Topic, Partition: r.Partition}]
			if p == nil {
				continue // revoked since it was polled
			}
		}
		p.lane.Push(r, now)
		if !p.paused && (p.lane.Pending() >= m.cfg.BufferRecords || p.lane.PendingBytes() >= limit) {
			p.paused = true
			full = append(full, p.tp)
		}
	}
	if len(full) > 0 {
		m.group.Pause(full...)
	}
	poke(m.wake)
}

// refill fetches a paused partition again once a quarter of its lane is empty:
// fetching takes a while to begin. The
// caller holds mu.
func (m *member) refill(p *part) {
	if p.paused && p.lane.Pending() < m.cfg.BufferRecords*3/4 && p.lane.PendingBytes() <= int64(m.cfg.BufferBytes)/int64(max(1, len(m.parts)))*3/4 {
		p.paused = false
		m.group.Resume(p.tp)
	}
}
