package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/libs/redis/embedded"
	"tapline.dev/tests/harness"
)

// observed is a Tapline that a real Prometheus and a real Alertmanager watch, with all
// windows shortened: a minute takes a second.
type observed struct {
	*harness.Cluster
	redis                    *embedded.Server
	prometheus, alertmanager string
}

const shortened = 1.0 / 60

// breaking is something that is broken, and who has to be told.
type breaking struct {
	name string
	// want are the alerts that somebody hears of, as name, or name{label=value}.
	want []string
	// may are alerts that may be heard of as well, because they say the same of another
	// side or are a matter of pace.
	may     []string
	breakIt func(t *testing.T, o *observed)
	mend    func(t *testing.T, o *observed)
	inQuick bool
	within  time.Duration
	// quiet is for how long nothing else may be told, where nothing has to be.
	quiet      time.Duration
	overWithin time.Duration
}

// TestAlertsOnBrokenTapline breaks one thing after the other and sees that exactly the
// alerts that are about it are told, and that they end with it. With
// TAPLINE_TEST_OBSERVABILITY=quick it makes four of the breakings.
func TestAlertsOnBrokenTapline(t *testing.T) {
	how := os.Getenv("TAPLINE_TEST_OBSERVABILITY")
	if how == "" {
		t.Skip("it takes minutes: make test-observability")
	}
	o := startObserved(t)
	o.settle(t)
	if how != "quick" {
		t.Run("dashboards", o.checkDashboards)
	}
	for _, b := range breakings() {
		if how == "quick" && !b.inQuick {
			continue
		}
		t.Run(b.name, func(t *testing.T) { o.breakAndMend(t, b) })
	}
}

func (o *observed) breakAndMend(t *testing.T, b breaking) {
	// What an earlier breaking left behind is not of this one.
	harness.Eventually(t, 2*time.Minute, "nothing is told before anything is broken", func() bool { return len(o.told(t)) == 0 })
	begin, mended := time.Now(), false
	defer func() {
		if !mended { // what is broken must not spoil the next
			b.mend(t, o)
		}
	}()
	b.breakIt(t, o)
	var told []string
	harness.Eventually(t, b.within, "the alerts of this are told", func() bool {
		if told = o.told(t); !o.onlyAbout(t, b, told) {
			return false
		}
		return time.Since(begin) >= b.quiet && !slices.ContainsFunc(b.want, func(want string) bool { return !isTold(told, want) })
	})
	t.Logf("told after %s: %s", time.Since(begin).Round(time.Second), told)
	begin, mended = time.Now(), true
	b.mend(t, o)
	harness.Eventually(t, b.overWithin, "nothing is told any more", func() bool {
		told = o.told(t)
		return o.onlyAbout(t, b, told) && len(told) == 0
	})
	t.Logf("over %s after it was mended", time.Since(begin).Round(time.Second))
}

// onlyAbout fails if somebody is told of what is not about the breaking.
func (o *observed) onlyAbout(t *testing.T, b breaking, told []string) bool {
	t.Helper()
	for _, alert := range told {
		if !slices.ContainsFunc(slices.Concat(b.want, b.may), func(p string) bool { return about(p, alert) }) {
			t.Fatalf("told of %s, which is not about this; Prometheus has %s", alert, o.describe())
		}
	}
	return true
}

// about reports whether a pattern, a name with or without a label, is about an alert as told
// writes it.
func about(pattern, alert string) bool {
	name, label, _ := strings.Cut(strings.TrimSuffix(pattern, "}"), "{")
	return strings.HasPrefix(alert, name+"{") && strings.Contains(alert, label)
}

func isTold(told []string, want string) bool {
	return slices.ContainsFunc(told, func(alert string) bool { return about(want, alert) })
}

// told lists the alerts that somebody hears of: those that nothing mutes, without the dead
// man's switch.
func (o *observed) told(t *testing.T) (out []string) {
	t.Helper()
	var alerts []struct{ Labels map[string]string }
	if err := getJSON(o.alertmanager+"/api/v2/alerts?active=true&inhibited=false&silenced=false", &alerts); err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts {
		name := a.Labels["alertname"]
		if name == "TaplineDeadMansSwitch" {
			continue
		}
		var labels []string
		for _, key := range slices.Sorted(maps.Keys(a.Labels)) {
			if key != "alertname" && key != "product" {
				labels = append(labels, key+"="+a.Labels[key])
			}
		}
		out = append(out, name+"{"+strings.Join(labels, ",")+"}")
	}
	slices.Sort(out)
	return out
}

// describe says what Prometheus itself has, muted or waiting alerts included.
func (o *observed) describe() string {
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	if err := getJSON(o.prometheus+"/api/v1/alerts", &answer); err != nil {
		return err.Error()
	}
	var out []string
	for _, a := range answer.Data.Alerts {
		out = append(out, a.Labels["alertname"]+" "+a.State)
	}
	return strings.Join(out, ", ")
}

func getJSON(address string, into any) error {
	res, err := http.Get(address)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", address, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// settle waits until the pipeline has run and nobody is told of anything.
func (o *observed) settle(t *testing.T) {
	t.Helper()
	harness.Eventually(t, 2*time.Minute, "a run of steady has succeeded", func() bool {
		out, _ := o.CLI(t, "get", "runs", "--import", "steady", "--state", "succeeded", "-o", "json")
		return strings.Contains(out, `"succeeded"`)
	})
	// Once the dead man's switch is told, the other rules have been evaluated too; the slowest
	// of those that could be wrong from the start wait for ten of their shortened minutes.
	harness.Eventually(t, time.Minute, "the dead man's switch is told", func() bool {
		return strings.Contains(o.describe(), "TaplineDeadMansSwitch firing")
	})
	var since time.Time
	var last string
	harness.Eventually(t, 2*time.Minute, "nothing is told for fifteen seconds", func() bool {
		told := o.told(t)
		if now := strings.Join(told, ", "); now != last {
			t.Logf("told at first: %s", told)
			last = now
		}
		if len(told) > 0 || since.IsZero() {
			since = time.Now()
		}
		return time.Since(since) > 15*time.Second
	})
}

// query asks Prometheus.
func (o *observed) query(expr string) (series int, err error) {
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	err = getJSON(o.prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
	return len(answer.Data.Result), err
}

// checkDashboards: every query of every dashboard returns data, or its panel says when it
// has none.
func (o *observed) checkDashboards(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(harness.Root(), "deploy/observability/grafana/dashboards/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no dashboards: %v", err)
	}
	fill := strings.NewReplacer(
		"$import", "steady", "$account", "clevertap", "$connection", "warehouse",
		"$__rate_interval", "1m", "$__range", "5m",
	)
	queries := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title, Description string
				Targets            []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatal(err)
		}
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				queries++
				n, err := o.query(fill.Replace(target.Expr))
				if err != nil {
					t.Errorf("%s, %s: %v", filepath.Base(path), p.Title, err)
				}
				if n == 0 && !strings.Contains(p.Description, "Empty unless") {
					t.Errorf("%s, %s: no data for %s", filepath.Base(path), p.Title, fill.Replace(target.Expr))
				}
			}
		}
	}
	t.Logf("%d queries of %d dashboards", queries, len(files))
}

// startObserved starts Tapline as processes, an import that runs every ten seconds, and
// what `make observe` starts.
func startObserved(t *testing.T) *observed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "customers.csv")
	var rows strings.Builder
	rows.WriteString("CUSTOMER_ID,NAME\n")
	for i := range 400 {
		fmt.Fprintf(&rows, "c%d,Customer %d\n", i, i)
	}
	if err := os.WriteFile(path, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	redis, err := embedded.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	o := &observed{redis: redis}
	o.Cluster = harness.Start(t, harness.Options{
		Separate: true, DevArgs: []string{"--load", table + "=" + path, "--redis", redis.Addr()}, Replicas: map[string]int{"mapper": 2},
		Env: []string{"TAPLINE_SCHEDULES_MIN_INTERVAL=1s"},
	})
	o.ApplyText(t, steady(""))
	o.observe(t)
	return o
}

// steady is an import that sends every row in every run. Lines may be added to its mapping.
func steady(mapping string) string {
	return `apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: steady, owner: ann, labels: {team: growth}}
spec:
  source:
    connectionRef: warehouse
    query: select CUSTOMER_ID, NAME, CURRENT_TIMESTAMP() as SEEN from SHOP.PUBLIC.CUSTOMERS
  destination: {accountRef: clevertap, type: profile}
  identity: {column: CUSTOMER_ID}
  mapping:
    - NAME -> Name
    - {from: SEEN, to: seen, type: date}
` + mapping + `  schedules: [{every: 10s}]
  topic: {partitions: 2}
`
}

// observe starts Prometheus and Alertmanager as make observe does.
func (o *observed) observe(t *testing.T) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "observe")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, "./tools/observability/observe")
	build.Dir = harness.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building observe: %v\n%s", err, out)
	}
	base := harness.FreePort(t)
	args := []string{
		"-data", filepath.Join(o.Dir, "data"), "-dir", filepath.Join(o.Dir, "observe"), "-root", harness.Root(),
		"-port-base", fmt.Sprint(base), "-factor", fmt.Sprint(shortened), "-scrape", "1s",
	}
	for service, addresses := range o.Addresses {
		for _, a := range addresses {
			args = append(args, "-target", service+"="+a)
		}
	}
	cmd := exec.Command(program, args...)
	log := &lockedText{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("what people were told:\n%s", log)
		}
	})
	o.prometheus, o.alertmanager = fmt.Sprintf("http://127.0.0.1:%d", base), fmt.Sprintf("http://127.0.0.1:%d", base+1)
	harness.Eventually(t, time.Minute, "Prometheus and Alertmanager are ready", func() bool {
		var status, alerts any
		return getJSON(o.prometheus+"/api/v1/status/buildinfo", &status) == nil && getJSON(o.alertmanager+"/api/v2/alerts", &alerts) == nil
	})
}

// lockedText collects what a process writes.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
