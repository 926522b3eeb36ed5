package kafka

import (
	"context"
	"time"
)

// A Sink takes in the records of a topic. Its methods are called by one goroutine.
type Sink interface {
	// Apply takes records in, in the order of their partition.
	Apply(records ...*Record)
	// Clear forgets everything: the topic was deleted and created again.
	Clear()
}

// Follower reads a compacted topic from its start into a sink that keeps what it
// needs of each record. It is for a topic of which a Table, with a copy of every
// newest record, would be too large.
type Follower struct {
	feed *feed
	sink Sink
}

// OpenFollower connects lazily; Run reads.
func OpenFollower(cfg Config, deps Deps, topic string, sink Sink) (*Follower, error) {
	reader, err := OpenReader(cfg, deps)
	if err != nil {
		return nil, err
	}
	return &Follower{newFeed(topic, reader), sink}, nil
}

// Run reads the topic from its start and follows it until ctx is done.
func (f *Follower) Run(ctx context.Context) error { return f.feed.run(ctx, f.sink.Apply, f.sink.Clear) }

// ReadToEnd returns once everything that was in the topic at the call is in the
// sink. It needs Run to be running.
func (f *Follower) ReadToEnd(ctx context.Context) error { return f.feed.readToEnd(ctx, nil) }

// Age is how long ago the sink was last known to have everything.
func (f *Follower) Age() time.Duration { return f.feed.confirmed.age() }

// Confirm is ReadToEnd unless the sink had everything within the given time.
func (f *Follower) Confirm(ctx context.Context, within time.Duration) error {
	return f.feed.confirm(ctx, within)
}
