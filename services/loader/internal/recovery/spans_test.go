package recovery

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSpansAreAMap compares spans with what they stand for: a fate for each
// offset.
func TestSpansAreAMap(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var s spans
		want := map[int64]Fate{}
		for range 1 + rng.IntN(40) {
			from := rng.Int64N(60)
			to := from + rng.Int64N(12) - 1 // sometimes empty
			fate := Fate(rng.IntN(3))
			s.set(from, to, fate)
			for o := from; o <= to; o++ {
				if want[o] != Done {
					want[o] = fate
				}
			}
			for o := int64(-2); o < 80; o++ {
				if s.at(o) != want[o] {
					t.Fatalf("offset %d has fate %d, want %d: %+v", o, s.at(o), want[o], s)
				}
			}
			for i, sp := range s {
				if sp.from > sp.to || i > 0 && (s[i-1].to >= sp.from || s[i-1].to+1 == sp.from && s[i-1].fate == sp.fate) {
					t.Fatalf("span %d is empty, out of order or half of one: %+v", i, s)
				}
			}
		}
	}
}

// TestSpansOfAMonthAreFew: what reports say in their order takes one span for
// each gap.
func TestSpansOfAMonthAreFew(t *testing.T) {
	var s spans
	for i := range int64(100_000) {
		s.set(i*1000, i*1000+999, Ambiguous)
		s.set(i*1000, i*1000+999, Done)
	}
	if len(s) != 1 {
		t.Errorf("%d spans for a hundred million offsets without a gap", len(s))
	}
}
