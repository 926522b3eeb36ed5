package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestReconciles: rows come and go behind the watermark, and are reconciled again and again,
// between runs and replays that are cancelled, refused and whose services are killed. Each
// reconciliation that succeeds must say exactly how many have come and left since the last one
// that did. In the end each person must be at CleverTap as Snowflake has them and each event
// once, and a second look must find nothing.
func TestReconciles(t *testing.T) {
	kills, reconciles := sharedApart(reconcileDisturbances())
	others := named(t, slices.Concat(peopleDisturbances(), replayDisturbances()),
		"cancel in flight", "paused and resumed", "replay", "replay beside a run", refusedForGood)
	eachDisturbedWorld(t, func(t *testing.T, first uint64) {
		reconciles := reconciles
		if first/scenariosPerWorld%2 == 1 { // in the others no event may be sent twice
			reconciles = slices.Concat(kills, reconciles)
		}
		w := newWorld(t, trouble{})
		w.reconciled = true
		w.disturb(first, 3, func(rng *rand.Rand) []disturbance {
			out := []disturbance{reconciles[rng.IntN(len(reconciles))]}
			if rng.IntN(3) == 0 {
				out = slices.Insert(out, rng.IntN(2), others[rng.IntN(len(others))])
			}
			return out
		})
	})
}
