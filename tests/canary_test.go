package tests

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// planted are texts that nobody may find outside of the topics, the API's answers to those
// who may read them, Snowflake and CleverTap. Each is of another kind, and unlike any other.
var planted = map[string]string{
	"an identity":                "canaryidentity",
	"a property's value":         "canaryproperty",
	"a rejected value":           "canaryrejected",
	"an SQL literal":             "canaryliteral",
	"a comment in SQL":           "canarycomment",
	"a constant of a mapping":    "canaryconstant",
	"a text of an expression":    "canaryexpression",
	"a person":                   "canaryperson",
	"a reason that was given":    "canaryreason",
	"a secret of a webhook":      "canarysecret",
	"a token in an address":      "canarytoken",
	"a text that a cast refuses": "canarycast",
}

// plantedOwner is whose import it is: a label of its metrics, by which alerts find their way
// to people. The bundle leaves the deployment and must not hold it.
const plantedOwner = "canaryowner"

// TestPlantedTextsLeaveNowhere: values of an identity, a property, a secret and a literal of
// SQL, and who wrote what, are in none of logs at the finest level, metrics, spans, exported
// log records, the support bundle, the reasons of runs and what a process prints as it
// crashes.
func TestPlantedTextsLeaveNowhere(t *testing.T) {
	t.Parallel()
	collector := receiveAll(t)
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "hook"), []byte(planted["a secret of a webhook"]), 0o600); err != nil {
		t.Fatal(err)
	}
	c := harness.Start(t, harness.Options{
		Separate: true, DevArgs: []string{"--load", table + "=" + plantedRows(t)},
		Env: append(collector.env(), "TAPLINE_LOG_LEVEL=DEBUG", "TAPLINE_NOTIFICATIONS_SECRETS_DIRECTORIES="+secrets, "TAPLINE_NOTIFICATIONS_EVERY=200ms"),
	})
	plantedWork(t, c, collector.server.URL, filepath.Join(secrets, "hook"))

	look := looker(t, c)
	for _, service := range harness.Services {
		look(service+"'s metrics", getText(t, c.Admin[service]+"/metrics"))
	}
	for name, text := range supportBundle(t, c) {
		look("the bundle's "+name, text)
		if bytes.Contains(text, []byte(plantedOwner)) {
			t.Errorf("the bundle's %s names the owner of an import", name)
		}
	}
	// A process that crashes prints the stacks of all its goroutines, which is what SIGQUIT
	// asks for; rows are in hand meanwhile.
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":3000}]}`)
	c.ApplyText(t, plantedImport("crashing", "select * from "+table))
	c.Trigger(t, "crashing")
	harness.Eventually(t, time.Minute, "a request is in flight", func() bool { return c.Stats(t).InFlight > 0 })
	for _, service := range harness.Services {
		p := c.Services[service]
		p.Signal(t, syscall.SIGQUIT)
		harness.Eventually(t, 20*time.Second, service+" has crashed", func() bool { return !p.Running() })
		if !strings.Contains(p.Log(), "goroutine ") {
			t.Errorf("%s printed no stacks", service)
		}
	}
	logs, err := filepath.Glob(filepath.Join(c.Dir, "*.log"))
	if err != nil || len(logs) < len(harness.Services) {
		t.Fatalf("found logs %v, %v", logs, err)
	}
	for _, path := range append(logs, c.Endpoints.Files["log"]) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		look(filepath.Base(path), text)
	}
	for signal, text := range collector.received() {
		look("what is sent to "+signal, text)
	}
}

// looker reports every planted text, and every password of the sandbox, that a text holds.
func looker(t *testing.T, c *harness.Cluster) func(where string, text []byte) {
	secrets := maps.Clone(planted)
	secrets["the passcode of CleverTap"] = c.Endpoints.CleverTap.Passcode
	secrets["the password of Snowflake"] = c.Endpoints.Snowflake.Password
	return func(where string, text []byte) {
		t.Helper()
		if len(text) == 0 {
			t.Errorf("%s is empty: the test looks at nothing", where)
		}
		for what, secret := range secrets {
			if at := bytes.Index(text, []byte(secret)); at >= 0 {
				t.Errorf("%s holds %s: …%s…", where, what, text[max(0, at-200):min(len(text), at+100)])
			}
		}
	}
}

// plantedRows writes a table whose rows hold planted texts; every tenth row is rejected.
func plantedRows(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "customers.csv")
	var rows strings.Builder
	rows.WriteString("CUSTOMER_ID,NAME,EMAIL,AGE\n")
	for i := range 400 {
		email, age := fmt.Sprintf("%s%d@example.com", planted["an identity"], i), fmt.Sprint(i)
		if i%10 == 0 {
			email, age = planted["a rejected value"], planted["a rejected value"]
		}
		fmt.Fprintf(&rows, "%s-%d,%s %d,%s,%s\n", planted["an identity"], i, planted["a property's value"], i, email, age)
	}
	if err := os.WriteFile(path, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// plantedWork has everything go wrong that quotes what it is about: rows that are rejected by
// the mapper and by CleverTap, requests that fail, a statement that Snowflake refuses when it
// is described and one that it refuses when it runs, people who say why.
func plantedWork(t *testing.T, c *harness.Cluster, hook, secret string) {
	t.Helper()
	look := looker(t, c)
	c.ApplyText(t, fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: Notification
metadata: {name: oncall}
spec:
  webhook: {url: "%s/hook/%s", secret: "ref+file://%s"}
`, hook, planted["a token in an address"], secret))
	c.Faults(t, `{"seed":7,"faults":[{"kind":"500","count":2},{"kind":"429","count":1},{"kind":"resetAfter","count":1},{"kind":"markerKey","marker":"`+planted["an identity"]+`17@example.com"}]}`)
	c.ApplyText(t, plantedImport("planted", fmt.Sprintf("select * from %s where NAME <> '%s' -- %s", table, planted["an SQL literal"], planted["a comment in SQL"])))
	run := c.Close(t, c.Trigger(t, "planted"), time.Minute)
	if run.State != schemas.StateSucceededWithRejects || run.Counts.MapRejected != 40 || run.Counts.LoadRejected != 1 {
		t.Fatalf("the run is %s with %+v", run.State, run.Counts)
	}
	c.Faults(t, `{"faults":[]}`)

	c.ApplyText(t, plantedImport("refused", fmt.Sprintf("select CUSTOMER_ID, NAME, EMAIL, to_number('%s' || left(NAME, 1)) as AGE from %s", planted["a text that a cast refuses"], table)))
	failed := c.Close(t, c.Trigger(t, "refused"), time.Minute)
	if failed.State != schemas.StateFailed || failed.Error == nil {
		t.Fatalf("the run is %s, want failed", failed.State)
	}
	look("the reason of a run", []byte(failed.Error.Reason+failed.Error.Code))
	t.Logf("a refused statement: %s: %s", failed.Error.Code, failed.Error.Reason)
	if err := c.TryApply(t, plantedImport("unknown", fmt.Sprintf("select NO_SUCH_COLUMN from %s where NAME = '%s'", table, planted["an SQL literal"]))); err == nil {
		t.Error("a query of an unknown column was applied")
	}
	if _, stderr, code := c.Tapline(t, "", "notify", "acknowledge", "refused", "--until", "1h", "--reason", planted["a reason that was given"]); code != 0 {
		t.Fatalf("acknowledging: %s", stderr)
	}
	frozen, stderr, code := c.Tapline(t, "", "freeze", "--import", "planted", "--reason", planted["a reason that was given"])
	if code != 0 {
		t.Fatalf("freezing: %s", stderr)
	}
	if _, stderr, code := c.Tapline(t, "", "unfreeze", strings.TrimSpace(frozen)); code != 0 {
		t.Fatalf("thawing: %s", stderr)
	}
	out, _, _ := c.Tapline(t, "", "logs", "refused")
	look("tapline logs", []byte(out))
	out, _, _ = c.Tapline(t, "", "why-late", "refused", "-o", "json")
	look("tapline why-late", []byte(out))
}

func plantedImport(name, query string) string {
	return fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: Import
metadata:
  name: %s
  owner: %[6]s@example.com
  labels: {team: growth, contact: %[3]s}
spec:
  source: {connectionRef: warehouse, query: %[2]q}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: CUSTOMER_ID}
  mapping:
    - NAME -> Name
    - EMAIL -> Email
    - {from: AGE, to: visits, type: integer}
    - {value: %[4]s, to: plan}
    - {expr: "NAME + '%[5]s'", to: greeting}
  topic: {partitions: 2}
`, name, query, planted["a person"], planted["a constant of a mapping"], planted["a text of an expression"], plantedOwner)
}

// supportBundle has tapline support pack everything that it can, and returns what is in it.
func supportBundle(t *testing.T, c *harness.Cluster) map[string][]byte {
	t.Helper()
	config := filepath.Join(t.TempDir(), "tapline.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "kafka: {brokers: [%q], prefix: %q}\n", c.Endpoints.Kafka, c.Endpoints.KafkaPrefix), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "support.tar.gz")
	args := []string{"support", "--file", file, "--config", config}
	for _, service := range harness.Services {
		args = append(args, "--admin", c.Admin[service])
	}
	out, stderr, code := c.Tapline(t, "", args...)
	if code != 0 || strings.Contains(stderr+out, "could not be had") {
		t.Fatalf("tapline support: exit code %d\n%s%s", code, out, stderr)
	}
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string][]byte{}, tar.NewReader(unzipped)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[strings.TrimPrefix(h.Name, "tapline-support/")], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"definitions/imports/planted.json", "definitions/notifications.json", "runs.json", "reports.json", "topics/wanted.json", "why-late/refused.json", "definitions/freezes.json"} {
		if files[want] == nil {
			t.Errorf("the bundle lacks %s; it has %v", want, slices.Sorted(maps.Keys(files)))
		}
	}
	return files
}

// allReceiver is an OTLP receiver that keeps the text of everything that it gets. It is a
// webhook too, whose messages it forgets: they are for people.
type allReceiver struct {
	server *httptest.Server
	mu     sync.Mutex
	bodies map[string][]byte
}

func receiveAll(t *testing.T) *allReceiver {
	r := &allReceiver{bodies: map[string][]byte{}}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || req.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v, encoded as %q", req.URL.Path, err, req.Header.Get("Content-Encoding"))
		}
		if !strings.HasPrefix(req.URL.Path, "/hook/") {
			r.mu.Lock()
			r.bodies[req.URL.Path] = append(r.bodies[req.URL.Path], body...)
			r.mu.Unlock()
		}
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *allReceiver) env() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.server.URL, "OTEL_LOGS_EXPORTER=otlp", "OTEL_METRIC_EXPORT_INTERVAL=1000"}
}

func (r *allReceiver) received() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := maps.Clone(r.bodies)
	for _, signal := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} {
		out[signal] = bytes.Clone(out[signal])
	}
	return out
}

func getText(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, res.Status, err)
	}
	return text
}
