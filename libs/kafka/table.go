package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Table follows a compacted topic, all its partitions, and hands every record
// to apply in the order of its partition, a nil Value being a deletion. apply is
// called from the goroutine of Run alone.
type Table struct {
	topic  string
	reader *Reader
	apply  func(*Record)

	mu       sync.Mutex
	position map[int32]int64 // next offset, of partitions with any record
	moved    chan struct{}   // closed and replaced when position moves
}

// OpenTable connects lazily; Run reads.
func OpenTable(cfg Config, deps Deps, topic string, apply func(*Record)) (*Table, error) {
	reader, err := OpenReader(cfg, deps)
	if err != nil {
		return nil, err
	}
	return &Table{topic: topic, reader: reader, apply: apply, position: map[int32]int64{}, moved: make(chan struct{})}, nil
}

// Run reads the topic from its start and follows it until ctx ends.
func (t *Table) Run(ctx context.Context) error {
	defer t.reader.Close()
	starts, err := t.reader.admin.ListStartOffsets(ctx, t.topic)
	if err == nil {
		err = starts.Error()
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("following %s: listing offsets: %w", t.topic, err)
	}
	from := map[TP]int64{}
	starts.Each(func(o listed) { from[TP{o.Topic, o.Partition}] = o.Offset })
	if len(from) == 0 {
		return fmt.Errorf("following %s: the topic does not exist; make it with `tapline topics apply`", t.topic)
	}
	// Markers are kept so that the position passes them: ReadToEnd waits for it.
	tail, err := openTail(t.reader.cfg, t.reader.deps, from, kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx, 10_000)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("following %s: %w", t.topic, err)
		}
		for _, r := range records {
			if !r.Attrs.IsControl() {
				t.apply(r)
			}
		}
		t.advance(records)
	}
}

func (t *Table) advance(records []*Record) {
	if len(records) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		t.position[r.Partition] = r.Offset + 1
	}
	close(t.moved)
	t.moved = make(chan struct{})
}

// ReadToEnd returns once everything that was in the topic at the call has been
// applied. It needs Run to be running.
func (t *Table) ReadToEnd(ctx context.Context) error {
	ends, err := t.reader.admin.ListEndOffsets(ctx, t.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("reading %s to its end: listing offsets: %w", t.topic, err)
	}
	starts, err := t.reader.admin.ListStartOffsets(ctx, t.topic)
	if err != nil {
		return fmt.Errorf("reading %s to its end: listing offsets: %w", t.topic, err)
	}
	for {
		t.mu.Lock()
		behind, moved := false, t.moved
		ends.Each(func(end listed) {
			start, _ := starts.Lookup(end.Topic, end.Partition)
			if end.Offset > start.Offset && t.position[end.Partition] < end.Offset {
				behind = true
			}
		})
		t.mu.Unlock()
		if !behind {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("reading %s to its end: %w", t.topic, ctx.Err())
		}
	}
}
