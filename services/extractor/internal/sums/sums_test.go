package sums

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// table is rows by their hash, and the day of each.
type table map[int64]int64

func (t table) sums() Sums {
	s := Sums{}
	for hash, times := range t {
		for way := range Ways {
			key := hash & Masks[way]
			if way == ByDay {
				key = hash % 7
			}
			s.Add(Key{way, key}, Of(hash, times))
		}
	}
	return s
}

// TestToldIsExact: whatever comes to and leaves a table of any size is told, rows that are
// equal too, as long as it is not too much; and too much is never told wrongly.
func TestToldIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		before := table{}
		for range r.IntN(20_000) {
			before[int64(r.Uint64())] += 1 + r.Int64N(2)
		}
		now, wantCame, wantLeft := maps.Clone(before), Rows{}, Rows{}
		for hash := range before {
			if r.IntN(40) == 0 {
				now[hash]--
				wantLeft[hash]++
			}
		}
		for range r.IntN(3000) {
			hash, times := int64(r.Uint64()), 1+r.Int64N(3)
			now[hash] += times
			wantCame[hash] += times
		}
		came, left, ok := Told(now.sums().Minus(before.sums()))
		if !ok {
			t.Fatalf("seed %d: %d and %d rows are not told", seed, len(wantCame), len(wantLeft))
		}
		if diff := cmp.Diff(wantCame, came); diff != "" {
			t.Errorf("seed %d: came (-want +got)\n%.300s", seed, diff)
		}
		if diff := cmp.Diff(wantLeft, left); diff != "" {
			t.Errorf("seed %d: left (-want +got)\n%.300s", seed, diff)
		}
	}
	large := table{}
	r := rand.New(rand.NewPCG(7, 7))
	for range 50_000 {
		large[int64(r.Uint64())]++
	}
	if _, _, ok := Told(large.sums().Minus(Sums{})); ok {
		t.Error("fifty thousand rows were told")
	}
	if came, left, ok := Told(large.sums().Minus(large.sums())); !ok || len(came)+len(left) > 0 {
		t.Errorf("equal tables differ by %d and %d rows", len(came), len(left))
	}
}
