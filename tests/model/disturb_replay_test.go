package model

import (
	"time"

	"tapline.dev/schemas"
)

const refusedForGood = "some records refused for good"

// replayDisturbances send again what earlier runs have rejected: in place of a run, while
// a run is active, cancelled, with services that are killed, of some rejects only, and as
// they were sent. Some give rejects up.
func replayDisturbances() []disturbance {
	out := []disturbance{
		{name: refusedForGood, before: func(s *scenario) { s.refuseSome() }},
		{name: "replay", command: func(s *scenario) schemas.Command { return s.replay(schemas.RejectSelection{}, schemas.ReplayMapped) }},
		{name: "replay of one code", command: func(s *scenario) schemas.Command {
			return s.replay(schemas.RejectSelection{Code: []string{"clevertap_512", "clevertap_555", "expression_failed"}[s.rng.IntN(3)]}, schemas.ReplayMapped)
		}},
		{name: "replay of one run", command: func(s *scenario) schemas.Command {
			return s.replay(schemas.RejectSelection{Run: schemas.RunID(s.name, 1+s.rng.IntN(len(s.runs)+1))}, schemas.ReplayMapped)
		}},
		{name: "replay as sent", command: func(s *scenario) schemas.Command {
			if s.event {
				return s.replay(schemas.RejectSelection{}, schemas.ReplayAsSent)
			}
			return s.replay(schemas.RejectSelection{}, schemas.ReplayMapped) // profiles are never sent as they were
		}},
		{name: "replay declined", command: func(s *scenario) schemas.Command {
			return s.replay(schemas.RejectSelection{Code: "clevertap_512"}, schemas.ReplayDeclined)
		}},
		{name: "refused for good and cancelled", before: func(s *scenario) {
			s.refuseSome()
		}, within: func(s *scenario, run string) {
			s.reaches(run, func(r schemas.Run) bool { return r.Counts.LoadRejected > 0 })
			s.cancel(run)
		}},
		{name: "replay cancelled", before: func(s *scenario) {
			s.gate.misbehave(3+s.rng.IntN(4), answer{name: "slow", slow: 20 * time.Millisecond})
		}, command: func(s *scenario) schemas.Command {
			return s.replay(schemas.RejectSelection{}, schemas.ReplayMapped)
		}, within: func(s *scenario, run string) {
			s.reaches(run, func(r schemas.Run) bool { return r.Counts.Loaded > 0 })
			s.cancel(run)
		}},
		{name: "replay of what is refused again", before: func(s *scenario) { s.refuseSome() }, command: func(s *scenario) schemas.Command {
			return s.replay(schemas.RejectSelection{}, schemas.ReplayMapped)
		}},
		{name: "replay beside a run", within: func(s *scenario, _ string) { s.replayBeside() }},
		{name: "rejects dismissed", after: func(s *scenario) {
			s.w.command(s.name, schemas.Command{ID: "dismiss after " + s.runs[len(s.runs)-1].Run, Kind: schemas.CommandDismiss})
			s.dismissed = len(s.runs)
		}},
	}
	for _, name := range parts {
		out = append(out, disturbance{name: "replay while the " + name + " is killed", shared: true, command: func(s *scenario) schemas.Command {
			return s.replay(schemas.RejectSelection{}, schemas.ReplayMapped)
		}, within: func(s *scenario, _ string) {
			if name == "loader" {
				s.w.mayRepeat.Store(true) // uploads whose answers were not read
			}
			s.w.kill(name, 1+s.rng.IntN(40))
		}})
	}
	return out
}

// replay is the command of a replay. A request that asks for nothing that is there fails.
func (s *scenario) replay(selection schemas.RejectSelection, how string) schemas.Command {
	return schemas.Command{Kind: schemas.CommandReplay, Replay: &schemas.Replay{Selection: selection, How: how}}
}

// refuseSome makes CleverTap refuse every second record for a while with a code that is
// never retried.
func (s *scenario) refuseSome() {
	s.mayReject["clevertap_512"], s.mayEnd["too_many_rejects"] = true, true
	s.gate.misbehave(2+s.rng.IntN(6), answer{name: refusedForGood, refuse: refuseEvery(512, 2), slow: 10 * time.Millisecond})
}

// replayBeside asks for a replay while a run is active. It is queued, and has the next
// number whatever becomes of it.
func (s *scenario) replayBeside() {
	if s.beside || s.recreated {
		return // another one is queued, or commands go to an import that may not be there yet
	}
	s.beside = true
	c := s.replay(schemas.RejectSelection{}, schemas.ReplayMapped)
	c.ID = "replay beside " + schemas.RunID(s.name, len(s.runs)+1)
	s.w.command(s.name, c)
}

// closeBeside waits for the end of the replay that was queued behind the run which has
// just closed.
func (s *scenario) closeBeside() bool {
	s.recreated = false
	if !s.beside {
		return true
	}
	s.beside = false
	number := len(s.runs) + 1
	s.besides[number] = true
	for _, g := range s.gates {
		g.begin(number)
	}
	return s.close(schemas.RunID(s.name, number))
}

// newEpoch notes that rejects of the runs so far, and of those that are under way, may
// be of an epoch that is over.
func (s *scenario) newEpoch() {
	s.oldEpoch = len(s.runs) + 1
	if s.beside {
		s.oldEpoch++
	}
}

// breakMapping makes the mapping reject every third version. It is corrected in the end,
// before the last replay.
func (s *scenario) breakMapping() {
	s.brokenMapping = true
	s.spec.Expressions = schemas.ExpressionsExact
	s.spec.Mapping = append(s.spec.Mapping, brokenProperty)
	s.spec.Limits.MaxRejectRatio = 1
}

var brokenProperty = schemas.Property{Expr: `number(V % 3 == 0 ? "no number" : "1")`, To: "one", Type: "integer"}

// replayAll corrects the mapping and replays everything, so that CleverTap holds what
// earlier runs have rejected. A further replay has nothing left to take.
func (s *scenario) replayAll() bool {
	if s.brokenMapping {
		// The rows within the lookback are sent again with another mapping, and those that
		// were rejected are replayed besides: events are doubled, as the documents say.
		s.mayRepeat = s.mayRepeat || s.event
		s.apply(func(spec *schemas.ImportSpec) {
			var kept []schemas.Property
			for _, p := range spec.Mapping {
				if p.To != brokenProperty.To {
					kept = append(kept, p)
				}
			}
			spec.Mapping = kept
		})
		// Definitions and commands have topics of their own: a run that began with the
		// corrected mapping comes first.
		for range 20 {
			if s.w.broken() || !s.close(s.start(schemas.Command{Kind: schemas.CommandRun})) {
				return false
			}
			if s.runs[len(s.runs)-1].Generation == s.generation {
				break
			}
		}
	}
	// What was rejected when it was sent as it was has no row that could be mapped. Nor has
	// what was rejected before its topic was made anew.
	hows := []string{schemas.ReplayMapped, schemas.ReplayMapped}
	if s.event {
		hows = []string{schemas.ReplayMapped, schemas.ReplayAsSent, schemas.ReplayMapped}
	}
	for i, how := range hows {
		if s.w.broken() || !s.close(s.start(s.replay(schemas.RejectSelection{}, how))) {
			return false
		}
		r := s.runs[len(s.runs)-1]
		nothing := r.Error != nil && r.Error.Code == "nothing_to_replay"
		if r.Counts.Rejected() > 0 || !nothing && (i == len(hows)-1 || r.State != schemas.StateSucceeded) {
			s.violation("replay %d of everything that is left ended so, though nothing disturbs it any more", i+1)
			return false
		}
	}
	return true
}
