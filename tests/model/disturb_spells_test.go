package model

import (
	"net/http"
	"net/http/httptest"
	"time"
)

// spellDisturbances make the account refuse for a while: shortly, or for longer than a
// record is tried.
func spellDisturbances() []disturbance {
	own := func(code int) reply {
		return func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
			writeJSON(w, code, map[string]any{"status": "fail", "error": "not now", "code": 1})
		}
	}
	return []disturbance{
		spell("a spell of 429", answer{never: true, checks: true, reply: own(http.StatusTooManyRequests)}),
		spell("a spell of 401", answer{never: true, checks: true, reply: own(http.StatusUnauthorized)}),
		spell("a spell of 403", answer{never: true, checks: true, reply: own(http.StatusForbidden)}),
		spell("a spell of 555", answer{refuse: refuse555(1)}),
		spell("a spell of 555 to checks too", answer{checks: true, refuse: refuse555(1)}),
		spell("a spell of 503", answer{never: true, checks: true, reply: status(http.StatusServiceUnavailable)}),
		{name: "555 for some records", before: func(s *scenario) {
			length := s.spellLength()
			if length >= recordFaultLimit*2/3 {
				s.mayReject["clevertap_555"], s.mayEnd["too_many_rejects"] = true, true
			}
			s.gate.begins(length, answer{name: "555 for some records", refuse: refuse555(2)})
		}},
	}
}

// recordFaultLimit is how long the loader of a disturbed world tries a record that is
// refused.
const recordFaultLimit = 3 * time.Second

// spellLength draws a duration of at most twice recordFaultLimit, often a short one.
func (s *scenario) spellLength() time.Duration {
	if s.rng.IntN(2) == 0 {
		return time.Duration(s.rng.IntN(800)) * time.Millisecond
	}
	return time.Duration(s.rng.Int64N(int64(2 * recordFaultLimit)))
}

func spell(name string, a answer) disturbance {
	a.name = name
	return disturbance{name: name, before: func(s *scenario) {
		// After a 503 it is not known whether the proxy has passed the request on.
		s.mayRepeat, s.mayReject["ambiguous"] = true, true
		length := s.spellLength()
		if a.refuse != nil && !a.checks && length >= recordFaultLimit*2/3 {
			// A record alone in its request is rejected in the end if the account answers checks.
			s.mayReject["clevertap_555"], s.mayEnd["too_many_rejects"] = true, true
		}
		s.gate.begins(length, a)
	}}
}

// refuse555 refuses each n-th record with code 555 for a while.
func refuse555(n int) func(sent int) map[int]int { return refuseEvery(555, n) }

// refuseEvery refuses each n-th record with a code.
func refuseEvery(code, n int) func(sent int) map[int]int {
	first := 0
	return func(sent int) map[int]int {
		out := map[int]int{}
		for i := first % n; i < sent; i += n {
			out[i] = code
		}
		first++
		return out
	}
}
