// Package imports measures what many imports cost that do nothing: applying them, their
// idle time, a restart, and many that are due at once. Run it with `make bench-imports`.
package imports

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

var (
	count  = flag.Int("imports", 0, "how many imports to measure; 0 measures nothing")
	idle   = flag.Duration("idle", 20*time.Second, "how long the idle time is measured")
	due    = flag.Int("due", 100, "how many imports run at once")
	output = flag.String("figures", "", "a file for the figures, as JSON")
	env    = flag.String("env", "", "further variables of every process, separated by blanks")
	// A topic rests once nothing has come in it for 15 s, which is looked at every 5 s.
	settle   = flag.Duration("settle", 30*time.Second, "how long the services have to become idle")
	profiles = flag.String("profiles", "", "a folder for CPU profiles of the services")
)

// figures are what one measurement found.
type figures struct {
	Imports             int                `json:"imports"`
	ApplySeconds        float64            `json:"applySeconds"`
	ApplyAgainSeconds   float64            `json:"applyAgainSeconds"`
	FirstRunSeconds     float64            `json:"firstRunSeconds"` // of an import that was just applied, from the request to its end
	ApplyCPUSeconds     map[string]float64 `json:"applyCpuSeconds"`
	IdleCPUPercent      map[string]float64 `json:"idleCpuPercent"` // of one core
	ResidentMiB         map[string]int     `json:"residentMiB"`
	RestartReadySeconds map[string]float64 `json:"restartReadySeconds"`
	RestartRunSeconds   float64            `json:"restartRunSeconds"` // to the end of the first run after all services started again
	DueImports          int                `json:"dueImports"`
	DueSeconds          float64            `json:"dueSeconds"`
	DueCPUSeconds       map[string]float64 `json:"dueCpuSeconds"`
}

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemovePrograms()
	os.Exit(code)
}

func TestManyImports(t *testing.T) {
	if *count == 0 {
		t.Skip("-imports is 0")
	}
	c := harness.Start(t, harness.Options{Separate: true, Env: strings.Fields(*env)})
	f := figures{Imports: *count, DueImports: min(*due, *count), IdleCPUPercent: map[string]float64{}, ResidentMiB: map[string]int{}, RestartReadySeconds: map[string]float64{}}
	path := filepath.Join(c.Dir, "many.yaml")
	if err := os.WriteFile(path, definitions(0, *count), 0o600); err != nil {
		t.Fatal(err)
	}
	apply := func() float64 {
		began := time.Now()
		if _, code := c.CLI(t, "apply", "-f", path); code != 0 {
			t.Fatalf("tapline apply: exit code %d", code)
		}
		return time.Since(began).Seconds()
	}
	wait := c.Profile(t, *profiles, "apply", 10*time.Second)
	f.ApplyCPUSeconds = spent(t, c, func() { f.ApplySeconds = apply() })
	wait()
	t.Logf("apply: %.1f s, CPU %v", f.ApplySeconds, f.ApplyCPUSeconds)
	f.ApplyAgainSeconds = apply()
	t.Logf("apply again: %.1f s", f.ApplyAgainSeconds)
	f.FirstRunSeconds = run(t, c, "sleeper0")
	t.Logf("first run: %.2f s", f.FirstRunSeconds)
	time.Sleep(*settle)
	measureIdle(t, c, &f)
	measureRestart(t, c, &f)
	measureDue(t, c, &f)
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(text))
	if *output != "" {
		if err := os.WriteFile(*output, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// definitions are those of imports that never run by themselves, of 1,000 rows each.
func definitions(from, to int) []byte {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `---
apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: sleeper%d}
spec:
  source: {connectionRef: warehouse, query: "select 'person' || to_varchar(%d * 1000 + seq4()) as ID, seq4() as N from table(generator(rowcount => 1000))"}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: ID}
  mapping: [N -> n]
`, i, i)
	}
	return []byte(b.String())
}

// run runs an import and returns how long that took.
func run(t *testing.T, c *harness.Cluster, name string) float64 {
	t.Helper()
	began := time.Now()
	if r := c.Close(t, c.Trigger(t, name), 2*time.Minute); r.State != schemas.StateSucceeded {
		t.Fatalf("run %s: %s %v", r.Run, r.State, r.Error)
	}
	return time.Since(began).Seconds()
}

func processes(c *harness.Cluster) map[string]*harness.Process {
	all := map[string]*harness.Process{"broker and sandbox": c.Dev}
	for name, p := range c.Services {
		all[name] = p
	}
	return all
}

func measureIdle(t *testing.T, c *harness.Cluster, f *figures) {
	t.Helper()
	wait := c.Profile(t, *profiles, "idle", *idle)
	used := spent(t, c, func() { time.Sleep(*idle) }) // what is measured is that nothing happens
	wait()
	total := 0.0
	for name, p := range processes(c) {
		f.IdleCPUPercent[name] = used[name] / idle.Seconds() * 100
		f.ResidentMiB[name] = p.Cost(t).ResidentMiB
		if p != c.Dev {
			total += f.IdleCPUPercent[name]
		}
		t.Logf("idle: %s %.2f %% of a core, %d MiB", name, f.IdleCPUPercent[name], f.ResidentMiB[name])
	}
	t.Logf("idle: the services together %.2f %% of a core", total)
}

// spent returns the CPU seconds that each process uses during fn.
func spent(t *testing.T, c *harness.Cluster, fn func()) map[string]float64 {
	t.Helper()
	before, used := map[string]time.Duration{}, map[string]float64{}
	for name, p := range processes(c) {
		before[name] = p.Cost(t).CPU
	}
	fn()
	for name, p := range processes(c) {
		used[name] = (p.Cost(t).CPU - before[name]).Seconds()
	}
	return used
}

// measureRestart stops every service and starts it again.
func measureRestart(t *testing.T, c *harness.Cluster, f *figures) {
	t.Helper()
	for _, p := range c.Services {
		p.Stop(t)
	}
	began := time.Now()
	for _, p := range c.Services {
		p.Start(t)
	}
	for name := range c.Services {
		harness.Eventually(t, 2*time.Minute, name+" is ready", func() bool {
			if f.RestartReadySeconds[name] == 0 && harness.Ready(c.Admin[name]) {
				f.RestartReadySeconds[name] = time.Since(began).Seconds()
			}
			return f.RestartReadySeconds[name] > 0
		})
		t.Logf("restart: %s ready after %.2f s", name, f.RestartReadySeconds[name])
	}
	run(t, c, "sleeper1")
	f.RestartRunSeconds = time.Since(began).Seconds()
	t.Logf("restart: first run over after %.2f s", f.RestartRunSeconds)
}

// askers is how many callers ask for the runs that are due at once: a schedule asks for
// none, and one caller after another would be what is measured.
const askers = 8

// measureDue runs many imports at once.
func measureDue(t *testing.T, c *harness.Cluster, f *figures) {
	t.Helper()
	var names []string
	for i := range f.DueImports {
		names = append(names, fmt.Sprintf("sleeper%d", i))
	}
	wait := c.Profile(t, *profiles, "due", 10*time.Second)
	f.DueCPUSeconds = spent(t, c, func() {
		began := time.Now()
		var asking errgroup.Group
		asking.SetLimit(askers)
		for _, name := range names {
			asking.Go(func() error { return c.Post(t.Context(), "/v1/imports/"+name+"/runs") })
		}
		if err := asking.Wait(); err != nil {
			t.Fatal(err)
		}
		t.Logf("due: %d triggers took %.1f s", f.DueImports, time.Since(began).Seconds())
		if err := c.AwaitAllIdle(t, names, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
		f.DueSeconds = time.Since(began).Seconds()
	})
	wait()
	t.Logf("due: %d imports of 1,000 rows over after %.1f s, CPU %v", f.DueImports, f.DueSeconds, f.DueCPUSeconds)
}
