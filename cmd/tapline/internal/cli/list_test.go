package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/definition"
)

const customersJSON = `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers","labels":{"team":"growth"}},
	"spec":{"source":{"connectionRef":"warehouse","query":"select *\nfrom t"},"destination":{"accountRef":"clevertap","type":"profile"},
	"identity":{"column":"ID"},"mapping":[{"from":"EMAIL","to":"Email"}],"newer":"field"},"generation":4,"appliedAt":"2026-11-23T10:00:00Z"}`

const ordersJSON = `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"orders"},
	"spec":{"source":{"connectionRef":"warehouse","table":"ORDERS"},"destination":{"accountRef":"clevertap","type":"profile"},
	"identity":{"column":"ID"},"mapping":[{"from":"EMAIL","to":"Email"}]},"generation":1,"appliedAt":"2026-11-23T10:00:00Z"}`

const warehouseJSON = `{"apiVersion":"tapline.dev/v1alpha1","kind":"SnowflakeConnection","metadata":{"name":"warehouse","labels":{"tier":"gold"}},
	"spec":{"account":"acme","user":"T","password":"ref+env://SNOWFLAKE_PW"},"generation":2,"appliedAt":"2026-11-23T10:00:00Z"}`

// shop is a server with two imports, a run and a connection.
func shop(t *testing.T, more map[string]http.HandlerFunc) string {
	t.Helper()
	routes := map[string]http.HandlerFunc{
		"GET /v1/imports": answer(200, `{"items":[{"import":"customers","type":"profile","status":"Ready"},{"import":"orders","type":"profile","status":"Paused"}]}`),
		"GET /v1/imports/customers": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"4"`)
			answer(200, customersJSON)(w, r)
		},
		"GET /v1/imports/orders":          answer(200, ordersJSON),
		"GET /v1/runs":                    answer(200, `{"items":[{"run":"customers.42","import":"customers","state":"succeeded","counts":{"read":3},"startedAt":"2026-11-23T10:00:00Z","finishedAt":"2026-11-23T10:00:02Z"}],"nextPageToken":"n"}`),
		"GET /v1/runs/customers.42":       answer(200, `{"run":"customers.42","import":"customers","state":"succeeded","counts":{"read":3},"startedAt":"2026-11-23T10:00:00Z"}`),
		"GET /v1/connections":             answer(200, `{"items":[`+warehouseJSON+`]}`),
		"GET /v1/connections/warehouse":   answer(200, warehouseJSON),
		"GET /v1/imports/customers/stats": answer(200, `{"periods":[]}`),
		"GET /v1/imports/orders/stats":    answer(200, `{"periods":[]}`),
		"GET /v1/defaults":                answer(200, `{"items":[]}`),
		"GET /v1/rejects":                 answer(200, `{"items":[{"stage":"map","code":"email_invalid","reason":"no address","import":"customers","run":"customers.42","id":"42.1.7","time":"2026-11-23T10:00:00Z","row":{"ID":1,"EMAIL":"x"}}]}`),
	}
	for pattern, handler := range more {
		routes[pattern] = handler
	}
	return center(t, routes)
}

func TestGetForms(t *testing.T) {
	t.Parallel()
	url := shop(t, nil)
	for args, want := range map[string]struct {
		code     int
		out, err string
		not      string
	}{
		"get imports -o name":                         {out: "customers\norders\n"},
		"get imports orders -o name":                  {out: "orders\n"},
		"get imports order":                           {code: ExitFailed, err: "there is none named order; did you mean orders?"},
		"get imports -l team=growth -o name":          {out: "customers\n"},
		"get imports -l team!=growth -o name":         {out: "orders\n"},
		"get imports -l !team,x!=y -o name":           {out: "orders\n"},
		"get imports -l a=b=c=":                       {out: ""},
		"get imports -l =x":                           {code: ExitFailed, err: "is not a condition"},
		"get imports":                                 {out: "customers  Ready", not: "WATERMARK"},
		"get imports -o wide":                         {out: "WATERMARK"},
		"get imports -o yaml":                         {out: "name: orders\nspec:", not: "generation"},
		"get imports -o jsonpath":                     {code: ExitFailed, err: "-o is table, wide, json, yaml or name"},
		"get imports -w -o yaml":                      {code: ExitFailed, err: "leave -o yaml out"},
		"get import customers -o yaml":                {out: "    query: |-\n      select *\n      from t\n", not: "appliedAt"},
		"get import customers":                        {out: `"newer": "field"`},
		"get connections -l tier=gold -o name":        {out: "warehouse\n"},
		"get connections -l tier=silver -o name":      {not: "warehouse"},
		"get connection warehouse -o yaml":            {out: "password: ref+env://SNOWFLAKE_PW", not: "generation"},
		"get runs -o name":                            {out: "customers.42\n", err: "--page-token n"},
		"get runs -o yaml":                            {out: "- run: customers.42"},
		"get runs":                                    {out: "customers.42  succeeded", not: "UNCHANGED"},
		"get runs -o wide":                            {out: "UNCHANGED"},
		"get run customers.42 -o yaml":                {out: "run: customers.42\n"},
		"get rejects --run customers.42 -o name":      {out: "customers.42/42.1.7\n"},
		"get rejects --run customers.42 -o yaml":      {out: "code: email_invalid"},
		"describe rejects --run customers.42":         {out: `{"ID":1,"EMAIL":"x"}`},
		"describe rejects --run customers.42 -o json": {out: `"code": "email_invalid"`},
		"describe import customers":                   {out: "labels          team=growth"},
		"describe import customers -o wide":           {out: "UNCHANGED"},
		"describe import customers -o yaml":           {out: "apiVersion: tapline.dev/v1alpha1\n"},
		"describe connection warehouse":               {out: "generation      2"},
		"describe run customers.42 -o name":           {out: "customers.42\n"},
		"__complete get imports cu":                   {out: "customers\n"},
		"__complete get imports customers ":           {out: "orders\n", not: "customers\n"},
		"__complete run ":                             {out: "customers\norders\n"},
		"__complete cancel c":                         {out: "customers.42\n"},
		"__complete logs c":                           {out: "customers\ncustomers.42\n"},
		"__complete connection test ":                 {out: "warehouse\n"},
		"__complete edit ":                            {out: "import\nconnection\n"},
		"__complete edit connection ":                 {out: "warehouse\n"},
		"__complete get runs --import o":              {out: "orders\n"},
		"__complete get imports -o ":                  {out: "table\nwide\njson\nyaml\nname\n"},
		"__complete plan -o ":                         {out: "table\njson\n"},
		"__complete get imports --filter st":          {out: "status=\n"},
		"__complete get accounts ":                    {not: "warehouse"}, // the server knows none of them
		"completion bash":                             {out: "__start_tapline"},
		"completion zsh":                              {out: "#compdef tapline"},
		"completion fish":                             {out: "complete -c tapline"},
	} {
		var fields []string
		for f := range strings.SplitSeq(args, " ") {
			fields = append(fields, f)
		}
		if fields[0] != "completion" && fields[0] != "__complete" {
			fields = append(fields, "--server", url)
		}
		if fields[0] == "__complete" {
			fields = append([]string{"__complete", "--server", url}, fields[1:]...)
		}
		r := tapline(t, "", fields...)
		if r.code != want.code || !strings.Contains(r.out, want.out) || !strings.Contains(r.err, want.err) || want.not != "" && strings.Contains(r.out, want.not) {
			t.Errorf("%s: %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
}

// TestWatchShowsChanges: -w prints the list, then what changes, and outlives a server that is
// away for a moment.
func TestWatchShowsChanges(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	url := shop(t, map[string]http.HandlerFunc{
		"GET /v1/imports": func(w http.ResponseWriter, r *http.Request) {
			switch n := asked.Add(1); n {
			case 1:
				answer(200, `{"items":[{"import":"a","status":"Ready"},{"import":"b","status":"Ready"}]}`)(w, r)
			case 2:
				w.WriteHeader(http.StatusBadGateway)
			case 3:
				// The owner of a is not among what is shown.
				answer(200, `{"items":[{"import":"a","status":"Ready","owner":"ana"},{"import":"b","status":"Running"}]}`)(w, r)
			default:
				cancel()
				answer(200, `{"items":[]}`)(w, r)
			}
		},
	})
	var out, errs bytes.Buffer
	code := Main(ctx, []string{"get", "imports", "-w", "--server", url}, IO{In: strings.NewReader(""), Out: &out, Err: &errs})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != ExitInterrupted || len(lines) != 4 || !strings.HasPrefix(lines[1], "a ") || !strings.HasPrefix(lines[3], "b       Running") {
		t.Errorf("%d\n%s%s", code, out.String(), errs.String())
	}
	if !strings.Contains(errs.String(), "asking again") || !strings.Contains(errs.String(), "answers again") {
		t.Errorf("what is said: %s", errs.String())
	}
}

func TestApplyFromStandardInput(t *testing.T) {
	t.Parallel()
	var got struct{ Documents []json.RawMessage }
	url := shop(t, map[string]http.HandlerFunc{
		"POST /v1/apply": func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Error(err)
			}
			answer(200, `{"items":[]}`)(w, r)
		},
	})
	yaml := tapline(t, "", "get", "import", "orders", "-o", "yaml", "--server", url)
	r := tapline(t, yaml.out, "apply", "-f", "-", "--server", url)
	if r.code != ExitDone || len(got.Documents) != 1 || !strings.Contains(string(got.Documents[0]), `"table":"ORDERS"`) {
		t.Errorf("%+v, sent %s", r, got.Documents)
	}
	if r := tapline(t, "kind: Import", "apply", "-f", "-", "--server", url); r.code != ExitRefused || !strings.Contains(r.err, "standard input:1:1") {
		t.Errorf("a fault: %+v", r)
	}
}

// TestEdit has an editor that writes what the test says.
func TestEdit(t *testing.T) {
	editor := func(script string) {
		path := filepath.Join(t.TempDir(), "editor")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("VISUAL", "")
		t.Setenv("EDITOR", path+" --wait")
	}
	t.Setenv("TMPDIR", t.TempDir())
	var mu sync.Mutex
	var match, sent string
	status, body := 200, customersJSON
	url := shop(t, map[string]http.HandlerFunc{
		"GET /v1/imports/customers": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"4"`)
			answer(200, strings.Replace(customersJSON, `,"newer":"field"`, "", 1))(w, r)
		},
		"PUT /v1/imports/customers": func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			raw, _ := io.ReadAll(r.Body)
			match, sent = r.Header.Get("If-Match"), string(raw)
			answer(status, body)(w, r)
		},
	})
	left := func() []string {
		files, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "tapline-*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	edit := func() result { return tapline(t, "", "edit", "import", "customers", "--server", url) }

	editor(`sed -i 's/connectionRef: warehouse/connectionRef: other/' "$2"`)
	if r := edit(); r.code != ExitDone || match != `"4"` || !strings.Contains(sent, `"connectionRef":"other"`) || len(left()) != 0 {
		t.Errorf("changed: %+v, If-Match %s, sent %s, left %v", r, match, sent, left())
	}
	sent = ""
	editor(`true`)
	if r := edit(); r.code != ExitDone || sent != "" || !strings.Contains(r.err, "nothing was changed") || len(left()) != 0 {
		t.Errorf("not changed: %+v, sent %s", r, sent)
	}
	editor(`sed -i 's/mapping:/maping:/' "$2"`)
	r := edit()
	if r.code != ExitRefused || sent != "" || !strings.Contains(r.err, "maping") || len(left()) != 1 || !strings.Contains(r.err, "tapline apply -f "+left()[0]) {
		t.Errorf("refused here: %+v, left %v", r, left())
	}
	editor(`sed -i 's/ID/NR/' "$2"`)
	status, body = 412, `{"status":412,"code":"changed_since","detail":"the import has been changed since"}`
	if r := edit(); r.code != ExitFailed || !strings.Contains(r.err, "changed since") || len(left()) != 2 {
		t.Errorf("refused there: %+v, left %v", r, left())
	}
	editor(`exit 3`)
	if r := edit(); r.code != ExitFailed || !strings.Contains(r.err, "the editor") || len(left()) != 3 {
		t.Errorf("an editor that fails: %+v", r)
	}
	t.Setenv("EDITOR", "")
	if r := edit(); r.code != ExitFailed || !strings.Contains(r.err, "set EDITOR") {
		t.Errorf("no editor: %+v", r)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	deleted := ""
	url := shop(t, map[string]http.HandlerFunc{
		"DELETE /v1/imports/customers": func(w http.ResponseWriter, r *http.Request) {
			deleted = r.Header.Get("If-Match") + r.URL.RawQuery
			_, _ = w.Write([]byte(`{"import":"customers","cancelled":"customers.3","removed":["tapline.rows.customers.v1"],"kept":["its runs are kept"]}`))
		},
	})
	if r := tapline(t, "no\n", "delete", "import", "customers", "--topics", "keep", "--server", url); r.code != ExitFailed || deleted != "" {
		t.Errorf("without agreement: %+v", r)
	}
	if r := tapline(t, "", "delete", "import", "customers", "--yes", "--server", url); r.code != ExitFailed || deleted != "" || !strings.Contains(r.err, "--topics keep or --topics remove") {
		t.Errorf("without a choice: %+v", r)
	}
	r := tapline(t, "", "delete", "import", "customers", "--topics", "remove", "--cancel", "--yes", "--server", url)
	if r.code != ExitDone || deleted != `"4"topics=remove&cancelActive=true` {
		t.Errorf("with both: %+v, request %s", r, deleted)
	}
	for _, want := range []string{"customers.3 is cancelled", "removed: tapline.rows.customers.v1", "kept: its runs are kept"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("%q is not said: %s", want, r.err)
		}
	}
	if r := tapline(t, "", "delete", "connection", "warehouse", "--topics", "keep", "--yes", "--server", url); r.code != ExitFailed {
		t.Errorf("topics of a connection: %+v", r)
	}
	if r := tapline(t, "", "delete", "topic", "x", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "is none of import") {
		t.Errorf("another kind: %+v", r)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	url := shop(t, map[string]http.HandlerFunc{
		"GET /v1/runs/customers.42/log": func(w http.ResponseWriter, r *http.Request) {
			first := `{"time":"2026-11-23T10:00:00Z","kind":"state","text":"extracting"}`
			switch asked.Add(1) {
			case 1:
				answer(200, `{"run":"customers.42","state":"extracting","items":[`+first+`]}`)(w, r)
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				answer(200, `{"run":"customers.42","state":"failed","items":[`+first+`,{"time":"2026-11-23T10:00:01Z","kind":"error","text":"a\u001bb"}]}`)(w, r)
			}
		},
	})
	r := tapline(t, "", "logs", "customers", "-f", "--server", url)
	want := "2026-11-23 10:00:00Z  state    extracting\n2026-11-23 10:00:01Z  error    a�b\n"
	if diff := cmp.Diff(want, r.out); r.code != ExitDone || diff != "" {
		t.Errorf("%d %s (-want +got):\n%s", r.code, r.err, diff)
	}
}

// TestExportedIsApplied: what get -o yaml prints of a definition is valid by itself.
func TestExportedIsApplied(t *testing.T) {
	t.Parallel()
	url := shop(t, nil)
	r := tapline(t, "", "get", "imports", "orders", "-o", "yaml", "--server", url)
	if set, problems := definition.Parse("x", []byte(r.out), nil); len(problems) > 0 || len(set.Imports) != 1 {
		t.Errorf("%v\n%s", problems, r.out)
	}
}
