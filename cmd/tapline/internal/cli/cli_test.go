package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

const customersYAML = `apiVersion: tapline.dev/v1alpha1
kind: SnowflakeConnection
metadata: {name: warehouse}
spec: {account: acme-eu1, user: TAPLINE, password: ref+env://PW}
---
apiVersion: tapline.dev/v1alpha1
kind: CleverTapAccount
metadata: {name: clevertap}
spec: {region: in1, accountId: ref+env://ID, passcode: ref+env://PASS}
---
apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: customers}
spec:
  source: {connectionRef: warehouse, table: CUSTOMERS}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: ID}
  mapping:
    - EMAIL -> Email
    - {from: AGE, to: years, type: integer}
`

type result struct {
	code     int
	out, err string
}

func tapline(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := Main(t.Context(), args, IO{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return result{code, out.String(), errs.String()}
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := file(t, "good.yaml", customersYAML)
	bad := file(t, "bad.yaml", strings.Replace(customersYAML, "mapping:", "maping:", 1))
	wrong := file(t, "wrong.yaml", strings.Replace(customersYAML, "type: integer", "type: decimal", 1))
	if r := tapline(t, "", "validate", "-f", good); r.code != ExitDone || !strings.Contains(r.err, "valid: 1 import and 2 resources") {
		t.Errorf("good: %+v", r)
	}
	if r := tapline(t, "", "validate", "-f", bad); r.code != ExitRefused || !strings.Contains(r.err, bad+":18:3:") || !strings.Contains(r.err, "maping") {
		t.Errorf("unknown key: %+v", r)
	}
	if r := tapline(t, "", "validate", "-f", wrong); r.code != ExitRefused || !strings.Contains(r.err, "spec.mapping[1].type") {
		t.Errorf("unknown type: %+v", r)
	}
	if r := tapline(t, "", "validate", "-f", "nowhere.yaml"); r.code != ExitFailed || !strings.Contains(r.err, "nowhere.yaml cannot be read") {
		t.Errorf("no file: %+v", r)
	}
	if r := tapline(t, "", "validate"); r.code != ExitFailed || !strings.Contains(r.err, "-f") {
		t.Errorf("no -f: %+v", r)
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	def := file(t, "customers.yaml", customersYAML)
	rows := `{"ID":42,"EMAIL":"a<b>&c@example.com","AGE":"007"}` + "\n" + `{"ID":null,"EMAIL":null,"AGE":null}` + "\r\n" + `not JSON` + "\n" + `{"ID":"x","EMAIL":null,"AGE":null}`
	r := tapline(t, rows, "map", "-f", def, "--rows", "-", "--now", "1")
	lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	if r.code != ExitRejects || len(lines) != 4 {
		t.Fatalf("map: %+v", r)
	}
	for i, want := range []string{
		`"code":"email_invalid"`, `"code":"identity_missing"`, `"code":"row_unreadable"`,
		`{"row":4,"record":{"type":"profile","identity":"x","profileData":{}}}`,
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d = %s, want %s", i+1, lines[i], want)
		}
		if !json.Valid([]byte(lines[i])) {
			t.Errorf("line %d is not JSON: %s", i+1, lines[i])
		}
	}
	clean := tapline(t, `{"ID":42,"EMAIL":null,"AGE":"007"}`, "map", "-f", def, "--rows", "-")
	if want := `{"row":1,"record":{"type":"profile","identity":"42","profileData":{"years":7}}}` + "\n"; clean.code != ExitDone || clean.out != want {
		t.Errorf("map = %+v, want %s", clean, want)
	}
	columns := file(t, "columns.json", `[{"name":"ID","type":"FIXED","precision":38,"nullable":false}]`)
	if r := tapline(t, "{}", "map", "-f", def, "--rows", "-", "--columns", columns); r.code != ExitRefused || !strings.Contains(r.err, "EMAIL") {
		t.Errorf("a column that is missing: %+v", r)
	}
	if r := tapline(t, "", "map", "-f", def, "--rows", "-", "--import", "orders"); r.code != ExitFailed || !strings.Contains(r.err, "orders") {
		t.Errorf("an unknown import: %+v", r)
	}
}

// center plays Import Center.
func center(t *testing.T, handlers map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range handlers {
		mux.HandleFunc(pattern, h)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	def := file(t, "customers.yaml", customersYAML)
	var sent []byte
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/defaults": answer(200, `{"items":[]}`),
		"POST /v1/apply": func(w http.ResponseWriter, r *http.Request) {
			sent, _ = io.ReadAll(r.Body)
			answer(200, `{"items":[{"kind":"Import","name":"customers","outcome":"created","generation":1}]}`)(w, r)
		},
	})
	r := tapline(t, "", "apply", "-f", def, "--server", url)
	if r.code != ExitDone || !strings.Contains(r.out, "customers  created  1") {
		t.Errorf("apply: %+v", r)
	}
	var body struct{ Documents []schemas.Resource }
	if err := json.Unmarshal(sent, &body); err != nil || len(body.Documents) != 3 {
		t.Errorf("sent %s: %v", sent, err)
	}
}

func TestApplyShowsRefusalsInTheFile(t *testing.T) {
	t.Parallel()
	def := file(t, "customers.yaml", customersYAML)
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/defaults": answer(200, `{"items":[]}`),
		"POST /v1/apply": answer(422, `{"code":"definition_refused","detail":"nothing was applied","errors":[
			{"location":"documents[2].spec.source.connectionRef","code":"reference_missing","message":"there is no SnowflakeConnection warehouse"}]}`),
	})
	r := tapline(t, "", "apply", "-f", def, "--server", url)
	if r.code != ExitRefused || !strings.Contains(r.err, def+":15:12: spec.source.connectionRef: there is no SnowflakeConnection warehouse") {
		t.Errorf("apply: %+v", r)
	}
}

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  string
		code int
		says string
	}{
		{"loaded", `"state":"succeeded","counts":{"read":3,"loaded":3}`, ExitDone, "loaded"},
		{"held", `"state":"held","snowflake":{"queueSeconds":0,"executionSeconds":41.254},"hold":{"code":"rows_grew","reason":"the result has 2,400,000 rows, too many","records":2400000,"figures":[{"code":"rows_grew","reason":"x"}]}`, ExitHeld, "tapline approve customers.1 lets it continue, tapline decline customers.1 ends it"},
		{"with rejects", `"state":"succeededWithRejects","counts":{"read":3,"loaded":2,"mapRejected":1}`, ExitRejects, "get rejects --run customers.1"},
		{"failed", `"state":"failed","error":{"code":"x","reason":"the password is wrong"}`, ExitFailed, "the password is wrong"},
		{"cancelled", `"state":"cancelled"`, ExitFailed, "cancelled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			looks := 0
			url := center(t, map[string]http.HandlerFunc{
				"POST /v1/imports/customers/runs": answer(202, `{"run":"customers.1","import":"customers","state":"extracting"}`),
				"GET /v1/runs/customers.1": func(w http.ResponseWriter, r *http.Request) {
					if looks++; looks == 1 {
						answer(200, `{"run":"customers.1","import":"customers","state":"loading"}`)(w, r)
						return
					}
					answer(200, `{"run":"customers.1","import":"customers",`+tt.run+`}`)(w, r)
				},
			})
			r := tapline(t, "", "run", "customers", "--wait", "--server", url)
			if r.code != tt.code || !strings.Contains(r.out+r.err, tt.says) {
				t.Errorf("run --wait: %+v", r)
			}
			if !strings.Contains(r.err, "customers.1 loading") {
				t.Errorf("no progress in %q", r.err)
			}
			if r := tapline(t, "", "run", "customers", "-o", "json", "--server", url); r.code != ExitDone || !json.Valid([]byte(r.out)) {
				t.Errorf("run -o json: %+v", r)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := center(t, map[string]http.HandlerFunc{
		"POST /v1/imports/customers/runs": answer(202, `{"run":"customers.1","import":"customers","state":"extracting"}`),
		"GET /v1/runs/customers.1": func(w http.ResponseWriter, r *http.Request) {
			cancel()
			answer(200, `{"run":"customers.1","state":"loading"}`)(w, r)
		},
	})
	var out, errs bytes.Buffer
	if code := Main(ctx, []string{"run", "customers", "--wait", "--server", url}, IO{Out: &out, Err: &errs}); code != ExitInterrupted {
		t.Errorf("exit code %d, want %d; %s", code, ExitInterrupted, errs.String())
	}
	if !strings.Contains(errs.String(), "customers.1 continues") || !strings.Contains(errs.String(), "tapline cancel customers.1") {
		t.Errorf("an interrupted wait says nothing of the run: %s", errs.String())
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	if r := tapline(t, "", "get", "runs", "--server", server.URL); r.code != ExitFailed || !strings.Contains(r.err, "not an answer of Import Center") {
		t.Errorf("another server: %+v", r)
	}
	server.Close()
	if r := tapline(t, "", "get", "runs", "--server", server.URL); r.code != ExitUnknown || !strings.Contains(r.err, "tapline dev") {
		t.Errorf("no server: %+v", r)
	}
	if r := tapline(t, "", "get", "runs", "--server", "localhost:19000"); r.code != ExitFailed || !strings.Contains(r.err, "TAPLINE_SERVER") {
		t.Errorf("no URL: %+v", r)
	}
	if r := tapline(t, "", "get", "runs", "-o", "xml"); r.code != ExitFailed || !strings.Contains(r.err, "yaml or name") {
		t.Errorf("another format: %+v", r)
	}
}

// TestMistypedVerbsFail: a script that asks for what is not there must not see
// success.
func TestMistypedVerbsFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"get", "imprts"}, "did you mean import or imports"},
		{[]string{"get", "qqqqqqqq"}, "tapline get --help"},
		{[]string{"get"}, "Available Commands"},
		{[]string{"topics", "pln"}, "did you mean plan"},
		{[]string{"connection", "tset"}, "did you mean test"},
		{[]string{"get", "runs", "--limit", "0"}, "--limit is 1 to 1000"},
		{[]string{"get", "rejects"}, "say whose rejects: --import IMPORT or --run RUN"},
		{[]string{"clone", "customers"}, "one argument was given, and it is called tapline clone IMPORT NEW; tapline clone --help has examples"},
		{[]string{"get", "import"}, "no argument was given, and it is called tapline get import NAME"},
		{[]string{"doctor", "now"}, `tapline doctor takes no argument, and "now" is one; tapline doctor --help lists its flags`},
		{[]string{"gte", "imports"}, `tapline has no "gte"; did you mean get?`},
		{[]string{"pause", "x", "--nope"}, "unknown flag: --nope; tapline pause --help lists the flags"},
		{[]string{"get", "rejects", "--import", "x", "--limit", "-1"}, "--limit is 1 to 1000"},
	} {
		r := tapline(t, "", c.args...)
		if r.code != ExitFailed || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("tapline %s: %+v, want exit code 1 and %q", strings.Join(c.args, " "), r, c.says)
		}
	}
}

// TestRefusedFlags: what the API says of a parameter is said of the flag that gave it.
func TestRefusedFlags(t *testing.T) {
	t.Parallel()
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/runs": answer(422, `{"status":422,"detail":"validation failed","errors":[{"location":"query.state[0]","message":"expected value to be one of \"queued, failed\""}]}`),
	})
	r := tapline(t, "", "get", "runs", "--state", "wrong", "--server", url)
	if r.code != ExitFailed || !strings.Contains(r.err, `--state: expected value to be one of "queued, failed"`) || strings.Contains(r.err, "query.") {
		t.Errorf("%+v", r)
	}
}

func TestCancelOfWhatIsOver(t *testing.T) {
	t.Parallel()
	cancelled := false
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/runs/customers.1": answer(200, `{"run":"customers.1","import":"customers","state":"succeeded"}`),
		"GET /v1/runs/customers.2": answer(200, `{"run":"customers.2","import":"customers","state":"loading"}`),
		"POST /v1/runs/customers.2/cancel": func(w http.ResponseWriter, r *http.Request) {
			cancelled = true
			answer(202, `{}`)(w, r)
		},
	})
	if r := tapline(t, "", "cancel", "customers.1", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "has already ended as succeeded") {
		t.Errorf("cancel of a finished run: %+v", r)
	}
	if r := tapline(t, "", "cancel", "customers.2", "--server", url); r.code != ExitDone || !cancelled {
		t.Errorf("cancel of an active run: %+v", r)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/imports":        answer(200, `{"items":[{"import":"customers","type":"profile","status":"Ready","health":0.97,"future":1200}],"nextPageToken":""}`),
		"GET /v1/runs":           answer(200, `{"items":[{"run":"customers.2","state":"succeeded","counts":{"read":1234567}}],"nextPageToken":"1"}`),
		"GET /v1/rejects":        answer(200, `{"items":[{"run":"customers.2","stage":"map","code":"email_invalid","reason":"not an address"}]}`),
		"GET /v1/connections":    answer(200, `{"items":[{"kind":"SnowflakeConnection","metadata":{"name":"warehouse"},"generation":3}]}`),
		"GET /v1/runs/missing.1": answer(404, `{"code":"not_found","detail":"there is no run missing.1"}`),
	})
	for args, says := range map[string]string{
		"get imports":                    "97.00 %",
		"get imports -o json":            `"future": 1200`,
		"get imports -o table":           "Ready, 1,200 rows in the future",
		"get runs":                       "1,234,567",
		"get rejects --import customers": "email_invalid",
		"get connections":                "warehouse  SnowflakeConnection  3",
		"get runs -o json":               `"nextPageToken": "1"`,
	} {
		if r := tapline(t, "", append(strings.Fields(args), "--server", url)...); r.code != ExitDone || !strings.Contains(r.out, says) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	if r := tapline(t, "", "get", "run", "missing.1", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "there is no run missing.1") {
		t.Errorf("get run: %+v", r)
	}
}
