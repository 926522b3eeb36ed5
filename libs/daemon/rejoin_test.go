package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tapline.dev/libs/daemon"
)

func TestRejoin(t *testing.T) {
	t.Parallel()
	errBroker, errDrain := errors.New("the broker is gone"), errors.New("requests are in flight")
	for name, c := range map[string]struct {
		pause     time.Duration
		lives     []error // how each membership ends by itself; the next one is held until ctx is done
		onStop    error   // what the last one returns then
		wantJoins []time.Duration
		wantEnded []error
		wantLog   string
	}{
		"nothing fails":     {onStop: context.Canceled, wantJoins: []time.Duration{0}},
		"two memberships":   {lives: []error{errBroker, nil}, wantJoins: []time.Duration{0, time.Second, 2 * time.Second}, wantEnded: []error{errBroker, nil}, wantLog: "joining again"},
		"a longer pause":    {pause: time.Minute, lives: []error{errBroker}, wantJoins: []time.Duration{0, time.Minute}, wantEnded: []error{errBroker}, wantLog: "joining again"},
		"stopped undrained": {onStop: errDrain, wantJoins: []time.Duration{0}, wantLog: "before it was drained"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				var log bytes.Buffer
				var joins []time.Duration
				var ended []error
				began := time.Now()
				daemon.Rejoin(ctx, daemon.Membership{
					Pause: c.pause, Log: slog.New(slog.NewTextHandler(&log, nil)),
					Hold: func(ctx context.Context) error {
						joins = append(joins, time.Since(began))
						if n := len(joins); n <= len(c.lives) {
							return c.lives[n-1]
						}
						<-ctx.Done()
						return c.onStop
					},
					Ended: func(_ context.Context, err error) { ended = append(ended, err) },
				})
				if took := time.Since(began); took != time.Hour {
					t.Errorf("returned after %v, want when ctx was done", took)
				}
				if diff := cmp.Diff(c.wantJoins, joins); diff != "" {
					t.Errorf("joined after (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.wantEnded, ended, cmpopts.EquateErrors()); diff != "" {
					t.Errorf("ended with (-want +got):\n%s", diff)
				}
				if c.wantLog == "" && log.Len() > 0 || !strings.Contains(log.String(), c.wantLog) {
					t.Errorf("the log says %q, want %q", log.String(), c.wantLog)
				}
			})
		})
	}
}

// TestRejoinStopsInThePause: a service that is stopped does not wait for a
// membership that it will not use.
func TestRejoinStopsInThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		joins := 0
		daemon.Rejoin(ctx, daemon.Membership{
			Pause: time.Hour, Log: slog.New(slog.DiscardHandler),
			Hold: func(context.Context) error { joins++; return errors.New("refused") },
		})
		if joins != 1 {
			t.Errorf("joined %d times, want once", joins)
		}
	})
}
