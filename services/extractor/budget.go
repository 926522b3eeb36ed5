package extractor

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// budget bounds the chunks that all attempts of the process hold at once by their bytes,
// as they come from Snowflake. Safe for concurrent use.
type budget struct {
	most int64
	free *semaphore.Weighted
}

func newBudget(most int64) *budget { return &budget{most: most, free: semaphore.NewWeighted(most)} }

// share returns what one attempt holds of the budget, nothing at first.
func (b *budget) share() *share { return &share{budget: b} }

// share is what one attempt holds of a budget. An attempt waits for more before it
// downloads a chunk, while what it holds already goes on to its commit and is given back:
// so no attempts wait for each other. Safe for concurrent use.
type share struct {
	budget *budget
	mu     sync.Mutex
	held   int64
}

// take waits until as many bytes are free, or all of them if the chunk is larger, and
// returns how many it took.
func (s *share) take(ctx context.Context, bytes int64) (int64, error) {
	bytes = min(max(bytes, 1), s.budget.most)
	if err := s.budget.free.Acquire(ctx, bytes); err != nil {
		return 0, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held += bytes
	return bytes, nil
}

// resize makes what was taken for a chunk what the chunk turned out to need, as far as
// that is free: the chunk is there already.
func (s *share) resize(taken, bytes int64) int64 {
	bytes = min(max(bytes, 1), s.budget.most)
	if bytes < taken {
		s.give(taken - bytes)
		return bytes
	}
	if !s.budget.free.TryAcquire(bytes - taken) {
		return taken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held += bytes - taken
	return bytes
}

// give gives bytes back.
func (s *share) give(bytes int64) {
	s.mu.Lock()
	s.held -= bytes
	s.mu.Unlock()
	s.budget.free.Release(bytes)
}

// giveAll gives back what the attempt still holds at its end.
func (s *share) giveAll() {
	s.mu.Lock()
	held := s.held
	s.held = 0
	s.mu.Unlock()
	s.budget.free.Release(held)
}
