package extractor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestBudget: attempts together never hold more than the budget, and each of them goes on.
func TestBudget(t *testing.T) {
	t.Parallel()
	const most, attempts, chunks = 48, 8, 200
	b := newBudget(most)
	var held, peak atomic.Int64
	var working sync.WaitGroup
	for i := range attempts {
		working.Go(func() {
			s := b.share()
			defer s.giveAll()
			for n := range chunks {
				size := int64(16)
				if n%10 == 0 {
					size = most * 2 // larger than the whole budget: alone
				}
				taken, err := s.take(t.Context(), size)
				if err != nil {
					t.Error(err)
					return
				}
				taken = s.resize(taken, size/2+int64(i))
				for now := held.Add(taken); ; {
					if p := peak.Load(); now <= p || peak.CompareAndSwap(p, now) {
						break
					}
				}
				held.Add(-taken)
				s.give(taken)
			}
		})
	}
	working.Wait()
	if peak.Load() > most {
		t.Errorf("%d bytes were held at once, the budget is %d", peak.Load(), most)
	}
	if !b.free.TryAcquire(most) {
		t.Error("after the end of all attempts something is not given back")
	}
}

// TestBudgetWaits: an attempt waits for what others hold, gives up with its context, and
// what it held at its end is free.
func TestBudgetWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10)
		first := b.share()
		if _, err := first.take(t.Context(), 8); err != nil {
			t.Fatal(err)
		}
		gone := errors.New("the attempt is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() {
			_, err := b.share().take(ctx, 5)
			ended <- err
		}()
		synctest.Wait()
		cancel(gone)
		if err := <-ended; !errors.Is(err, gone) {
			t.Errorf("take() = %v after the attempt has ended, want why", err)
		}
		first.giveAll()
		if taken, err := b.share().take(t.Context(), 100); err != nil || taken != 10 {
			t.Errorf("take() of more than there is = %d, %v; want all of it", taken, err)
		}
	})
}
