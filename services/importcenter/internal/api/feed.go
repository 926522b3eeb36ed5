package api

import (
	"context"
	"sync"
	"time"
)

// feed reads something for all streams of this replica that follow it: while somebody
// follows it, and not otherwise. A stream that is slow misses snapshots, so that one of
// them is held however many follow.
type feed[T any] struct {
	// read returns a snapshot and when it is to be read again.
	read func(ctx context.Context) (*T, time.Duration)

	mu      sync.Mutex
	current *T            // nil until it was read
	changed chan struct{} // closes with the next snapshot
	readers int
	stop    func() // ends the reading and waits for it
}

func newFeed[T any](read func(ctx context.Context) (*T, time.Duration)) *feed[T] {
	return &feed[T]{read: read, changed: make(chan struct{})}
}

// join begins to follow; the first reader starts the reading. leave ends it, and the last
// reader's the reading.
func (f *feed[T]) join() (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers++
	if f.readers == 1 {
		f.stop = f.startReading()
	}
	return sync.OnceFunc(func() {
		f.mu.Lock()
		f.readers--
		stop := func() {}
		if f.readers == 0 {
			stop, f.stop, f.current = f.stop, nil, nil
		}
		f.mu.Unlock()
		stop() // without the lock, which publish takes
	})
}

// startReading reads and publishes until stop is called, which waits for the end of it.
func (f *feed[T]) startReading() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
			snapshot, again := f.read(ctx)
			f.publish(ctx, snapshot)
			timer.Reset(again)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// publish puts a snapshot in place of the one before, unless its reading was ended: the
// readers that have come since have a reading of their own.
func (f *feed[T]) publish(ctx context.Context, snapshot *T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	f.current = snapshot
	close(f.changed)
	f.changed = make(chan struct{})
}

// newest is the newest snapshot, nil before the first, and what closes with the next one.
func (f *feed[T]) newest() (*T, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current, f.changed
}

// feeds are the feeds of several things of a kind, by what names each: those that
// somebody follows.
type feeds[T any] struct {
	read func(ctx context.Context, name string) (*T, time.Duration)

	mu       sync.Mutex
	followed map[string]*followed[T]
}

type followed[T any] struct {
	feed    *feed[T]
	streams int
}

func newFeeds[T any](read func(ctx context.Context, name string) (*T, time.Duration)) *feeds[T] {
	return &feeds[T]{read: read, followed: map[string]*followed[T]{}}
}

// join begins to follow what name says. leave ends it.
func (f *feeds[T]) join(name string) (joined *feed[T], leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.followed[name]
	if one == nil {
		one = &followed[T]{feed: newFeed(func(ctx context.Context) (*T, time.Duration) { return f.read(ctx, name) })}
		f.followed[name] = one
	}
	one.streams++
	end := one.feed.join()
	return one.feed, sync.OnceFunc(func() {
		f.mu.Lock()
		one.streams--
		if one.streams == 0 {
			delete(f.followed, name)
		}
		f.mu.Unlock()
		end() // without the lock, because it waits for the reading
	})
}
