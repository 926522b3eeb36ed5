package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestReplays: CleverTap and the mapping reject records, runs are cancelled, and what was
// rejected is replayed again and again: in place of runs, beside them, cancelled, and with
// services that are killed. In the end each person must be at CleverTap as Snowflake has
// them and each event once, no replay may end with an older version than CleverTap held, and
// no reject may be taken by two replays.
func TestReplays(t *testing.T) {
	const refusedAndCancelled = "refused for good and cancelled"
	var others []disturbance
	for _, d := range named(t, replayDisturbances(), refusedForGood, refusedAndCancelled) {
		others = append(others, d, d)
	}
	others = append(others, named(t, peopleDisturbances(), "cancel in flight", "backfill", "paused and resumed")...)
	kills, replays := sharedApart(slices.DeleteFunc(replayDisturbances(), func(d disturbance) bool {
		return d.name == refusedForGood || d.name == refusedAndCancelled
	}))
	eachDisturbedWorld(t, func(t *testing.T, first uint64) {
		replays := replays
		if first/scenariosPerWorld%2 == 1 { // in the others no event may be sent twice
			replays = append(slices.Clone(kills), replays...)
		}
		newWorld(t, trouble{}).disturb(first, 4, func(rng *rand.Rand) []disturbance {
			var out []disturbance
			for range 1 + rng.IntN(2) {
				out = append(out, others[rng.IntN(len(others))])
			}
			if rng.IntN(2) == 0 {
				out = append(out, replays[rng.IntN(len(replays))])
			}
			return out
		})
	})
}
