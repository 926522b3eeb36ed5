package cli

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilters: each filter of the API is one of --filter, and is sent as it was given.
func TestFilters(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked url.Values
	server := shop(t, map[string]http.HandlerFunc{"GET /v1/imports": func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = r.URL.Query()
		mu.Unlock()
		answer(200, `{"items":[]}`)(w, r)
	}})
	args := []string{"get", "imports", "--server", server, "--search", "shop", "--sort", "-lastRun", "--limit", "7", "--page-token", "t"}
	want := url.Values{"q": {"shop"}, "sort": {"-lastRun"}, "pageSize": {"7"}, "pageToken": {"t"}}
	for _, name := range filterNames {
		value, sent := "a,b", "a,b"
		switch {
		case filterWords[name] != nil:
			sent = strings.Join(filterWords[name], ",")
			value = strings.ToUpper(sent)
		case name == "freshnessOver":
			value, sent = "90m", "5400"
		case strings.HasSuffix(name, "After"):
			value, sent = "2026-11-01", "2026-11-01T00:00:00Z"
		case strings.HasSuffix(name, "Before"):
			value, sent = "2026-11-01T09:00:00+01:00", "2026-11-01T09:00:00+01:00"
		}
		args = append(args, "--filter", name+"="+value)
		want[name] = []string{sent}
	}
	if r := tapline(t, "", args...); r.code != ExitDone {
		t.Fatalf("%+v", r)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for args, want := range map[string]string{
		"--filter stats=Paused":                        "did you mean status?",
		"--filter status":                              "is not NAME=VALUE",
		"--filter status=Ready --filter status=Paused": "is given twice",
		"--limit 1001":                                 "--limit is 1 to 1000",
		"--limit 0":                                    "--limit is 1 to 1000, not 0",
		"--filter status=Asleep":                       "status is one of Draft, Ready",
		"--filter lastRunAfter=yesterday":              "lastRunAfter is a day such as 2026-11-01",
		"--filter freshnessOver=old":                   "freshnessOver is a time such as 90m",
		"--filter health=blue":                         "health is one of green, yellow, red",
	} {
		r := tapline(t, "", append([]string{"get", "imports", "--server", server}, strings.Fields(args)...)...)
		if r.code != ExitFailed || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v, want %q", args, r, want)
		}
	}
}

// TestDescribeShowsFigures: an import's figures over 7, 30 and 90 days, each equation in
// one line, its cost, and what a draft lacks.
func TestDescribeShowsFigures(t *testing.T) {
	t.Parallel()
	server := shop(t, map[string]http.HandlerFunc{
		"GET /v1/imports": answer(200, `{"items":[{"import":"customers","type":"profile","status":"Draft","missing":[{"location":"spec.identity","message":"name the identity"}]}]}`),
		"GET /v1/imports/customers/stats": answer(200, `{"periods":[
			{"days":7,"runs":12,"byState":{"succeeded":11,"failed":1},"equation":"10 read = 9 loaded + 0 unchanged + 1 rejected + 0 skipped + 0 future","rejectRatio":0.1,"duration":{"p50":2,"p95":3.5}},
			{"days":30,"runs":0,"byState":{},"equation":"","rejectRatio":0}],
			"cost":{"runs":9,"queueSeconds":0.5,"executionSeconds":2,"secondsPer1000":4,"secondsPerDay":48}}`),
	})
	r := tapline(t, "", "describe", "import", "customers", "--server", server)
	for _, want := range []string{
		"12 runs (1 failed, 11 succeeded): 10 read = 9 loaded + 0 unchanged + 1 rejected + 0 skipped + 0 future; rejected 10.00 %; took 2.00 s (p50), 3.50 s (p95)\n",
		"30 days         no runs\n", "lacks           spec.identity: name the identity\n",
		"2.00 s of execution and 0.5 s in the queue a run, on average of the last 9; 4.00 s for 1,000 loaded; 48.00 s a day at its schedules\n",
	} {
		if r.code != ExitDone || !strings.Contains(r.out, want) {
			t.Errorf("%d %s\n%s\nlacks %q", r.code, r.err, r.out, want)
		}
	}
}

// TestApplyTests: apply tests what it has made, each check on a line of its own, and what
// fails hides nothing and undoes nothing.
func TestApplyTests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tested := map[string]int{}
	note := func(name string, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			tested[name]++
			mu.Unlock()
			h(w, r)
		}
	}
	server := shop(t, map[string]http.HandlerFunc{
		"POST /v1/apply": answer(200, `{"items":[{"kind":"SnowflakeConnection","name":"warehouse","outcome":"created","generation":1},
			{"kind":"SnowflakeConnection","name":"same","outcome":"unchanged","generation":1},{"kind":"CleverTapAccount","name":"main","outcome":"updated","generation":2}]}`),
		"POST /v1/connections/warehouse/test": note("warehouse", answer(422, `{"status":422,"code":"snowflake_auth","detail":"Snowflake refused the key pair"}`)),
		"POST /v1/connections/same/test":      note("same", answer(200, `{}`)),
		"POST /v1/accounts/main/test": note("main", answer(200, `{"checks":[{"name":"region","state":"ok","finding":"in1"},
			{"name":"credentials","state":"failed","finding":"CleverTap refuses the passcode","action":"write the passcode anew"},{"name":"clock","state":"ok","finding":"agrees"}]}`)),
	})
	path := file(t, "all.yaml", customersYAML)
	r := tapline(t, "", "apply", "-f", path, "--server", server)
	for _, want := range []string{
		"warning: connection warehouse: sign-in: Snowflake refused the key pair; mend", "account main: region: in1\n",
		"warning: account main: credentials: CleverTap refuses the passcode; write the passcode anew\n", "account main: clock: agrees\n",
	} {
		if r.code != ExitDone || !strings.Contains(r.err, want) {
			t.Errorf("%d\n%s\nlacks %q", r.code, r.err, want)
		}
	}
	for _, flag := range []string{"--no-test", "--offline"} {
		if r := tapline(t, "", "apply", "-f", path, "--server", server, flag); r.code != ExitDone || strings.Contains(r.err, "main") {
			t.Errorf("%s: %+v", flag, r)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(map[string]int{"warehouse": 1, "main": 1}, tested); diff != "" {
		t.Errorf("tested (-want +got):\n%s", diff)
	}
}
