package model

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tapline.dev/schemas"
)

// disturbance is something that happens to an import and its surroundings around
// one run. Several may happen to the same run. Every part may be nil.
type disturbance struct {
	name string
	// broken describes a known fault of the code that the disturbance shows. It is then made
	// only if -model.disturb names it. Who corrects the fault sets it to "".
	broken string
	// shared says that it also affects the other imports of the world.
	shared bool
	// before happens before the run is triggered.
	before func(*scenario)
	// command is what triggers the run, in place of a plain run.
	command func(*scenario) schemas.Command
	// within happens once the run is under way.
	within func(s *scenario, run string)
	// after happens once the run is closed.
	after func(*scenario)
}

// disturbances returns all kinds. The kinds of each part are in a file of their own,
// disturb_<part>_test.go, which has a function that returns them.
func disturbances() []disturbance {
	return slices.Concat(
		proxyDisturbances(), answerDisturbances(), spellDisturbances(), peopleDisturbances(),
		kafkaDisturbances(), tableDisturbances(), parameterDisturbances(), serviceDisturbances(), recreatedDisturbances(), replayDisturbances(),
	)
}

// named are the disturbances that have one of these names, each of which one must have.
func named(t *testing.T, all []disturbance, names ...string) []disturbance {
	t.Helper()
	out := slices.DeleteFunc(slices.Clone(all), func(d disturbance) bool { return !slices.Contains(names, d.name) })
	if len(out) != len(names) {
		t.Fatalf("%d disturbances have the names %q", len(out), names)
	}
	return out
}

// sharedApart divides disturbances into those that affect the other imports and those that do not.
func sharedApart(all []disturbance) (shared, own []disturbance) {
	for _, d := range all {
		if d.shared {
			shared = append(shared, d)
			continue
		}
		own = append(own, d)
	}
	return shared, own
}

// atOnce is the largest number of disturbances of one run.
const atOnce = 3

// draw chooses the disturbances of a run: often none or one, sometimes several.
func draw(rng *rand.Rand, chosen []disturbance, always bool) []disturbance {
	if !always && rng.IntN(3) == 0 {
		return nil
	}
	n := 1
	if rng.IntN(2) == 0 {
		n += rng.IntN(atOnce)
	}
	var out []disturbance
	for range n {
		out = append(out, chosen[rng.IntN(len(chosen))])
	}
	return out
}

// run triggers a run, makes the disturbances, and waits for its end. It returns false if
// the history cannot continue.
func (s *scenario) run(ds ...disturbance) bool {
	c := schemas.Command{Kind: schemas.CommandRun}
	for _, d := range ds {
		s.disturbed = append(s.disturbed, d.name)
		if d.before != nil {
			d.before(s)
		}
		if d.command != nil {
			c = d.command(s)
		}
	}
	run := s.start(c)
	early := s.rng.IntN(3) == 0
	for _, d := range ds {
		if d.within == nil {
			continue
		}
		if !early {
			s.reaches(run, loading)
		}
		d.within(s, run)
	}
	if !s.close(run) || !s.closeBeside() {
		return false
	}
	for _, d := range ds {
		if d.after != nil {
			d.after(s)
		}
	}
	return true
}
