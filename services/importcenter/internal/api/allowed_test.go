package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/services/importcenter/internal/access"
)

// deadlined is a connection that knows until when it may be written to.
type deadlined struct {
	http.ResponseWriter
	mu sync.Mutex
	at time.Time
}

func (d *deadlined) SetWriteDeadline(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	return nil
}

func (d *deadlined) deadline() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

// TestWatchOfACaller: within a second of the credential's end the request is cancelled
// and its reader is waited for no more, even if a stream has begun another write with a
// later deadline.
func TestWatchOfACaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &handlers{Deps: Deps{Now: time.Now}}
		began, gone := time.Now(), errors.New("revoked")
		caller := access.Caller{Holds: func(now time.Time) error {
			if now.Sub(began) > 10*time.Second {
				return gone
			}
			return nil
		}}
		conn := &deadlined{ResponseWriter: httptest.NewRecorder(), at: began.Add(time.Hour)}
		answered := make(chan struct{})
		var ended atomic.Int64 // nanoseconds
		go h.watchCaller(caller, answered, func(why error) {
			ended.Store(int64(time.Since(began)))
			if !errors.Is(why, gone) {
				t.Errorf("it ended because of %v", why)
			}
		}, http.NewResponseController(conn))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if after := ended.Load(); after != 0 {
			t.Fatalf("it ended after %s, before the credential did", time.Duration(after))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if last := conn.deadline().Sub(began); ended.Load() == 0 || last > 11*time.Second {
			t.Errorf("a second after the credential's end: cancelled after %s, the last write may end after %s", time.Duration(ended.Load()), last)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
		time.Sleep(allowedEvery)
		synctest.Wait()
		if left := time.Until(conn.deadline()); left > 0 {
			t.Errorf("a write that began meanwhile has %s", left)
		}
		close(answered)
	})
}

// TestWhatACallerIsToldWhoMayNotAnyMore: a scan that was ended answers as the next request
// would.
func TestWhatACallerIsToldWhoMayNotAnyMore(t *testing.T) {
	t.Parallel()
	h := &handlers{Deps: Deps{Log: slog.New(slog.DiscardHandler)}}
	for name, c := range map[string]struct {
		why  error
		want int
	}{
		"the reader has gone":          {context.Canceled, http.StatusServiceUnavailable},
		"expired or revoked":           {errors.Join(errCredential, errors.New("expired")), http.StatusUnauthorized},
		"Kafka is away for too long":   {errors.Join(errCredential, &access.UnavailableError{Detail: "away"}), http.StatusServiceUnavailable},
		"the import left the selector": {errors.Join(errCredential, outside("customers")), http.StatusForbidden},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(c.why)
		if p := h.kafkaFailed(ctx, ctx.Err()); p.Status != c.want {
			t.Errorf("%s = %d %s", name, p.Status, p.Detail)
		}
	}
}
