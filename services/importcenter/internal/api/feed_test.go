package api

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreamsOfOneRunShareAReading: each run that somebody follows is read twice a second,
// however many follow it; one that nobody follows is not read.
func TestStreamsOfOneRunShareAReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		reads := map[string]int{}
		all := newFeeds(func(_ context.Context, run string) (*runSnapshot, time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			reads[run]++
			return &runSnapshot{}, eventEvery
		})
		readings := func(run string) int {
			mu.Lock()
			defer mu.Unlock()
			n := reads[run]
			reads[run] = 0
			return n
		}
		for round := range 3 {
			var leave []func()
			for range 50 {
				_, l := all.join("customers.1")
				leave = append(leave, l)
			}
			_, other := all.join("orders.7")
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if a, b := readings("customers.1"), readings("orders.7"); a != 21 || b != 21 {
				t.Errorf("round %d: %d and %d readings in 10 s", round, a, b)
			}
			other()
			for _, l := range leave[1:] {
				l()
				l() // once more does nothing
			}
			time.Sleep(10 * time.Second)
			if a, b := readings("customers.1"), readings("orders.7"); a != 20 || b != 0 {
				t.Errorf("round %d: %d readings for the last stream, %d for nobody", round, a, b)
			}
			leave[0]()
			if len(all.followed) != 0 {
				t.Errorf("round %d: feeds of %d runs are left", round, len(all.followed))
			}
		}
		// The bubble ends only if no goroutine is left.
	})
}

// watched is an answer whose text a test reads while it is written.
type watched struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ResponseRecorder.Write(b)
}

func (w *watched) count(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.Body.String(), text)
}

// TestAnIdleStream writes a comment every 15 seconds, so that proxies keep it open, and
// ends at once when the service stops or the reader goes.
func TestAnIdleStream(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(stop, leave func()){
		"the service stops": func(stop, _ func()) { stop() },
		"the reader goes":   func(_, leave func()) { leave() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stopping := make(chan struct{})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				out := &watched{ResponseRecorder: httptest.NewRecorder()}
				s := &events{h: &handlers{Deps: Deps{Stopping: stopping, Now: time.Now}}, gone: ctx.Done(), out: out}
				if err := s.write("retry: 2000\n\n"); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- s.until(make(chan struct{})) }() // nothing changes
				time.Sleep(time.Minute + time.Second)
				if n := out.count(": still here\n\n"); n != 4 {
					t.Errorf("%d comments in a minute", n)
				}
				before := time.Now()
				end(func() { close(stopping) }, leave)
				if err := <-ended; !errors.Is(err, errStreamEnds) || time.Since(before) != 0 {
					t.Errorf("ended after %s: %v", time.Since(before), err)
				}
			})
		})
	}
}
