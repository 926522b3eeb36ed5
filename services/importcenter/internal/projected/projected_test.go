package projected

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// TestATopicThatIsMadeAnew: Redis goes back with the runs topic, and will never show the
// events of the former topic; it is read again once the new one has an event.
func TestATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const partition = 3
		_, client := redistest.NewVirtual(t)
		w := projection.NewWriter(client)
		shows := func(upTo int64) {
			t.Helper()
			found, err := w.Progress(t.Context(), partition)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := w.AdvanceProgress(t.Context(), partition, found, projection.NewProgress(upTo, time.Now().String())); err != nil || !ok {
				t.Fatal(ok, err)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		log := make(chan int64) // offsets of events
		tail := func(ctx context.Context, _ map[kafka.TP]int64, fn func(*kafka.Record) error) error {
			for {
				select {
				case at := <-log:
					if err := fn(&kafka.Record{Partition: partition, Offset: at, Value: []byte(`{"run":"customers.1"}`)}); err != nil {
						return err
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		r := New(projection.NewReader(client), w, DefaultAllowed, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = r.Follow(ctx, schemas.NewTopics("").Runs(), tail) }()

		log <- 1000
		shows(1001)
		if err := r.Check(ctx); err != nil {
			t.Errorf("with every event: %v", err)
		}
		shows(0) // the scheduler has taken up the new topic, which is empty
		if _, err := r.Listings(ctx); !errors.As(err, new(*StaleError)) {
			t.Errorf("before the new topic's first event: %v, want a StaleError", err)
		}
		log <- 0
		shows(1)
		if _, err := r.Listings(ctx); err != nil {
			t.Errorf("with every event of the new topic: %v", err)
		}
		log <- 1
		time.Sleep(10 * time.Second)
		if err := r.Check(ctx); !errors.As(err, new(*StaleError)) {
			t.Errorf("without the new topic's second event: %v, want a StaleError", err)
		}
	})
}
