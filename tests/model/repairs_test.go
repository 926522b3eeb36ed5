package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRepairs: profiles are changed behind Tapline's back, runs are cancelled and records
// refused. A verification must find exactly those people for whom CleverTap does not hold the
// newest version, whichever service is killed meanwhile, and a repair must send nobody else. In
// the end everybody is repaired, and a further look finds nobody.
func TestRepairs(t *testing.T) {
	kills, repairs := sharedApart(repairDisturbances())
	others := named(t, slices.Concat(peopleDisturbances(), replayDisturbances()),
		"cancel in flight", "backfill", "paused and resumed", "replay", refusedForGood)
	eachDisturbedWorld(t, func(t *testing.T, first uint64) {
		repairs := repairs
		if first/scenariosPerWorld%2 == 1 {
			repairs = slices.Concat(kills, repairs)
		}
		w := newWorld(t, trouble{})
		w.repaired = true
		w.disturb(first, 3, func(rng *rand.Rand) []disturbance {
			if rng.IntN(3) == 0 {
				return []disturbance{others[rng.IntN(len(others))]}
			}
			return []disturbance{repairs[rng.IntN(len(repairs))]}
		})
	})
}
