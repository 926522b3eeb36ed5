package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/telemetry"
)

// TestServicesAreDrained: a service that is asked to stop has the drain timeout
// to return, is unready meanwhile, and may report its own cancellation.
func TestServicesAreDrained(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		run    func(ctx context.Context, stop func()) error
		wanted error
	}{
		"stops as asked": {run: func(ctx context.Context, stop func()) error {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}},
		"stops within the timeout": {run: func(_ context.Context, stop func()) error {
			stop()
			time.Sleep(4 * time.Second)
			return nil
		}},
		"does not stop": {run: func(_ context.Context, stop func()) error {
			stop()
			time.Sleep(6 * time.Second)
			return nil
		}, wanted: errDrain},
		"fails": {run: func(context.Context, func()) error { return boom }, wanted: boom},
		"fails while it stops": {run: func(_ context.Context, stop func()) error {
			stop()
			return boom
		}, wanted: boom},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				env := Env{Name: "test", Telemetry: telemetry.Discard(), Health: NewHealth()}
				env.Log = env.Telemetry.Logger
				err := runAndDrain(ctx, func(ctx context.Context) error { return c.run(ctx, stop) }, env, 5*time.Second)
				if !errors.Is(err, c.wanted) {
					t.Errorf("the error is %v, want %v", err, c.wanted)
				}
				stop()
				time.Sleep(2 * time.Second) // the service that did not stop ends
			})
		})
	}
}
