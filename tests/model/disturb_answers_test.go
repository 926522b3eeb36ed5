package model

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
)

// answerDisturbances make CleverTap give unclear answers or refuse records.
func answerDisturbances() []disturbance {
	said := func(code int, text string) map[string]any {
		return map[string]any{"status": "fail", "code": code, "error": text}
	}
	return []disturbance{
		odd("errors without a position", func(answer map[string]any) {
			answer["status"], answer["processed"], answer["unprocessed"] = "partial", 0, []any{said(512, "no position")}
		}),
		odd("an error beyond the records", func(answer map[string]any) {
			answer["status"], answer["unprocessed"] = "partial", []any{failure(512, 4000)}
		}),
		odd("an error without a code", func(answer map[string]any) {
			answer["status"], answer["unprocessed"] = "partial", []any{map[string]any{"error": "wrong. Skipped record number : 1"}}
		}),
		odd("two errors about one record", func(answer map[string]any) {
			done, _ := answer["processed"].(float64)
			answer["status"], answer["processed"] = "partial", max(0, int(done)-1)
			answer["unprocessed"] = []any{failure(512, 1), failure(514, 1)}
		}),
		odd("counts as text", func(answer map[string]any) { answer["processed"] = fmt.Sprint(answer["processed"]) }),
		odd("counts that are no numbers", func(answer map[string]any) { answer["processed"] = "three" }),
		odd("counts that are too high", func(answer map[string]any) { answer["processed"] = 1000 }),
		odd("counts that are negative", func(answer map[string]any) { answer["processed"] = -1 }),
		odd("a status that nobody knows", func(answer map[string]any) { answer["status"] = "maybe" }),
		{name: "a code of its own for every record", before: func(s *scenario) {
			s.mayRejectAny = true
			s.mayEnd["too_many_rejects"] = true
			s.writeMany(300 + s.rng.IntN(700))
			s.gate.misbehave(200, answer{name: "a code of its own for every record", refuse: refuseEach(s.rng.Uint64())})
		}},
	}
}

// odd returns a disturbance in which edit changes CleverTap's answers.
func odd(name string, edit func(answer map[string]any)) disturbance {
	return disturbance{name: name, before: func(s *scenario) {
		s.mayRejectAny, s.mayRepeat = true, true // a record whose answer is never clear
		s.mayEnd["too_many_rejects"] = true
		s.gate.misbehave(1+s.rng.IntN(14), answer{name: name, reply: rewritten(edit)})
	}}
}

// rewritten replies 200 with CleverTap's answer as edit has changed it.
func rewritten(edit func(answer map[string]any)) reply {
	return func(w http.ResponseWriter, _ *http.Request, rec *httptest.ResponseRecorder) {
		var said map[string]any
		if json.Unmarshal(rec.Body.Bytes(), &said) == nil {
			edit(said)
		}
		writeJSON(w, http.StatusOK, said)
	}
}

// refuseEach refuses every record with its own code.
func refuseEach(seed uint64) func(sent int) map[int]int {
	rng := rand.New(rand.NewPCG(seed, 6))
	return func(sent int) map[int]int {
		out := map[int]int{}
		for i := range sent {
			out[i] = 1000 + rng.IntN(1<<20)
		}
		return out
	}
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value)
}
