package backoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDelayGrowsToItsBound(t *testing.T) {
	t.Parallel()
	most := func(d time.Duration) time.Duration { return d - 1 }
	least := func(time.Duration) time.Duration { return 0 }
	for n, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
		if got := delay(n, time.Second, 5*time.Second, most); got != want {
			t.Errorf("the delay after %d waits is %v, want at most %v", n, got, want)
		}
		if got := delay(n, time.Second, 5*time.Second, least); got != want/2 {
			t.Errorf("the delay after %d waits is %v, want at least %v", n, got, want/2)
		}
		if got := Delay(n, time.Second, 5*time.Second); got < want/2 || got > want {
			t.Errorf("the delay after %d waits is %v, want between %v and %v", n, got, want/2, want)
		}
	}
	if got := delay(1000, time.Second, time.Minute, most); got != time.Minute {
		t.Errorf("the delay after 1000 waits is %v, want a minute", got)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Wait(t.Context(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("waited %v, %v, want a minute", time.Since(start), err)
		}
		ended := errors.New("ended")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(ended) })
		start = time.Now()
		if err := Wait(ctx, time.Hour); !errors.Is(err, ended) || time.Since(start) != time.Second {
			t.Errorf("waited %v, %v, want a second and the context's cause", time.Since(start), err)
		}
	})
}
