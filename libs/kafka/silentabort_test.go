package kafka_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
)

// TestACommitIsNoAbort: what Commit says was committed is there, also of the first
// transaction of many clients at once, which franz-go 1.22.2 aborts now and then
// without saying so.
func TestACommitIsNoAbort(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	const clients = 300
	committed, aborted := map[string]bool{}, 0
	var mu sync.Mutex
	var all sync.WaitGroup
	turns := make(chan struct{}, 16)
	for i := range clients {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			id := fmt.Sprintf("first-%d", i)
			tx, err := kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), id)
			if err != nil {
				t.Error(err)
				return
			}
			defer tx.Close()
			for {
				if err := tx.Begin(); err != nil {
					t.Error(err)
					return
				}
				tx.Produce(record(cfg, 0, id))
				err := tx.Commit(t.Context())
				mu.Lock()
				if committed[id] = err == nil; err != nil {
					aborted++
				}
				mu.Unlock()
				if err == nil {
					return
				}
				if !errors.Is(err, kafka.ErrAborted) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, value := range values(t, cfg) {
		seen[value]++
	}
	for id, ok := range committed {
		if ok && seen[id] != 1 {
			t.Errorf("%s was committed and is there %d times", id, seen[id])
		}
	}
	t.Logf("%d of %d first transactions were aborted and said so", aborted, clients)
}
