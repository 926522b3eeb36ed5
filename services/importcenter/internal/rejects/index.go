package rejects

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const (
	// buildPause is the time before the index is tried again after an error.
	buildPause = 2 * time.Second
	// batchRecords bounds what one transaction of the index takes in.
	batchRecords = 10_000
)

// ErrUnavailable says that the index cannot answer now; its text says why.
var ErrUnavailable = errors.New("the index of rejects is not available")

// source is Kafka as the index reads it.
type source interface {
	offsets
	TopicID(ctx context.Context, topic string) (string, error)
	Pick(ctx context.Context, tp kafka.TP, offsets []int64, fn func(*kafka.Record) error) error
}

// offsets tells where a partition begins and ends.
type offsets interface {
	StartOffset(ctx context.Context, tp kafka.TP) (int64, error)
	EndOffset(ctx context.Context, tp kafka.TP) (int64, error)
	StableOffset(ctx context.Context, tp kafka.TP) (int64, error)
}

// Tail reads partitions on, with the markers of transactions.
type Tail interface {
	Poll(ctx context.Context, limit int) ([]*kafka.Record, error)
	Close()
}

// Config says where the index lies.
type Config struct {
	// Directory is where the index is kept. Empty makes one below the temporary directory,
	// which is removed at the end.
	Directory string
	// Check is how often the index checks what retention has deleted, and whether topic and
	// file are still the same.
	Check time.Duration
}

// Deps are what an index needs.
type Deps struct {
	Log      *slog.Logger
	Topics   schemas.Topics
	Source   source
	OpenTail func(from map[kafka.TP]int64) (Tail, error)
	// Known is what the scheduler's state says about an import.
	Known func(importName string) Known
}

// Index answers questions about the rejects topic from a file that is built from the
// topic and can be deleted at any time. It is safe for concurrent use; Run alone writes.
type Index struct {
	cfg  Config
	deps Deps

	mu       sync.Mutex
	store    *store
	failure  error              // why there is no store, or why it does not advance
	position map[kafka.TP]int64 // where to go on
	moved    chan struct{}      // closed and replaced when anything above changes
}

var errOpening = errors.New("it is being opened")

// New returns an index that answers once Run has opened it.
func New(cfg Config, deps Deps) *Index {
	return &Index{cfg: cfg, deps: deps, failure: errOpening, position: map[kafka.TP]int64{}, moved: make(chan struct{})}
}

// Run keeps the index until ctx is done. An error is logged, and the step tried again:
// without the index rejects cannot be listed, and everything else goes on.
func (x *Index) Run(ctx context.Context) error {
	dir := x.cfg.Directory
	if dir == "" {
		made, err := os.MkdirTemp("", "tapline-rejects-")
		if err != nil {
			x.deps.Log.ErrorContext(ctx, "there is no place for the index of rejects: set rejects.directory", slog.Any("error", err))
			x.failed(err)
			<-ctx.Done()
			return nil
		}
		defer func() { _ = os.RemoveAll(made) }() // what is left is in a temporary directory
		dir = made
	}
	logged := ""
	for {
		err := x.keep(ctx, dir)
		if ctx.Err() != nil {
			return nil
		}
		x.failed(err)
		if text := err.Error(); text != logged {
			x.deps.Log.ErrorContext(ctx, "the index of rejects stands still and is tried again", slog.Any("error", err))
			logged = text
		}
		if backoff.Wait(ctx, buildPause) != nil {
			return nil
		}
	}
}

// failed notes why the index does not go on.
func (x *Index) failed(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failure = err
	x.wake()
}

// wake wakes the goroutines that wait for a change. The caller has locked mu.
func (x *Index) wake() {
	close(x.moved)
	x.moved = make(chan struct{})
}

// opened makes the store available for questions.
func (x *Index) opened(s *store, position map[kafka.TP]int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.store, x.failure, x.position = s, nil, position
	x.wake()
}

// closed makes the store unavailable, and closes it once nobody reads it.
func (x *Index) closed() {
	x.mu.Lock()
	s := x.store
	x.store = nil
	if x.failure == nil {
		x.failure = errOpening // until Run says why: closing waits for whoever reads
	}
	x.mu.Unlock()
	if s != nil {
		_ = s.close() // nothing of it is needed
	}
}

func (x *Index) advanced(position map[kafka.TP]int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failure = nil
	for tp, at := range position {
		x.position[tp] = at
	}
	x.wake()
}

// now is the store, the position in a partition, and a channel that closes at the next
// change.
func (x *Index) now(tp kafka.TP) (*store, int64, <-chan struct{}, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.store == nil {
		return nil, 0, x.moved, fmt.Errorf("%w: %w", ErrUnavailable, x.failure)
	}
	return x.store, x.position[tp], x.moved, nil
}

// storeWith is the store, if it still holds what was reached: it may have been opened anew since.
func (x *Index) storeWith(reached map[kafka.TP]int64) (*store, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.store == nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, x.failure)
	}
	for tp, at := range reached {
		if x.position[tp] < at {
			return nil, errAnew
		}
	}
	return x.store, nil
}

// why is the reason why the index does not advance, "" if it does.
func (x *Index) why() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failure == nil {
		return ""
	}
	return x.failure.Error()
}
