//go:build failpoint

package model

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"tapline.dev/libs/failpoint"
)

// mutantSeeds is how many histories a mistake may survive.
const mutantSeeds = 6 * worldSize

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

// mutants are the mistakes that the algorithm exists to avoid, and the trouble
// in which each shows.
var mutants = map[string]trouble{
	"extractor.strict-cursor":        {},
	"scheduler.clock-minus-lookback": {},
	"scheduler.no-lookback":          {},
	"extractor.ledger-set":           {},
	"scheduler.watermark-at-final":   {},
	"scheduler.close-without-final":  {},
	"extractor.future-moves-mark":    {},
	"extractor.short-accepted":       {crashes: true},
}

// TestMutants makes each mistake in a process of its own, and wants the histories
// to show it.
func TestMutants(t *testing.T) {
	for mistake := range mutants {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheMistake$", "-test.v")
			cmd.Env = append(os.Environ(), mistakeVariable+"="+mistake)
			out, err := cmd.CombinedOutput()
			_, found, ok := strings.Cut(string(out), "found among ")
			if err != nil || !ok {
				t.Fatalf("it is not found: %v\n%s", err, out)
			}
			found, _, _ = strings.Cut(found, "\n")
			t.Logf("found among %s", found)
		})
	}
}

// mistakeVariable names the mistake of a child of TestMutants.
const mistakeVariable = "TAPLINE_TEST_MISTAKE"

// TestTheMistake is such a child's work.
func TestTheMistake(t *testing.T) {
	mistake := os.Getenv(mistakeVariable)
	in, ok := mutants[mistake]
	if !ok {
		t.Skip("it is TestMutants' to run")
	}
	failpoint.Set(mistake + "=mistake")
	for first := uint64(0); first < mutantSeeds; first += worldSize {
		if saw := watch(t, in, first); len(saw) > 0 {
			t.Logf("found among seeds %d to %d: %s", first, first+worldSize-1, strings.SplitN(saw[0], "\n", 2)[0])
			return
		}
	}
	t.Errorf("%d histories pass with the mistake", mutantSeeds)
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
