package cli

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestWaitTellsEndsApart: a run that failed, one that is held, and one of which nobody can
// say how it ends have exit codes of their own; a restart of the server ends no wait.
func TestWaitTellsEndsApart(t *testing.T) {
	t.Parallel()
	run := func(state, more string) string {
		return `{"run":"customers.1","import":"customers","state":"` + state + `","startedAt":"2026-11-23T10:00:00Z"` + more + `}`
	}
	for name, tc := range map[string]struct {
		answers []http.HandlerFunc // to reading the run, the last one from then on
		code    int
		err     []string
	}{
		"succeeded after a restart": {
			answers: []http.HandlerFunc{answer(200, run("extracting", "")), answer(502, "<html>"), answer(503, `{"status":503,"code":"kafka_unavailable","detail":"Kafka does not answer"}`), answer(200, run("succeeded", ""))},
			code:    ExitDone, err: []string{"asking again", "answers again"},
		},
		"failed": {
			answers: []http.HandlerFunc{answer(200, run("failed", `,"error":{"code":"x","reason":"the query fails"}`))},
			code:    ExitFailed, err: []string{"customers.1 failed: the query fails"},
		},
		"held": {
			answers: []http.HandlerFunc{answer(200, run("held", `,"hold":{"code":"rows_grew","reason":"12 times the usual"}`))},
			code:    ExitHeld, err: []string{"12 times the usual", "tapline approve customers.1"},
		},
		"gone": {
			answers: []http.HandlerFunc{answer(404, `{"status":404,"code":"not_found","detail":"there is no run customers.1"}`)},
			code:    ExitFailed, err: []string{"there is no run"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			url := center(t, map[string]http.HandlerFunc{
				"POST /v1/imports/customers/runs": answer(202, run("queued", "")),
				"GET /v1/runs/customers.1": func(w http.ResponseWriter, r *http.Request) {
					n := min(int(asked.Add(1)), len(tc.answers))
					tc.answers[n-1](w, r)
				},
			})
			r := tapline(t, "", "run", "customers", "--wait", "--server", url)
			if r.code != tc.code {
				t.Errorf("the code is %d, want %d: %s", r.code, tc.code, r.err)
			}
			for _, want := range tc.err {
				if !strings.Contains(r.err, want) {
					t.Errorf("%q is not in %s", want, r.err)
				}
			}
		})
	}
	if r := tapline(t, "", "run", "customers", "--server", "http://127.0.0.1:1"); r.code != ExitUnknown {
		t.Errorf("a server that is not there: %+v", r)
	}
	url := center(t, map[string]http.HandlerFunc{
		"POST /v1/imports/customers/runs": answer(504, `{"status":504,"code":"no_answer","detail":"the scheduler has not answered; the command is recorded"}`),
	})
	if r := tapline(t, "", "run", "customers", "--server", url); r.code != ExitUnknown || !strings.Contains(r.err, "is recorded") {
		t.Errorf("a scheduler that is away: %+v", r)
	}
}
