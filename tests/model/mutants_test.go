//go:build failpoint

package model

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"tapline.dev/libs/failpoint"
)

// mutantSeeds is how many histories a mistake may survive.
const mutantSeeds = 3 * worldSize

// witness takes violations down where a test would fail.
type witness struct {
	testing.TB
	mu  sync.Mutex
	saw []string
}

// Errorf implements testing.TB.
func (w *witness) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saw = append(w.saw, fmt.Sprintf(format, args...))
}

// TestMutants makes the mistakes that the algorithm exists to avoid, one at a
// time, and wants the histories to show each.
func TestMutants(t *testing.T) {
	for _, mutant := range []struct {
		mistake string
		in      trouble
	}{
		{"extractor.strict-cursor", trouble{}},
		{"scheduler.clock-minus-lookback", trouble{}},
		{"scheduler.no-lookback", trouble{}},
		{"extractor.ledger-set", trouble{}},
		{"scheduler.watermark-at-final", trouble{}},
		{"scheduler.close-without-final", trouble{}},
		{"extractor.future-moves-mark", trouble{}},
		{"extractor.short-accepted", trouble{crashes: true}},
	} {
		t.Run(mutant.mistake, func(t *testing.T) {
			failpoint.Set(mutant.mistake + "=mistake")
			defer failpoint.Set("")
			for first := uint64(0); first < mutantSeeds; first += worldSize {
				saw := watch(t, mutant.in, first)
				if len(saw) > 0 {
					t.Logf("found among seeds %d to %d: %s", first, first+worldSize-1, strings.SplitN(saw[0], "\n", 2)[0])
					return
				}
			}
			t.Errorf("%d histories pass with the mistake", mutantSeeds)
		})
	}
}

// watch runs a world and returns its violations.
func watch(t *testing.T, trouble trouble, first uint64) []string {
	w := &witness{TB: t}
	t.Run(fmt.Sprintf("from %d", first), func(t *testing.T) {
		w.TB = t
		passAs(w, trouble, first, first+worldSize)
	})
	return w.saw
}
