package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader reads partitions to their end. Safe for concurrent use.
type Reader struct {
	cfg    Config
	deps   Deps
	client *kgo.Client
	admin  *kadm.Client

	mu      sync.Mutex
	cluster string // its id, once it is known
}

// OpenReader connects lazily.
func OpenReader(cfg Config, deps Deps) (*Reader, error) {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return nil, fmt.Errorf("opening reader: %w", err)
	}
	return &Reader{cfg: cfg, deps: deps, client: client, admin: kadm.NewClient(client)}, nil
}

// Close disconnects.
func (r *Reader) Close() { r.client.Close() }

// EndOffset is the high watermark: the offset that the next record will have.
func (r *Reader) EndOffset(ctx context.Context, tp TP) (int64, error) {
	ends, err := r.admin.ListEndOffsets(ctx, tp.Topic)
	return lookup(ends, err, tp)
}

// StartOffset is the first offset that retention has left.
func (r *Reader) StartOffset(ctx context.Context, tp TP) (int64, error) {
	starts, err := r.admin.ListStartOffsets(ctx, tp.Topic)
	return lookup(starts, err, tp)
}

// StartOffsets are the first offsets that retention has left in every partition of topics.
// A topic that does not exist is left out.
func (r *Reader) StartOffsets(ctx context.Context, topics ...string) (map[TP]int64, error) {
	starts, err := r.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing first offsets: %w", err)
	}
	out := map[TP]int64{}
	for topic, partitions := range starts {
		for partition, o := range partitions {
			switch {
			case errors.Is(o.Err, kerr.UnknownTopicOrPartition):
			case o.Err != nil:
				return nil, fmt.Errorf("listing first offset of %s[%d]: %w", topic, partition, o.Err)
			default:
				out[TP{topic, partition}] = o.Offset
			}
		}
	}
	return out, nil
}

// EndOffsets are the high watermarks of the partitions of topics, but for those of which no
// broker can tell it now.
func (r *Reader) EndOffsets(ctx context.Context, topics ...string) (map[TP]int64, error) {
	ends, err := r.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing offsets: %w", err)
	}
	out := map[TP]int64{}
	for topic, partitions := range ends {
		for partition, o := range partitions {
			if o.Err == nil {
				out[TP{topic, partition}] = o.Offset
			}
		}
	}
	return out, nil
}

// StableOffset is the offset below which every transaction has ended: a reader of
// committed records gets no further.
func (r *Reader) StableOffset(ctx context.Context, tp TP) (int64, error) {
	ends, err := r.admin.ListCommittedOffsets(ctx, tp.Topic)
	return lookup(ends, err, tp)
}

// OffsetAt is the offset of the first record written at or after t, or the end offset. A
// time before 1970 counts as 1970, because negative timestamps in a ListOffsets request
// have meanings of their own, such as the latest offset.
func (r *Reader) OffsetAt(ctx context.Context, tp TP, t time.Time) (int64, error) {
	offsets, err := r.admin.ListOffsetsAfterMilli(ctx, max(t.UnixMilli(), 0), tp.Topic)
	return lookup(offsets, err, tp)
}

func lookup(offsets kadm.ListedOffsets, err error, tp TP) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("listing offsets of %s: %w", tp.Topic, err)
	}
	o, ok := offsets.Lookup(tp.Topic, tp.Partition)
	if !ok {
		return 0, fmt.Errorf("listing offsets of %s[%d]: no such partition", tp.Topic, tp.Partition)
	}
	if o.Err != nil {
		return 0, fmt.Errorf("listing offsets of %s[%d]: %w", tp.Topic, tp.Partition, o.Err)
	}
	return o.Offset, nil
}

// ReadTo calls fn for each committed record of a partition, from offset from (or
// the log's start, if that is later) up to the high watermark at the time of the
// call, and returns that high watermark. It waits for transactions that are open
// below the high watermark: another import's open transaction can hide committed
// records behind the last stable offset. An error of fn ends the reading.
func (r *Reader) ReadTo(ctx context.Context, tp TP, from int64, fn func(*Record) error) (int64, error) {
	end, err := r.EndOffset(ctx, tp)
	if err != nil {
		return 0, err
	}
	start, err := r.StartOffset(ctx, tp)
	if err != nil {
		return 0, err
	}
	from = max(from, start)
	if from >= end {
		return max(from, end), nil
	}
	tail, err := openTail(r.cfg, r.deps, map[TP]int64{tp: from}, kgo.KeepControlRecords())
	if err != nil {
		return 0, err
	}
	defer tail.Close()
	late := time.AfterFunc(hiddenAfter, func() { r.logHidden(ctx, tp) })
	defer late.Stop()
	for {
		records, err := tail.Poll(ctx, 10_000)
		if err != nil {
			return 0, fmt.Errorf("reading %s[%d] to its end: %w", tp.Topic, tp.Partition, err)
		}
		for _, rec := range records {
			// The last offset below the high watermark always arrives: it is a committed
			// record or the marker of a transaction, and log cleaning keeps the last
			// batch.
			if rec.Offset < end && !rec.Attrs.IsControl() {
				if err := fn(rec); err != nil {
					return 0, err
				}
			}
			if rec.Offset+1 >= end {
				return end, nil
			}
		}
	}
}

// Tail follows partitions from given offsets, without a group. Poll is for one
// goroutine.
type Tail struct {
	client  *kgo.Client
	pending error
}

// OpenTail starts at the given offsets; an offset that retention removed starts
// at the log's start.
func OpenTail(cfg Config, deps Deps, from map[TP]int64) (*Tail, error) {
	return openTail(cfg, deps, from)
}

// OpenTailWithMarkers is OpenTail that returns the markers of transactions too (their
// Attrs.IsControl is true), so that the position of a reader moves past them.
func OpenTailWithMarkers(cfg Config, deps Deps, from map[TP]int64) (*Tail, error) {
	return openTail(cfg, deps, from, kgo.KeepControlRecords())
}

func openTail(cfg Config, deps Deps, from map[TP]int64, extra ...kgo.Opt) (*Tail, error) {
	opts := append(base(cfg, deps),
		committed(),
		kgo.ConsumePartitions(offsets(from)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(500*time.Millisecond),
	)
	client, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("opening tail: %w", err)
	}
	return &Tail{client: client}, nil
}

func offsets(from map[TP]int64) map[string]map[int32]kgo.Offset {
	m := map[string]map[int32]kgo.Offset{}
	for tp, at := range from {
		if m[tp.Topic] == nil {
			m[tp.Topic] = map[int32]kgo.Offset{}
		}
		m[tp.Topic][tp.Partition] = kgo.NewOffset().At(at)
	}
	return m
}

// Poll returns committed records, at most limit, or none when ctx ends.
func (t *Tail) Poll(ctx context.Context, limit int) ([]*Record, error) {
	return poll(ctx, t.client.PollRecords, limit, &t.pending)
}

// Add follows more partitions.
func (t *Tail) Add(from map[TP]int64) { t.client.AddConsumePartitions(offsets(from)) }

// Remove follows partitions no longer.
func (t *Tail) Remove(tps ...TP) { t.client.RemoveConsumePartitions(byTopic(tps)) }

// Close disconnects.
func (t *Tail) Close() { t.client.Close() }
