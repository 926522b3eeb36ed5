package extractor

import (
	"testing"

	"tapline.dev/libs/kafka"
)

// The metric's sum over all extractors is the number of partitions, unless some are without
// an extractor: an alert compares it.
func TestOwnedPartitionsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(1)...)
	s, rec := w.startRecorded()
	expect := func(when string, want float64) {
		t.Helper()
		if n, ok := rec.Metrics(t, "tapline_extractor")["tapline_extractor_partitions"]; !ok || n != want {
			t.Errorf("%s the metric is %v, %v, want %v", when, n, ok, want)
		}
	}
	tps := func(partitions ...int32) (all []kafka.TP) {
		for _, p := range partitions {
			all = append(all, kafka.TP{Topic: w.topics.Triggers(), Partition: p})
		}
		return all
	}
	expect("before the first membership", 0)
	o := newOwners(t.Context(), s)
	o.assign(tps(0, 1))
	expect("of two", 2)
	o.assign(tps(1, 2))
	expect("of one that was there and one more", 3)
	o.release(tps(0))
	o.release(tps(0))
	expect("after one was given up", 2)
	o.close()
	expect("after the end", 0)
}
