package loader

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// rows makes n records over the partitions, one identity each.
func rows(n, partitions int) []row {
	out := make([]row, n)
	for i := range out {
		out[i] = row{partition: int32(i % partitions), identity: fmt.Sprintf("u%d", i), version: 1}
	}
	return out
}

func TestEveryRecordIsLoadedOnceAndCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 3, schemas.ImportSpec{})
	w.load("customers", rows(6000, 3), 1500)
	l := w.start()
	got := w.settled("customers", 6000)
	if diff := cmp.Diff(map[string]int{"loaded": 6000}, got.counts()); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
	if n := len(w.cleverTap.got()); n != 6000 {
		t.Errorf("CleverTap has %d records, want 6000", n)
	}
	l.drain()
	// A second loader finds everything committed.
	requests, _ := w.cleverTap.stats()
	second := w.start()
	w.load("customers", []row{{identity: "late", version: 1}}, 1)
	w.settled("customers", 6001)
	second.drain()
	if after, _ := w.cleverTap.stats(); after != requests+1 {
		t.Errorf("the second loader made %d requests, want 1", after-requests)
	}
	_ = time.Second
}
