package recovery

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// TestSpansMatchSingleOffsets compares spans with what they stand for: for each offset
// whether it is done, and whose intents stand.
func TestSpansMatchSingleOffsets(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	type known struct {
		done    bool
		intents string // the one holder, or several
	}
	for range 2000 {
		var s spans
		model := map[int64]known{}
		want := func(o int64) State {
			switch {
			case model[o].done:
				return Done
			case model[o].intents != "":
				return Ambiguous
			}
			return Fresh
		}
		for range 1 + rng.IntN(40) {
			from := rng.Int64N(60)
			to := from + rng.Int64N(12) - 1 // sometimes empty
			reported := reportedState{State(rng.IntN(3)), string('a' + rune(rng.IntN(3))), 0, 0}
			s.set(from, to, reported)
			for o := from; o <= to; o++ {
				k := model[o]
				switch {
				case reported.state == Done:
					k.done = true
				case reported.state == Fresh && k.intents == reported.holder:
					k.intents = ""
				case reported.state == Ambiguous && k.intents == "":
					k.intents = reported.holder
				case reported.state == Ambiguous && k.intents != reported.holder:
					k.intents = "several"
				}
				model[o] = k
			}
			for o := int64(-2); o < 80; o++ {
				if s.at(o).state != want(o) {
					t.Fatalf("offset %d has fate %d, want %d: %+v", o, s.at(o).state, want(o), s)
				}
			}
			for i, sp := range s {
				if sp.from > sp.to || i > 0 && (s[i-1].to >= sp.from || s[i-1].to+1 == sp.from && s[i-1].reportedState == sp.reportedState) {
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
		s.set(i*1000, i*1000+999, reportedState{Ambiguous, strconv.FormatInt(i/1000, 10), time.Second, 1})
		s.set(i*1000, i*1000+999, reportedState{state: Done})
	}
	if len(s) != 1 {
		t.Errorf("%d spans for a hundred million offsets without a gap", len(s))
	}
}
