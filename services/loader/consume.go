package loader

import (
	"context"
	"fmt"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/services/loader/internal/lane"
)

// pollRecords bounds one poll.
const pollRecords = 10_000

// consume polls records and hands them to the loop, one poll at a time: the next
// begins when the loop has taken the last one in.
func (m *member) consume(ctx context.Context) error {
	var items []lane.Item // used again for each poll: lanes keep copies
	for {
		records, err := m.group.Poll(ctx, pollRecords)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("polling records: %w", err)
		}
		if len(records) == 0 {
			continue
		}
		for _, r := range records {
			items = append(items, lane.Read(m.seed, r))
		}
		m.postAndWait(func(l *loop, now time.Time) { l.fetched(items, now) })
		clear(items) // the lanes alone keep the records alive
		items = items[:0]
	}
}

// fetched pushes items into the lanes of their partitions. A lane that is full
// pauses its partition, so that memory is bounded and other imports go on.
func (l *loop) fetched(items []lane.Item, now time.Time) {
	most, bytes := l.buffer()
	var p *partition
	var full []kafka.TP
	for i := range items {
		r := items[i].Record
		if p == nil || p.tp.Partition != r.Partition || p.tp.Topic != r.Topic {
			p = l.partitions[kafka.TP{Topic: r.Topic, Partition: r.Partition}]
			if p == nil {
				continue // revoked since it was polled
			}
		}
		p.lane.Push(items[i], now)
		l.active[p] = struct{}{}
		if !p.paused && (p.lane.Pending() >= most || p.lane.PendingBytes() >= bytes) {
			p.paused = true
			full = append(full, p.tp)
		}
	}
	if len(full) > 0 {
		l.group.Pause(full...)
	}
}

// minBuffer is what a partition may hold however many share the buffer: a few
// uploads, so that the next is there when one is cut.
const minBuffer = 4000

// buffer is a partition's share of what may wait in memory, among those that have
// any.
func (l *loop) buffer() (records int, bytes int64) {
	n := max(1, l.withRecords)
	return max(minBuffer, l.cfg.BufferRecords/n), int64(l.cfg.BufferBytes) / int64(n)
}

// refill fetches a paused partition again once its lane is down to a quarter:
// early enough for a fetch to come, and rarely, because each pause throws away
// what was fetched ahead.
func (l *loop) refill(p *partition) {
	most, bytes := l.buffer()
	if p.paused && p.lane.Pending() <= most/4 && p.lane.PendingBytes() <= bytes/4 {
		p.paused = false
		l.group.Resume(p.tp)
	}
}
