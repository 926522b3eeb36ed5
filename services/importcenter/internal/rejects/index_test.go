package rejects

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestIndexAgainstAnOracle compares two replicas with an independent count over random
// histories of writes, aborted transactions, retention, dismissals, restarts and lost
// files.
func TestIndexAgainstAnOracle(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			dirs := []string{t.TempDir(), t.TempDir()}
			replicas := []*replica{w.index(dirs[0]), w.index(dirs[1])}
			for step := range 10 {
				switch n := w.rand.IntN(2); w.rand.IntN(8) {
				case 0:
					w.retain()
				case 1:
					name := importNames[w.rand.IntN(len(importNames))]
					w.mu.Lock()
					known := w.known[name]
					known.Dismissed = max(known.Dismissed, w.rand.IntN(12))
					w.known[name] = known
					w.mu.Unlock()
				case 2: // a restart
					replicas[n].stop()
					w.write(w.rand.IntN(50))
					replicas[n] = w.index(dirs[n])
				case 3: // the file is lost while nobody runs, or while it is used
					if w.rand.IntN(2) == 0 {
						replicas[n].stop()
					}
					if err := os.Remove(filepath.Join(dirs[n], storeFile)); err != nil {
						t.Fatal(err)
					}
					replicas[n].stop()
					replicas[n] = w.index(dirs[n])
				case 4:
					w.replay()
				default:
					w.write(1 + w.rand.IntN(200))
				}
				t.Logf("step %d: %d written", step, len(slices.Concat(slices.Collect(maps.Values(w.written))...)))
				w.settle(replicas...)
				for _, x := range replicas {
					w.check(x)
				}
			}
		})
	}
}

// TestIndexOfTopicsThatWereMadeAnew: what a replay took from a rejects topic that was deleted
// says nothing about the rejects that have their offsets now, and what a deleted reports
// topic said is forgotten, also if nobody reads while the topics are made anew.
func TestIndexOfTopicsThatWereMadeAnew(t *testing.T) {
	t.Parallel()
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprintf("stopped=%v", stopped), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 7)
			dir := t.TempDir()
			x := w.index(dir)
			fill := func() {
				for range 3 {
					w.write(100)
					w.replay()
				}
				w.agrees(x)
			}
			fill()
			for _, topic := range []string{w.topics.Rejects(), w.topics.Reports()} {
				if stopped {
					x.stop()
				}
				w.recreate(topic)
				if stopped {
					w.write(400) // more than the topic had
					x = w.index(dir)
				}
				w.agrees(x)
				fill()
			}
		})
	}
}
