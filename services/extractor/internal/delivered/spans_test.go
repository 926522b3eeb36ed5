package delivered

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSpans compares intervals with a set of single offsets.
func TestSpans(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 7))
		var s spans
		set := map[int64]bool{}
		for range 60 {
			from := random.Int64N(40)
			to := from + random.Int64N(6)
			if random.IntN(3) > 0 {
				s = s.add(from, to)
				for i := from; i <= to; i++ {
					set[i] = true
				}
			} else {
				s = s.remove(from, to)
				for i := from; i <= to; i++ {
					delete(set, i)
				}
			}
			if s.count() != int64(len(set)) {
				t.Fatalf("seed %d: %v counts %d, want %d", seed, s, s.count(), len(set))
			}
			for i := range int64(50) {
				if s.has(i) != set[i] {
					t.Fatalf("seed %d: %v has(%d) is %v", seed, s, i, s.has(i))
				}
			}
			if !slices.IsSortedFunc(s, func(a, b span) int { return int(a.from - b.to - 1) }) {
				t.Fatalf("seed %d: %v is not in order", seed, slices.Sorted(maps.Keys(set)))
			}
		}
	}
}
