package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// world is one cluster that the tests of the invariants share, one after the
// other: each has an import of its own.
type world struct {
	c         *harness.Cluster
	w         *harness.Warehouse
	collector *harness.Collector
}

// sharedTB is the testing.TB of the clusters that tests share. It lives longer than each test.
type sharedTB struct {
	testing.TB
	cleanups []func()
	failed   bool
}

func (o *sharedTB) Helper()                  {}
func (o *sharedTB) Name() string             { return "crash" }
func (o *sharedTB) Failed() bool             { return o.failed }
func (o *sharedTB) Context() context.Context { return context.Background() }
func (o *sharedTB) Cleanup(f func())         { o.cleanups = append(o.cleanups, f) }
func (o *sharedTB) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
func (o *sharedTB) Errorf(format string, args ...any) {
	o.failed = true
	o.Logf(format, args...)
}
func (o *sharedTB) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (o *sharedTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (o *sharedTB) TempDir() string {
	dir, err := os.MkdirTemp("", "tapline-crash-")
	if err != nil {
		panic(err)
	}
	o.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (o *sharedTB) end() {
	for _, f := range slices.Backward(o.cleanups) {
		f()
	}
	o.cleanups = nil
}

var (
	clusterTB sharedTB
	shared    *world
	imports   atomic.Int32
)

// enter returns the shared cluster, started by the first test that needs it.
func enter(t *testing.T) *world {
	t.Helper()
	if os.Getenv("TAPLINE_TEST_CRASH") == "" {
		t.Skip("make test-crash")
	}
	if shared == nil {
		collector := harness.StartCollector(&clusterTB)
		env := append(collector.Env(), "OTEL_BSP_SCHEDULE_DELAY=200")
		shared = &world{c: harness.Start(&clusterTB, harness.Options{Separate: true, Env: env}), collector: collector}
		shared.w = shared.c.Warehouse(t)
		shared.c.SetAccount(t, map[string]any{"recordsPerUpload": perUpload, "slots": slots})
	}
	shared.c.Faults(t, `{"faults":[]}`)
	return shared
}

// people creates a table with so many profiles and applies an import of it.
func (d *world) people(t *testing.T, rows int) *source {
	t.Helper()
	s := newSource(t, d.w, fmt.Sprintf("people-%d", imports.Add(1)), false, rows)
	d.c.ApplyText(t, s.definition())
	return s
}

// withMistake runs body while a service makes a deliberate mistake, and demands
// that body notices.
func (d *world) withMistake(t *testing.T, mistake string, body func(*testing.T, *world) []string) {
	t.Helper()
	service, _, _ := strings.Cut(mistake, ".")
	if service == "mapping" {
		service = "mapper"
	}
	program := d.c.Services[service].Path
	d.restart(t, service, harness.Mutated(t, service), mistake) // in order, so that neither group nor leases wait for it
	defer d.restart(t, service, program, "")
	violations := body(t, d)
	if len(violations) == 0 {
		t.Errorf("the mistake %s was not noticed", mistake)
	}
	for _, v := range violations {
		t.Logf("noticed: %s", v)
	}
}

// restart stops every replica of a service with a drain and starts it anew as another
// program.
func (d *world) restart(t *testing.T, service, program, mistake string) {
	t.Helper()
	d.ready(t, service)
	for _, p := range d.c.Replicas[service] {
		p.Stop(t)
	}
	for _, p := range d.c.Replicas[service] {
		p.Path, p.Mistake = program, mistake
		p.Start(t)
	}
}

// armed starts a service anew with a failpoint. What it returns waits until the service has
// killed itself there, and starts it again without.
func (d *world) armed(t *testing.T, service, point string) (died func()) {
	t.Helper()
	p := d.c.Services[service]
	d.ready(t, service)
	p.Kill()
	p.Failpoints = service + "." + point
	p.Start(t)
	d.ready(t, service)
	return func() {
		t.Helper()
		harness.Eventually(t, time.Minute, "the "+service+" kills itself at "+point, func() bool { return !p.Running() })
		p.Failpoints = ""
		p.Start(t)
	}
}

// ready waits until a service has started: before that, SIGTERM ends it without a drain.
func (d *world) ready(t *testing.T, service string) {
	t.Helper()
	harness.Eventually(t, 30*time.Second, service+" is ready", func() bool { return harness.Ready(d.c.Admin[service]) })
}

// closes waits until a run has ended; if it does not end, that is a violation.
func (d *world) closes(t *testing.T, run string, within time.Duration) (schemas.Run, []string) {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // between looks at the condition
		if r, ok := d.c.Run(t, run); ok && schemas.Terminal(r.State) {
			return r, nil
		}
	}
	r, _ := d.c.Run(t, run)
	text, err := json.Marshal(r)
	return r, []string{errors.Join(fmt.Errorf("%s is not over after %s: %s", run, within, text), err).Error()}
}

// recordOffsets returns the offsets of the records of an import's partition.
func (d *world) recordOffsets(t *testing.T, importName string, partitions int32) map[kafka.TP][]int64 {
	t.Helper()
	out := map[kafka.TP][]int64{}
	topic := schemas.NewTopics(d.c.Kafka().Prefix).Records(importName)
	readAll(t, d.c, topic, partitions, func(r *kafka.Record) {
		tp := kafka.TP{Topic: r.Topic, Partition: r.Partition}
		out[tp] = append(out[tp], r.Offset)
	})
	return out
}
