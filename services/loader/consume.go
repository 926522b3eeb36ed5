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
	most, bytes := m.buffer()
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
		if !p.paused && (p.lane.Pending() >= most || p.lane.PendingBytes() >= bytes) {
			p.paused = true
			full = append(full, p.tp)
		}
	}
	if len(full) > 0 {
		m.group.Pause(full...)
	}
	poke(m.wake)
}

// minBuffer is what a partition may hold however many share the buffer: a few
// uploads, so that the next is there when one is cut.
const minBuffer = 4000

// buffer is a partition's share of what may wait in memory, among those that have
// any. The caller holds mu.
func (m *member) buffer() (records int, bytes int64) {
	n := max(1, m.filled)
	return max(minBuffer, m.cfg.BufferRecords/n), int64(m.cfg.BufferBytes) / int64(n)
}

// refill fetches a paused partition again once its lane is down to a quarter:
// early enough for a fetch to come, and rarely, because each pause throws away
// what was fetched ahead. The caller holds mu.
func (m *member) refill(p *part) {
	most, bytes := m.buffer()
	if p.paused && p.lane.Pending() <= most/4 && p.lane.PendingBytes() <= bytes/4 {
		p.paused = false
		m.group.Resume(p.tp)
	}
}
