package model

import (
	"math/rand/v2"
	"net/http"
	"time"

	"tapline.dev/schemas"
)

// disturbance is something that happens to an import and its surroundings while
// a run is under way. do triggers that run, disturbs it, waits for its end with
// close, and returns false if nothing can follow.
type disturbance struct {
	name string
	// broken says what the tree does wrong when it happens. Such a disturbance is
	// made only if -model.disturb names it; whoever mends the tree empties it.
	broken string
	do     func(*scenario) bool
}

// disturbances are all kinds. A kind of a part's own stands in a file of its own,
// disturb_<part>_test.go, as a function that returns its list.
func disturbances() []disturbance {
	return append(append(proxyDisturbances(), peopleDisturbances()...), kafkaDisturbances()...)
}

// during makes a disturbance of what happens once a run loads.
func during(act func(s *scenario, run string)) func(*scenario) bool {
	return func(s *scenario) bool {
		run := s.start(schemas.Command{Kind: schemas.CommandRun})
		if s.rng.IntN(3) > 0 {
			s.reaches(run, loading)
		}
		act(s, run)
		return s.close(run)
	}
}

// through makes a disturbance of a proxy's answers to the run's first uploads.
func through(draw func(*rand.Rand) answer) func(*scenario) bool {
	return func(s *scenario) bool {
		a := draw(s.rng)
		s.mayRepeat = true // what was applied and not answered is sent again
		s.gate.misbehave(1+s.rng.IntN(3), a)
		return s.close(s.start(schemas.Command{Kind: schemas.CommandRun}))
	}
}

// proxyDisturbances are those of what stands between the loader and CleverTap.
func proxyDisturbances() []disturbance {
	codes := []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 520}
	return []disturbance{
		{name: "5xx after passing on", do: through(func(rng *rand.Rand) answer {
			return answer{name: "5xx after passing on", reply: status(codes[rng.IntN(len(codes))])}
		})},
		{name: "reset after passing on", do: through(func(*rand.Rand) answer {
			return answer{name: "reset after passing on", reply: hangUp}
		})},
		{name: "5xx without passing on", do: through(func(rng *rand.Rand) answer {
			return answer{name: "5xx without passing on", never: true, reply: status(codes[rng.IntN(len(codes))])}
		})},
		{name: "applied late after 5xx", do: through(func(rng *rand.Rand) answer {
			return answer{name: "applied late after 5xx", late: 300 * time.Millisecond, reply: status(codes[rng.IntN(len(codes))])}
		})},
		{name: "applied late after a reset", do: through(func(*rand.Rand) answer {
			return answer{name: "applied late after a reset", late: 300 * time.Millisecond, reply: hangUp}
		})},
		{name: "errors without a position", do: rejecting(func(said map[string]any) {
			said["status"], said["processed"] = "partial", 0
			said["unprocessed"] = []any{map[string]any{"status": "fail", "code": 512, "error": "no position"}}
		})},
		{name: "counts as text", do: rejecting(func(said map[string]any) { said["processed"] = "three" })},
		{name: "a firewall's 403", do: func(s *scenario) bool {
			s.mayReject = true // what the firewall refuses alone
			return through(func(*rand.Rand) answer {
				return answer{name: "a firewall's 403", never: true, reply: status(http.StatusForbidden)}
			})(s)
		}},
	}
}

// rejecting makes a disturbance of answers for which a record may be rejected.
func rejecting(edit func(map[string]any)) func(*scenario) bool {
	return func(s *scenario) bool {
		s.mayReject, s.mayRepeat = true, true
		s.gate.misbehave(12, answer{name: "does not add up", reply: rewritten(edit)})
		return s.close(s.start(schemas.Command{Kind: schemas.CommandRun}))
	}
}

// peopleDisturbances are those of people who edit, cancel and repeat.
func peopleDisturbances() []disturbance {
	return []disturbance{
		{name: "cancel in flight", do: during(func(s *scenario, run string) {
			s.mayRepeat = true // a run that was cancelled is read again
			s.cancel(run)
		})},
		{name: "cancel with a late request", do: during(func(s *scenario, run string) {
			s.mayRepeat = true
			s.gate.misbehave(2, answer{name: "late over a cancel", late: 500 * time.Millisecond, reply: hangUp})
			s.cancel(run)
		})},
		{name: "backfill", do: func(s *scenario) bool {
			if len(s.rows) == 0 || s.event {
				return s.run(nil) // events of a backfill are new events
			}
			from := s.rows[s.rng.IntN(len(s.rows))].at
			return s.close(s.start(schemas.Command{
				Kind: schemas.CommandBackfill, From: schemas.FormatInstant(from), To: schemas.FormatInstant(from.Add(time.Second)),
			}))
		}},
		{name: "account moved by its resource", do: func(s *scenario) bool {
			s.mayRepeat = true
			s.moveAccount()
			return s.run(nil)
		}},
		{name: "account moved within a run", do: during(func(s *scenario, _ string) {
			s.mayRepeat = true
			s.mayEnd["target_changed"] = true
			s.moveAccount()
		})},
		{name: "mapping edited within a run", do: during(func(s *scenario, _ string) {
			s.apply(func(spec *schemas.ImportSpec) {
				spec.Mapping = []schemas.Property{{From: "V", To: "v"}, {From: "AT", To: "at"}}
			})
			s.mayRepeat = true // a new mapping sends every row of the window again
		})},
	}
}

// kafkaDisturbances are those of topics and offsets.
func kafkaDisturbances() []disturbance {
	return []disturbance{
		{name: "the mapper's offsets are gone", do: func(s *scenario) bool {
			run := s.start(schemas.Command{Kind: schemas.CommandRun})
			s.reaches(run, loading)
			s.w.forgetOffsets("mapper")
			return s.close(run)
		}},
		{name: "rows topic made anew between runs", do: func(s *scenario) bool {
			s.w.remakeTopic(s.name, s.w.topics.Rows(s.name), s.spec)
			return s.run(nil)
		}},
		{name: "records topic made anew within a run", broken: "the run does not end", do: during(func(s *scenario, _ string) {
			s.mayEnd["topic_recreated"], s.mayRepeat = true, true
			s.w.remakeTopic(s.name, s.w.topics.Records(s.name), s.spec)
		})},
	}
}
