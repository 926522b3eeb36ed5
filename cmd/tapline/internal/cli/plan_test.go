package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
)

const plannedBody = `{"plan":"d1","changes":[
	{"kind":"SnowflakeConnection","name":"warehouse","outcome":"unchanged","generation":1,"fields":[],"consequences":[]},
	{"kind":"Import","name":"customers","outcome":"updated","generation":5,"fields":[
		{"op":"change","path":"spec.source.query","before":"select *\nfrom customers\nwhere a > 1","after":"select *\nfrom clients\nwhere a > 1"},
		{"op":"add","path":"spec.priority","after":5},
		{"op":"remove","path":"metadata.owner","before":"growth\u001b[31m"}],
	 "consequences":[{"about":"query","text":"new query: a new epoch begins, and the next run reads everything again, about 2.1 million rows, 2,100 calls, 28 s at the account's slots (as many as its runs have loaded since it last began anew)"}]},
	{"kind":"Import","name":"old","outcome":"removed","generation":3,"fields":[{"op":"remove","path":"spec.source.query","before":"select 1"}],"consequences":[]}],
	"warnings":[{"code":"names_alike","imports":["customers"],"text":"profile properties: \"Plan\" and \"plan\" differ in case and blanks only"}]}`

// TestPlanReadsWell: what a person sees, in 80 columns.
func TestPlanReadsWell(t *testing.T) {
	t.Parallel()
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/defaults": answer(200, `{"items":[]}`), "POST /v1/plan": answer(200, plannedBody),
	})
	r := tapline(t, "", "plan", "-f", file(t, "c.yaml", customersYAML), "--server", url)
	want := `~ Import customers is changed, to generation 5
    ~ spec.source.query
        - from customers
        + from clients
    + spec.priority: 5
    - metadata.owner: growth�[31m
    ! new query: a new epoch begins, and the next run reads everything again,
      about 2.1 million rows, 2,100 calls, 28 s at the account's slots (as many
      as its runs have loaded since it last began anew)
- Import old is removed
warning: profile properties: "Plan" and "plan" differ in case and blanks only
0 to create, 1 to change, 1 to remove, 1 unchanged
`
	if diff := cmp.Diff(want, r.out); diff != "" || r.code != ExitChanges {
		t.Errorf("code %d, output (-want +got):\n%s", r.code, diff)
	}
	for line := range strings.Lines(r.out) {
		if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > 80 {
			t.Errorf("%d columns: %s", w, line)
		}
	}
	if r := tapline(t, "", "diff", "-f", file(t, "c.yaml", customersYAML), "-o", "json", "--server", url); r.code != ExitChanges || !json.Valid([]byte(r.out)) || !strings.Contains(r.out, `"plan": "d1"`) {
		t.Errorf("diff -o json: %+v", r)
	}
}

func TestPlanExitCodes(t *testing.T) {
	t.Parallel()
	def := file(t, "c.yaml", customersYAML)
	for name, tt := range map[string]struct {
		status int
		body   string
		want   int
	}{
		"nothing":        {200, `{"plan":"d","changes":[{"outcome":"unchanged"}],"warnings":[]}`, ExitDone},
		"changes":        {200, `{"plan":"d","changes":[{"outcome":"created"}],"warnings":[]}`, ExitChanges},
		"a refused part": {200, `{"plan":"d","refused":true,"changes":[{"outcome":"updated"}],"warnings":[]}`, ExitRefused},
		"refused":        {422, `{"status":422,"code":"definition_refused","detail":"no"}`, ExitRefused},
		"from Git":       {409, `{"status":409,"code":"managed_elsewhere","detail":"it comes from https://git.example.com"}`, ExitRefused},
		"not allowed":    {403, `{"status":403,"code":"forbidden","detail":"this needs the role editor"}`, ExitRefused},
	} {
		url := center(t, map[string]http.HandlerFunc{"GET /v1/defaults": answer(200, `{"items":[]}`), "POST /v1/plan": answer(tt.status, tt.body)})
		if r := tapline(t, "", "plan", "-f", def, "--server", url); r.code != tt.want {
			t.Errorf("%s: %+v, want exit code %d", name, r, tt.want)
		}
	}
	for _, args := range [][]string{
		{"plan"}, {"plan", "--prune", "-f", def}, {"plan", "-l", "a=b", "-f", def}, {"plan", "--prune", "-l", "a!=b", "-f", def},
		{"plan", "customers"}, {"plan", "--generation", "3"}, {"plan", "--generation", "3", "-f", def, "customers"}, {"apply", "--managed-by", "git", "-f", def},
	} {
		if r := tapline(t, "", append(args, "--server", "http://127.0.0.1:1")...); r.code != ExitFailed || strings.Contains(r.err, "127.0.0.1") {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// applying is a server that keeps what apply was sent.
func applying(t *testing.T, sent *map[string]any) string {
	t.Helper()
	return center(t, map[string]http.HandlerFunc{
		"GET /v1/defaults": answer(200, `{"items":[]}`), "POST /v1/plan": answer(200, plannedBody),
		"GET /v1/imports/customers/generations/3": answer(200, `{"import":"customers","generation":3,"action":"apply","at":"2026-11-23T09:00:00Z","definition":{
			"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers"},"spec":{"source":{"connectionRef":"warehouse","query":"select 3"},"destination":{"accountRef":"main","type":"profile"},"identity":{"column":"ID"},"mapping":[{"from":"A","to":"a"}]},"generation":3,"appliedAt":"2026-11-23T09:00:00Z"}}`),
		"GET /v1/imports/customers/generations/4": answer(200, `{"import":"customers","generation":4,"action":"delete","at":"2026-11-23T09:00:00Z"}`),
		"POST /v1/apply": func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(raw, sent); err != nil {
				t.Error(err)
			}
			answer(200, `{"items":[{"kind":"Import","name":"customers","outcome":"updated","generation":5}]}`)(w, r)
		},
	})
}

// TestPruneAsks: it shows the plan first, and applies that plan or nothing.
func TestPruneAsks(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	url, def := applying(t, &sent), file(t, "c.yaml", customersYAML)
	r := tapline(t, "", "apply", "-f", def, "--prune", "-l", "team=growth,tier=gold", "--offline", "--server", url)
	if r.code != ExitFailed || sent != nil || !strings.Contains(r.err, "- Import old is removed") || !strings.Contains(r.err, "--yes") {
		t.Errorf("without an answer: %+v, sent %v", r, sent)
	}
	r = tapline(t, "yes\n", "apply", "-f", def, "--prune", "-l", "team=growth,tier=gold", "--offline", "--server", url)
	want := map[string]any{"team": "growth", "tier": "gold"}
	if diff := cmp.Diff(want, sent["prune"]); r.code != ExitDone || diff != "" || sent["plan"] != "d1" {
		t.Errorf("with one: %+v, sent %v", r, sent)
	}
	sent = nil
	r = tapline(t, "", "apply", "-f", def, "--offline", "--managed-by", "git", "--source", "https://git.example.com/x", "--server", url)
	if diff := cmp.Diff(map[string]any{"tool": "git", "source": "https://git.example.com/x"}, sent["managedBy"]); r.code != ExitDone || diff != "" || sent["plan"] != nil {
		t.Errorf("from Git: %+v, sent %v", r, sent)
	}
	sent = nil
	if r = tapline(t, "", "apply", "-f", def, "--offline", "--server", url); r.code != ExitDone || sent["managedBy"] != nil || sent["prune"] != nil {
		t.Errorf("plain: %+v, sent %v", r, sent)
	}
}

// TestGoingBackKeepsNewerKeys: a generation that a newer version has written is not applied
// in part.
func TestGoingBackKeepsNewerKeys(t *testing.T) {
	t.Parallel()
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/imports/customers/generations/3": answer(200, `{"import":"customers","generation":3,"action":"apply","at":"2026-11-23T09:00:00Z","definition":{
			"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers"},"spec":{"source":{"connectionRef":"warehouse","query":"select 3","sampling":0.5},"destination":{"accountRef":"main","type":"profile"},"identity":{"column":"ID"},"mapping":[{"from":"A","to":"a","mask":true}]},"generation":3,"appliedAt":"2026-11-23T09:00:00Z"}}`),
	})
	r := tapline(t, "", "apply", "--generation", "3", "customers", "--offline", "--yes", "--server", url)
	if r.code != ExitFailed || !strings.Contains(r.err, `mapping["a"].mask, source.sampling`) || !strings.Contains(r.err, "as new as Import Center") {
		t.Errorf("%+v", r)
	}
}

// TestGoingBack applies an earlier generation, as a plan like any other.
func TestGoingBack(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	url := applying(t, &sent)
	r := tapline(t, "", "apply", "--generation", "3", "customers", "--offline", "--yes", "--server", url)
	raw, _ := json.Marshal(sent["documents"])
	if r.code != ExitDone || sent["plan"] != "d1" || !strings.Contains(string(raw), "select 3") || strings.Contains(string(raw), "appliedAt") {
		t.Errorf("apply: %+v, sent %s", r, raw)
	}
	if r := tapline(t, "", "diff", "--generation", "3", "customers", "--server", url); r.code != ExitChanges {
		t.Errorf("diff: %+v", r)
	}
	if r := tapline(t, "", "diff", "--generation", "4", "customers", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "its deletion") {
		t.Errorf("diff with a deletion: %+v", r)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/imports/customers/generations": answer(200, `{"items":[{"import":"customers","generation":2,"action":"delete","by":"key:ci","role":"editor","at":"2026-11-24T09:00:00Z"},{"import":"customers","generation":1,"action":"apply","at":"2026-11-23T09:00:00Z"}],"nextPageToken":""}`),
		"POST /v1/imports/customers/unmanage":   answer(200, `{}`), "POST /v1/connections/warehouse/unmanage": answer(200, `{}`),
	})
	r := tapline(t, "", "history", "customers", "--server", url)
	for _, want := range []string{"GENERATION  ACTION", "2           delete  2026-11-24 09:00:00Z  key:ci", "1           apply   2026-11-23 09:00:00Z  -"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in\n%s", want, r.out+r.err)
		}
	}
	for arg, want := range map[string]int{"customers": ExitDone, "SnowflakeConnection/warehouse": ExitDone, "Warehouse/x": ExitFailed} {
		if r := tapline(t, "", "unmanage", arg, "--server", url); r.code != want {
			t.Errorf("unmanage %s: %+v", arg, r)
		}
	}
}

// TestValuesOfAFile: resolved before anything is checked or sent, and shown by plan.
func TestValuesOfAFile(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	url := applying(t, &sent)
	def := file(t, "c.yaml", strings.Replace(customersYAML, "metadata: {name: customers}", "metadata: {name: customers, owner: \"${vars.owner}\"}", 1))
	values := file(t, "production.yaml", "owner: growth\n")
	if r := tapline(t, "", "apply", "-f", def, "--values", values, "--offline", "--server", url); r.code != ExitDone {
		t.Errorf("apply: %+v", r)
	}
	if raw, _ := json.Marshal(sent); !strings.Contains(string(raw), `"owner":"growth"`) {
		t.Errorf("sent %s", raw)
	}
	if r := tapline(t, "", "plan", "-f", def, "--values", values, "--server", url); !strings.Contains(r.out, "vars.owner is growth") {
		t.Errorf("plan: %+v", r)
	}
	for name, args := range map[string][]string{
		"without a file": {"apply", "-f", def}, "unused": {"apply", "-f", def, "--values", file(t, "v.yaml", "owner: a\nother: b\n")},
		"validate without": {"validate", "-f", def}, "validate unused": {"validate", "-f", def, "--values", file(t, "w.yaml", "owner: a\nother: b\n")},
	} {
		if name[0] != 'v' {
			args = append(args, "--server", url, "--offline")
		}
		if r := tapline(t, "", args...); r.code != ExitRefused || !strings.Contains(r.err, "owner") && !strings.Contains(r.err, "other") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := tapline(t, "", "validate", "-f", def, "--values", values); r.code != ExitDone {
		t.Errorf("validate: %+v", r)
	}
}
