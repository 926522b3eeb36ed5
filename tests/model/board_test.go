package model

import (
	"context"
	"sync"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// patience is how long a run may take, by processPace, before it counts as stuck.
const patience = 180 * time.Second

// board shows the newest event of each run.
type board struct {
	failed <-chan struct{} // the world's
	mu     sync.Mutex
	runs   map[string]schemas.Run
	ended  int           // runs that are closed
	moved  chan struct{} // closed and replaced at each event
}

func newBoard(w *world) *board {
	b := &board{failed: w.failed, runs: map[string]schemas.Run{}, moved: make(chan struct{})}
	table, err := kafka.OpenTable(w.kafka, kafkatest.Deps(), kafka.TableConfig[schemas.Run]{
		Topic: w.topics.Runs(), Each: func(_ string, run schemas.Run) { b.show(run) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- table.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("following runs: %v", err)
		}
		for _, err := range table.Broken() {
			w.t.Errorf("a run event cannot be read: %v", err)
		}
	})
	return b
}

// show records an event.
func (b *board) show(run schemas.Run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if closed(run) && !closed(b.runs[run.Run]) {
		b.ended++
	}
	b.runs[run.Run] = run
	close(b.moved)
	b.moved = make(chan struct{})
}

// await waits until a run fulfils a condition and returns it; ok is false after
// patience.
func (b *board) await(run string, is func(schemas.Run) bool) (r schemas.Run, ok bool) {
	began := processPace.now()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		b.mu.Lock()
		r, known := b.runs[run]
		moved := b.moved
		b.mu.Unlock()
		if known && is(r) {
			return r, true
		}
		select {
		case <-moved:
		case <-b.failed:
			return r, false // a violation was found already
		case <-look.C:
			if processPace.now()-began > patience {
				return r, false
			}
		}
	}
}

// pass waits until n more runs are closed, and returns false if over ends first.
func (b *board) pass(n int, over <-chan struct{}) bool {
	b.mu.Lock()
	until := b.ended + n
	b.mu.Unlock()
	for {
		b.mu.Lock()
		ended, moved := b.ended, b.moved
		b.mu.Unlock()
		if ended >= until {
			return true
		}
		select {
		case <-moved:
		case <-over:
			return false
		}
	}
}

func closed(r schemas.Run) bool { return schemas.Terminal(r.State) }
