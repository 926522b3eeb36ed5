package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapline.dev/libs/backoff"
)

// followPause is the time before a topic is read again after an error.
const followPause = time.Second

// feedWait is how long a fetch waits for records that do not come. A feed adds and resumes
// no partition, which would have to wait as long, and records end the wait: a process with
// a dozen feeds asks a few times a second and not some dozen.
const feedWait = 2 * time.Second

// fromStart is the value by which Kafka means the earliest offset that a
// partition still holds.
const fromStart = -2

// feed reads every partition of a topic from its start and keeps the position
// that it has reached.
type feed struct {
	topic     string
	reader    *Reader
	meters    *tableMeters // nil measures nothing
	confirmed *confirmed

	mu       sync.Mutex
	id       string          // of the topic that is followed; "" before, or if brokers know no ids
	abandon  func()          // makes follow end, because the topic has another id
	position map[int32]int64 // next offset, of partitions with any record
	moved    chan struct{}   // closed and replaced when position or id changes
}

func newFeed(topic string, reader *Reader) *feed {
	return &feed{topic: topic, reader: reader, confirmed: newConfirmed(), position: map[int32]int64{}, moved: make(chan struct{})}
}

// run passes the topic's records to apply until ctx is done. An error before
// reading has begun is returned, and run may be called again. A later error does
// not end run: it resumes at its position, because a process that stopped here
// would take every import down. If the topic was deleted and created again, run
// calls forget and reads the new topic from its start.
func (f *feed) run(ctx context.Context, apply func(...*Record), forget func()) error {
	if f.meters != nil {
		watching, stop := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() { f.watchLag(watching) })
		defer watch.Wait()
		defer stop()
	}
	for first := true; ; first = false {
		read, err := f.follow(ctx, apply)
		if ctx.Err() != nil {
			f.reader.Close()
			return nil
		}
		if errors.Is(err, kerr.UnknownTopicID) {
			f.reader.deps.Log.WarnContext(ctx, "a compacted topic was deleted and created again: its old entries are dropped", slog.String("topic", f.topic))
			forget() // before reset: until then readToEnd waits
			f.reset()
			continue
		}
		if first && !read {
			return fmt.Errorf("following %s: %w", f.topic, err)
		}
		f.reader.deps.Log.WarnContext(ctx, "a compacted topic could not be read and is read again", slog.String("topic", f.topic), slog.Any("error", err))
		if backoff.Wait(ctx, followPause) != nil {
			f.reader.Close()
			return nil
		}
	}
}

// errOtherID says that the topic has another id than the one that is followed.
var errOtherID = fmt.Errorf("the topic has another id: %w", kerr.UnknownTopicID)

// follow reads the topic from the current position until an error. read reports
// whether reading began.
func (f *feed) follow(ctx context.Context, apply func(...*Record)) (read bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	from, err := f.begin(ctx, func() { cancel(errOtherID) })
	if err != nil {
		return false, err
	}
	// Control records (the markers of transactions) are delivered too, so that the
	// position moves past them: readToEnd waits for the position.
	tail, err := openTail(f.reader.cfg, f.reader.deps, from, kgo.KeepControlRecords(), kgo.FetchMaxWait(feedWait))
	if err != nil {
		return false, err
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx, 10_000)
		if err != nil {
			return true, cmp.Or(context.Cause(ctx), err)
		}
		f.advance(records, apply)
	}
}

// begin notes which topic is followed from now on, and returns its partitions, each with the
// offset to read from. A topic with another id than the one before is errOtherID. abandon
// ends the following.
func (f *feed) begin(ctx context.Context, abandon func()) (map[TP]int64, error) {
	found, err := describeTopics(ctx, f.reader.client, []string{f.topic})
	if err != nil {
		return nil, fmt.Errorf("listing partitions: %w", err)
	}
	detail := found[f.topic]
	if err := kerr.ErrorForCode(detail.ErrorCode); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("listing partitions: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.otherThan(detail.TopicID) {
		return nil, errOtherID
	}
	from := map[TP]int64{}
	for _, p := range detail.Partitions {
		tp := TP{f.topic, p.Partition}
		from[tp] = fromStart
		if at, ok := f.position[p.Partition]; ok {
			from[tp] = at
		}
	}
	if len(from) == 0 {
		return nil, errors.New("the topic does not exist; make it with `tapline topics apply`")
	}
	f.id, f.abandon = topicID(detail.TopicID), abandon
	f.announce()
	return from, nil
}

// otherThan reports whether the topic that is followed has another id than the given one.
func (f *feed) otherThan(id [16]byte) bool {
	now := topicID(id)
	return f.id != "" && now != "" && f.id != now
}

func (f *feed) advance(records []*Record, apply func(...*Record)) {
	if len(records) == 0 {
		return
	}
	values := make([]*Record, 0, len(records))
	for _, r := range records {
		if !r.Attrs.IsControl() {
			values = append(values, r)
		}
	}
	apply(values...)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range records {
		f.position[r.Partition] = r.Offset + 1
	}
	f.announce()
}

func (f *feed) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id = ""
	clear(f.position)
	f.announce()
}

func (f *feed) announce() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// readToEnd waits until the position has reached the current end offset of each
// given partition, or of all partitions if none is given. It does not wait for
// the others: one of them may be offline, or an open transaction that nobody
// ends may hide its records.
//
// The client that follows a topic needs a quarter of a minute to say that the topic was
// deleted and created again, and its positions tell nothing of the new topic meanwhile. So
// the ids are compared here, and if they differ the new topic is followed at once.
func (f *feed) readToEnd(ctx context.Context, partitions []int32) error {
	for {
		start := time.Now()
		id, ends, err := f.ends(ctx, partitions)
		if err != nil {
			return fmt.Errorf("reading %s to its end: listing offsets: %w", f.topic, err)
		}
		reached, err := f.reaches(ctx, id, ends)
		if err != nil {
			return fmt.Errorf("reading %s to its end: %w", f.topic, err)
		}
		if reached {
			if len(partitions) == 0 {
				f.confirmed.note(start)
			}
			return nil
		}
	}
}

// reaches waits until the position has reached the end of each partition. It returns false
// once that is to be asked anew, because the topic that is followed is not the one with the
// id, which was asked for just now.
func (f *feed) reaches(ctx context.Context, id [16]byte, ends map[int32]int64) (bool, error) {
	for first := true; ; first = false {
		f.mu.Lock()
		other, behind, moved := f.otherThan(id), false, f.moved
		for p, end := range ends {
			behind = behind || f.position[p] < end
		}
		if other && first {
			f.abandon()
		}
		f.mu.Unlock()
		switch {
		case other && !first:
			return false, nil
		case !other && !behind:
			return true, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if other {
			return false, nil
		}
	}
}

// confirm reads every partition to its end unless that was done within the given time.
func (f *feed) confirm(ctx context.Context, within time.Duration) error {
	return f.confirmed.confirm(ctx, within, func(ctx context.Context) error { return f.readToEnd(ctx, nil) })
}

// ends returns the end offset of each of the partitions that holds any record, and the id
// of the topic that the offsets are of: one that is deleted and created again meanwhile is
// asked about once more, because ends of the deleted one may never be reached.
func (f *feed) ends(ctx context.Context, partitions []int32) (id [16]byte, ends map[int32]int64, err error) {
	for {
		before, err := f.topicID(ctx)
		if err != nil {
			return id, nil, err
		}
		if ends, err = f.listEnds(ctx, partitions); err != nil {
			return id, nil, err
		}
		if id, err = f.topicID(ctx); err != nil || id == before {
			return id, ends, err
		}
	}
}

func (f *feed) topicID(ctx context.Context) ([16]byte, error) {
	found, err := describeTopics(ctx, f.reader.client, []string{f.topic})
	return found[f.topic].TopicID, err
}

func (f *feed) listEnds(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	starts, err := f.reader.admin.ListStartOffsets(ctx, f.topic)
	if err != nil {
		return nil, err
	}
	listed, err := f.reader.admin.ListEndOffsets(ctx, f.topic)
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for p, end := range listed[f.topic] {
		if len(partitions) > 0 && !slices.Contains(partitions, p) {
			continue
		}
		if end.Err != nil {
			return nil, end.Err
		}
		if start := starts[f.topic][p]; end.Offset > start.Offset {
			ends[p] = end.Offset
		}
	}
	return ends, nil
}
