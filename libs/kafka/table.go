package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// ErrUnreadable says that the newest record of a key cannot be read. The error
// names the record by its offset and quotes nothing of it.
var ErrUnreadable = errors.New("the record cannot be read")

// Table holds the newest value of each key of a compacted topic. Every reader of
// such a topic in Tapline is one, so that a record that cannot be read means the
// same everywhere:
//
//   - A key whose newest record cannot be read is broken. It has no value: the
//     older one was replaced, and whoever went on with it would act on limits,
//     a watermark or a mapping that is no longer in force.
//   - Every other key stays as it is.
//   - It is repaired by the next record of the key, a tombstone included.
//   - It is logged and counted once, by its offset; its content is never quoted.
//
// What a reader does about a broken key is its own decision and stands beside
// its call of Get. Safe for concurrent use.
type Table[V any] struct {
	cfg    TableConfig[V]
	log    *slog.Logger
	meters *tableMeters // nil measures nothing
	feed   *feed

	mu      sync.RWMutex
	entries map[string]*entry[V]
	records int64            // taken in so far
	deleted map[string]int64 // offsets of tombstones, only where they are asked for
	changed chan struct{}    // closed and replaced at each change
}

// TableConfig says what a table holds.
type TableConfig[V any] struct {
	Topic string
	// Decode reads the value of a record; nil reads JSON.
	Decode func(key string, value []byte) (V, error)
	// Select says which keys are held; nil holds all.
	Select func(key string) bool
	// Each is called for every value that can be read, in the order of its
	// partition and also where a newer one follows at once. It is for readers that
	// need the history; without it only the newest value of a key is ever decoded.
	Each func(key string, value V)
	// Tombstones keeps the offset of each key's newest deletion for Deleted. A table that
	// follows its topic leaves it off: the offsets would add up for as long as the process
	// lives.
	Tombstones bool
}

// entry is the newest record of a key. It is decoded when its value is first
// asked for: a topic that log cleaning has not compacted yet may hold a thousand
// older records of the same key, and decoding those would be wasted.
type entry[V any] struct {
	raw       []byte // a copy, so that it does not hold the batch that it came in; nil once decoded
	partition int32
	offset    int64
	version   int64
	value     V
	err       error
}

// OpenTable connects lazily; Run reads.
func OpenTable[V any](cfg Config, deps Deps, tc TableConfig[V]) (*Table[V], error) {
	t := NewTable(deps, tc)
	reader, err := OpenReader(cfg, deps)
	if err != nil {
		return nil, err
	}
	t.feed = newFeed(tc.Topic, reader)
	t.feed.meters = t.meters
	return t, nil
}

// NewTable returns a table that follows no topic; Apply fills it.
func NewTable[V any](deps Deps, tc TableConfig[V]) *Table[V] {
	return &Table[V]{
		cfg: tc, log: deps.Log, meters: newTableMeters(deps.Meter, tc.Topic),
		entries: map[string]*entry[V]{}, deleted: map[string]int64{}, changed: make(chan struct{}),
	}
}

// Run reads the topic from its start and follows it until ctx is done.
func (t *Table[V]) Run(ctx context.Context) error { return t.feed.run(ctx, t.Apply, t.clear) }

// ReadToEnd returns once everything that was in the topic at the call is in the
// table; with partitions, what was in these. It needs Run to be running.
func (t *Table[V]) ReadToEnd(ctx context.Context, partitions ...int32) error {
	return t.feed.readToEnd(ctx, partitions)
}

// Age is how long ago the table was last known to hold everything.
func (t *Table[V]) Age() time.Duration { return t.feed.confirmed.age() }

// Confirm is ReadToEnd unless the table held everything within the given time.
func (t *Table[V]) Confirm(ctx context.Context, within time.Duration) error {
	return t.feed.confirm(ctx, within)
}

// Get returns the newest value of a key, and whether there is one. The error is
// an ErrUnreadable: the key is broken.
func (t *Table[V]) Get(key string) (value V, found bool, err error) {
	t.mu.RLock()
	e := t.entries[key]
	if e == nil || e.raw == nil {
		defer t.mu.RUnlock()
		return e.read()
	}
	t.mu.RUnlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	e = t.entries[key]
	t.decode(key, e)
	return e.read()
}

func (e *entry[V]) read() (value V, found bool, err error) {
	if e == nil {
		return value, false, nil
	}
	return e.value, e.err == nil, e.err
}

// Version returns a number that changes with each record of a key, 0 if there is
// no record. Read the version before the value: if the key changes between the
// two reads, the change is then noticed twice, and never missed.
func (t *Table[V]) Version(key string) int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if e := t.entries[key]; e != nil {
		return e.version
	}
	return 0
}

// All returns the newest value of each key that has one. Broken keys are left
// out; see Broken.
func (t *Table[V]) All() map[string]V {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]V, len(t.entries))
	for key, e := range t.entries {
		if t.decode(key, e); e.err == nil {
			all[key] = e.value
		}
	}
	return all
}

// Visit calls fn with the newest value of each key, or with why it cannot be read, and
// copies nothing. fn must not use the table.
func (t *Table[V]) Visit(fn func(key string, value V, err error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, e := range t.entries {
		t.decode(key, e)
		fn(key, e.value, e.err)
	}
}

// Broken returns the keys whose newest record cannot be read, with the reason.
func (t *Table[V]) Broken() map[string]error {
	t.mu.Lock()
	defer t.mu.Unlock()
	broken := map[string]error{}
	for key, e := range t.entries {
		if t.decode(key, e); e.err != nil {
			broken[key] = e.err
		}
	}
	return broken
}

// Keys returns the keys that are not deleted, broken ones included, in order.
func (t *Table[V]) Keys() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Sorted(maps.Keys(t.entries))
}

// Deleted returns the offset of the newest tombstone of each key that has one,
// also of a key that has been written again since.
func (t *Table[V]) Deleted() map[string]int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return maps.Clone(t.deleted)
}

// Changed returns a channel that closes at the next change. Take the channel before you
// read a value, so that no change in between is missed.
func (t *Table[V]) Changed() <-chan struct{} {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.changed
}

// Apply takes records in, in the order of their partition. Run calls it; tests
// that have no topic call it themselves.
func (t *Table[V]) Apply(records ...*Record) {
	if len(records) == 0 {
		return
	}
	entries := make([]*entry[V], len(records))
	for i, r := range records {
		entries[i] = t.entryOf(r)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, r := range records {
		key := string(r.Key)
		t.records++
		switch {
		case t.cfg.Select != nil && !t.cfg.Select(key):
		case r.Value != nil:
			entries[i].version = t.records
			t.entries[key] = entries[i]
		default:
			delete(t.entries, key)
			if t.cfg.Tombstones {
				t.deleted[key] = r.Offset
			}
		}
	}
	t.announce()
}

// entryOf makes the entry of a record, and shows it to Each before anybody else
// can see it.
func (t *Table[V]) entryOf(r *Record) *entry[V] {
	key := string(r.Key)
	if r.Value == nil || t.cfg.Select != nil && !t.cfg.Select(key) {
		return nil
	}
	e := &entry[V]{raw: append([]byte{}, r.Value...), partition: r.Partition, offset: r.Offset}
	if t.cfg.Each != nil {
		if t.decode(key, e); e.err == nil {
			t.cfg.Each(key, e.value)
		}
	}
	return e
}

// clear forgets everything: the topic was created again.
func (t *Table[V]) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.entries)
	clear(t.deleted)
	t.announce()
}

func (t *Table[V]) announce() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// decode reads the record of an entry unless that has been done.
func (t *Table[V]) decode(key string, e *entry[V]) {
	if e == nil || e.raw == nil {
		return
	}
	raw, read := e.raw, t.cfg.Decode
	e.raw = nil
	if read == nil {
		read = decodeJSON[V]
	}
	var err error
	if e.value, err = read(key, raw); err == nil {
		return
	}
	var none V
	e.value = none
	// Not the decoder's error: it may quote the value.
	e.err = fmt.Errorf("%s[%d] at offset %d: %w", t.cfg.Topic, e.partition, e.offset, ErrUnreadable)
	if t.log != nil {
		t.log.ErrorContext(context.Background(), "a record of a compacted topic cannot be read, its key has no value until it is written again",
			slog.String("topic", t.cfg.Topic), slog.Int("partition", int(e.partition)), slog.Int64("offset", e.offset))
	}
	if t.meters != nil {
		t.meters.unreadable.Add(context.Background(), 1, t.meters.topic)
	}
}

func decodeJSON[V any](_ string, value []byte) (v V, err error) {
	err = json.Unmarshal(value, &v)
	return v, err
}

// LoadTable reads one partition of a compacted topic to its end and returns what
// it holds and the offset of its end. The table does not follow.
func LoadTable[V any](ctx context.Context, reader *Reader, partition int32, tc TableConfig[V]) (*Table[V], int64, error) {
	t := NewTable(reader.deps, tc)
	end, err := reader.ReadTo(ctx, TP{tc.Topic, partition}, 0, func(r *Record) error {
		t.Apply(r)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", tc.Topic, err)
	}
	return t, end, nil
}
