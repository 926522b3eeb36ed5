package loader

import (
	"context"
	"fmt"
	"sync"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// source names the loader in the headers of what it writes.
const source = "loader"

// journal writes reports and rejects, and knows how far each partition of the
// reports topic is written. Safe for concurrent use.
type journal struct {
	topics   schemas.Topics
	producer *kafka.Producer
	writes   sync.WaitGroup

	mu      sync.Mutex
	reached map[int32]int64
}

func newJournal(topics schemas.Topics) *journal {
	return &journal{topics: topics, reached: map[int32]int64{}}
}

// report makes a report durable.
func (j *journal) report(ctx context.Context, report schemas.Report) error {
	rec, err := control.Record(j.topics.Reports(), report.Import, report.Import, report, schemas.EventReport(report.Kind), source)
	if err != nil {
		return err
	}
	if err := j.write(ctx, rec); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	j.noteReached(rec.Partition, rec.Offset+1)
	return nil
}

// write returns once Kafka has acknowledged the records, or ctx has ended. Only ctx
// bounds the wait: the client never gives up a record that it may have sent.
func (j *journal) write(ctx context.Context, records ...*kafka.Record) error {
	done := make(chan error, 1)
	j.writes.Go(func() { done <- j.producer.Produce(ctx, records...) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noteReached notes that a partition of the reports topic is read or written up to an
// offset.
func (j *journal) noteReached(partition int32, next int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.reached[partition] = max(j.reached[partition], next)
}

// next is an offset of a partition of the reports topic: every report still to be
// written comes at or after it.
func (j *journal) next(partition int32) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reached[partition]
}

// close closes the producer. Records without an acknowledgement are given up.
func (j *journal) close() { j.producer.Close() }

// wait returns once nothing is being written, after close and the last writer.
func (j *journal) wait() { j.writes.Wait() }
