package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
	"tapline.dev/tests/servers"
)

const (
	slots     = 15
	perUpload = 50
	session   = 6 * time.Second // the harness's
)

// points are the moments before and after durable effects: see libs/failpoint.
var points = map[string][]string{
	"scheduler":    {"before-step", "in-step", "after-step"},
	"extractor":    {"before-started", "in-transaction", "after-started", "before-chunk", "after-chunk", "before-final", "after-final"},
	"mapper":       {"before-begin", "before-commit", "after-commit"},
	"loader":       {"before-intent", "after-intent", "after-answer", "after-rejects", "after-receipt", "before-commit", "after-commit"},
	"importcenter": {"before-write", "in-write", "after-write"},
}

// often are the points that a busy process passes many times a second.
var often = map[string]bool{"scheduler": true, "mapper": true, "loader": true}

// deeds counts what a driver did.
type deeds struct {
	Kills, AtPoints, Zombies, Terms, Brokers, Redises, Faults, Cancels, Edits int
	// Uncertain is how many uploads may have been sent twice: those that a loader
	// that was killed, stopped or cut off had in flight, and those that CleverTap
	// left open.
	Uncertain int
}

// driver disturbs a cluster.
type driver struct {
	c       *harness.Cluster
	w       *harness.Warehouse
	random  *rand.Rand
	kafka   *servers.Kafka // nil of an embedded one
	redis   *servers.Redis
	sources []*source
	done    deeds
	armed   map[*harness.Process]bool // to die at a point
}

// reseed makes what follows depend on a seed alone.
func (d *driver) reseed(seed uint64) { d.random = rand.New(rand.NewPCG(seed, 2)) }

// step changes the source and does one thing to the cluster.
func (d *driver) step(t testing.TB) {
	t.Helper()
	d.revive(t)
	for _, s := range d.sources {
		if d.random.IntN(2) == 0 {
			s.change(t, d.w, d.random)
		}
	}
	switch n := d.random.IntN(100); {
	case n < 40:
		d.kill(t)
	case n < 65:
		d.killAtPoint(t)
	case n < 71:
		d.zombie(t)
	case n < 80:
		d.terminate(t)
	case n < 84:
		d.breakKafka(t)
	case n < 88:
		d.breakRedis(t)
	case n < 93:
		d.cancel(t)
	case n < 95:
		d.edit(t)
	default:
		d.misbehave(t)
	}
}

func (d *driver) pick() (service string, p *harness.Process) {
	service = harness.Services[d.random.IntN(len(harness.Services))]
	if d.random.IntN(4) == 0 {
		service = "loader" // the only one that can send something twice
	}
	replicas := d.c.Replicas[service]
	return service, replicas[d.random.IntN(len(replicas))]
}

// lost notes that a service's process ended without a drain.
func (d *driver) lost(service string) {
	if service == "loader" {
		d.done.Uncertain += slots
	}
}

func (d *driver) kill(t testing.TB) {
	t.Helper()
	service, p := d.pick()
	p.Kill()
	d.done.Kills++
	d.lost(service)
	d.pause(t, time.Duration(d.random.IntN(800))*time.Millisecond)
	p.Start(t)
}

// killAtPoint lets a process die at a named moment, if it comes there soon.
func (d *driver) killAtPoint(t testing.TB) {
	t.Helper()
	service, p := d.pick()
	point := points[service][d.random.IntN(len(points[service]))]
	hit := 1 + d.random.IntN(3)
	if often[service] {
		hit = 1 + d.random.IntN(20)
	}
	p.Kill()
	d.done.Kills++
	d.lost(service)
	p.Failpoints = fmt.Sprintf("%s.%s=kill:%d", service, point, hit)
	p.Start(t)
	p.Failpoints = ""
	d.armed[p] = true
	for deadline := time.Now().Add(5 * time.Second); p.Running() && time.Now().Before(deadline); {
		d.pause(t, 20*time.Millisecond)
	}
	d.revive(t)
}

// revive starts what has died, at a point as a rule.
func (d *driver) revive(t testing.TB) {
	t.Helper()
	for service, replicas := range d.c.Replicas {
		for _, p := range replicas {
			if !p.Running() {
				delete(d.armed, p)
				d.done.Kills++
				d.done.AtPoints++
				d.lost(service)
				p.Start(t)
			}
		}
	}
}

// disarm replaces the processes that wait for a moment to die in.
func (d *driver) disarm(t testing.TB) {
	t.Helper()
	d.revive(t)
	for service, replicas := range d.c.Replicas {
		for _, p := range replicas {
			if d.armed[p] {
				delete(d.armed, p)
				p.Kill()
				d.done.Kills++
				d.lost(service)
				p.Start(t)
			}
		}
	}
}

// zombie stops a process until its session and its leases are over.
func (d *driver) zombie(t testing.TB) {
	t.Helper()
	service, p := d.pick()
	p.Signal(t, syscall.SIGSTOP)
	d.done.Zombies++
	d.lost(service)
	d.pause(t, session+time.Duration(d.random.IntN(6000))*time.Millisecond)
	p.Signal(t, syscall.SIGCONT)
}

func (d *driver) terminate(t testing.TB) {
	t.Helper()
	_, p := d.pick()
	if !p.Running() {
		return
	}
	p.Stop(t)
	d.done.Terms++
	p.Start(t)
}

// breakKafka kills the broker and starts it again.
func (d *driver) breakKafka(t testing.TB) {
	t.Helper()
	if d.kafka == nil {
		return
	}
	d.done.Brokers++
	d.done.Uncertain += slots // a loader whose commit was lost, and then its session
	if d.random.IntN(2) == 0 {
		d.kafka.Kill()
	} else {
		d.kafka.Stop()
	}
	d.pause(t, time.Duration(d.random.IntN(4000))*time.Millisecond)
	if err := d.kafka.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (d *driver) breakRedis(t testing.TB) {
	t.Helper()
	d.done.Redises++
	if d.redis == nil || d.random.IntN(2) == 0 {
		d.c.EmptyRedis(t)
		return
	}
	d.redis.Kill()
	d.pause(t, time.Duration(d.random.IntN(5000))*time.Millisecond)
	if err := d.redis.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (d *driver) cancel(t testing.TB) {
	t.Helper()
	s := d.sources[d.random.IntN(len(d.sources))]
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if run, active, err := d.c.Active(ctx, s.name); err == nil && active && d.c.Post(ctx, "/v1/runs/"+run+"/cancel") == nil {
		d.done.Cancels++
	}
}

func (d *driver) edit(t testing.TB) {
	t.Helper()
	s := d.sources[d.random.IntN(len(d.sources))]
	s.edits++
	if d.c.TryApply(t, s.definition()) == nil {
		d.done.Edits++
	}
}

// misbehave gives CleverTap one of its moods until the next one.
func (d *driver) misbehave(t testing.TB) {
	t.Helper()
	moods := []string{
		`{"kind":"latency","latencyMs":50,"jitterMs":400}`,
		`{"kind":"429","share":0.5}`,
		`{"kind":"500","share":0.5}`,
		`{"kind":"503","share":0.3}`,
		`{"kind":"401","share":1}`,
		`{"kind":"resetBefore","share":0.2}`,
		`{"kind":"resetAfter","share":0.1,"count":10}`,
		`{"kind":"html","share":0.1,"applied":true,"count":10}`,
		`{"kind":"truncated","share":0.1,"count":10}`,
		`{"kind":"lostAnswer","share":0.1,"count":5}`,
		`{"kind":"wrongCounts","share":0.1,"count":10}`,
	}
	n := d.random.IntN(len(moods))
	if n >= 2 && n != 4 {
		d.done.Uncertain += 2 * slots
	}
	d.done.Faults++
	d.c.Faults(t, fmt.Sprintf(`{"seed":%d,"faults":[%s]}`, d.random.IntN(1<<30), moods[n]))
	d.pause(t, time.Second+time.Duration(d.random.IntN(3000))*time.Millisecond)
	d.c.Faults(t, calm)
}

// calm is how CleverTap answers as a rule: slowly enough to be hit in the middle.
const calm = `{"faults":[{"kind":"latency","latencyMs":100,"jitterMs":400}]}`

// pause lets the cluster work for a while.
func (d *driver) pause(t testing.TB, length time.Duration) {
	t.Helper()
	select {
	case <-time.After(length):
	case <-t.Context().Done():
	}
}

// keepRunning asks for a run of every import that is in none, until stop.
func (d *driver) keepRunning(ctx context.Context) (wait func()) {
	var group sync.WaitGroup
	for _, s := range d.sources {
		group.Go(func() {
			ticker := time.NewTicker(300 * time.Millisecond)
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
				try, cancel := context.WithTimeout(ctx, 3*time.Second)
				// The Import Center is away now and then, which is the point.
				if _, active, err := d.c.Active(try, s.name); err == nil && !active {
					_ = d.c.Post(try, "/v1/imports/"+s.name+"/runs")
				}
				cancel()
			}
		})
	}
	return group.Wait
}

// round disturbs until the time is over, lets the dust settle and returns what
// is wrong.
func (d *driver) round(t testing.TB, length time.Duration) []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	wait := d.keepRunning(ctx)
	for end := time.Now().Add(length); time.Now().Before(end); {
		d.step(t)
		d.pause(t, time.Duration(200+d.random.IntN(1500))*time.Millisecond)
	}
	stop()
	wait()
	return d.settle(t)
}

// trigger asks for a run until somebody answers: the last disturbance may be a
// moment ago. With the same key they are one request.
func (d *driver) trigger(t testing.TB, s *source) (run string) {
	t.Helper()
	key := fmt.Sprintf("settle-%d", time.Now().UnixNano())
	harness.Eventually(t, time.Minute, s.name+" can be run", func() bool {
		out, code := d.c.CLI(t, "run", s.name, "--key", key, "-o", "json")
		var r schemas.Run
		run = ""
		if code == 0 && json.Unmarshal([]byte(out), &r) == nil {
			run = r.Run
		}
		return run != ""
	})
	return run
}

// settle ends all disturbances, runs every import until nothing is left to read
// and checks.
func (d *driver) settle(t testing.TB) []string {
	t.Helper()
	d.disarm(t)
	d.c.Faults(t, `{"faults":[]}`)
	var violations []string
	for _, s := range d.sources {
		if err := d.c.AwaitIdle(t, s.name, 3*time.Minute); err != nil {
			return append(violations, fmt.Sprintf("invariant 8: %s does not end: %v", s.name, err))
		}
		run := d.c.Close(t, d.trigger(t, s), 2*time.Minute)
		if run.State != schemas.StateSucceeded && run.State != schemas.StateSucceededWithRejects {
			violations = append(violations, fmt.Sprintf("%s is %s with nothing in its way: %+v", run.Run, run.State, run.Error))
		}
	}
	surplus, wrong := checkDestination(t, d.c, d.sources)
	violations = append(violations, wrong...)
	j := readJournal(t, d.c)
	violations = append(violations, j.check()...)
	stats := d.c.Stats(t)
	if stats.MaxInFlight > slots {
		violations = append(violations, fmt.Sprintf("invariant 7: %d requests were in flight, the account has %d slots", stats.MaxInFlight, slots))
	}
	var loaded, resent, reread int64
	for _, run := range j.closed {
		loaded += run.Counts.Loaded
		resent += run.Counts.Resent
		// What a run that did not succeed had loaded is read again by the next one,
		// and so is what a lost ledger held; the run's notes say so.
		if len(run.Notes) > 0 || run.State == schemas.StateCancelled || run.State == schemas.StateFailed {
			reread += run.Counts.Loaded
		}
	}
	again, bound := stats.Records-loaded, int64(d.done.Uncertain)*perUpload
	if again > bound || again < 0 {
		violations = append(violations, fmt.Sprintf("duplicates: CleverTap took %d records of which %d are counted as loaded, the bound for the rest is %d", stats.Records, loaded, bound))
	}
	if int64(surplus) > again+reread {
		violations = append(violations, fmt.Sprintf("duplicates: %d events came too often, %d were sent again and %d read again", surplus, again, reread))
	}
	t.Logf("%+v; runs %d, loaded %d, sent again %d (counted %d, bound %d), events too often %d (read again %d)", d.done, len(j.closed), loaded, again, resent, bound, surplus, reread)
	return violations
}

// startDriver starts the programs, on servers of the test's own if it may break
// them.
func startDriver(t testing.TB, seed uint64, own bool, replicas map[string]int, rows int) *driver {
	t.Helper()
	d := &driver{random: rand.New(rand.NewPCG(seed, 2)), armed: map[*harness.Process]bool{}}
	if own {
		d.ownServers(t)
	}
	d.c = harness.Start(t, harness.Options{Separate: true, Replicas: replicas})
	d.c.SetAccount(t, map[string]any{"recordsPerUpload": perUpload, "slots": slots})
	d.w = d.c.Warehouse(t)
	d.sources = []*source{
		newSource(t, d.w, "people", false, rows), newSource(t, d.w, "clients", false, rows/2),
		newSource(t, d.w, "orders", true, rows), newSource(t, d.w, "visits", true, rows/2),
	}
	for _, s := range d.sources {
		d.c.ApplyText(t, s.definition())
	}
	d.c.Faults(t, calm)
	return d
}

func (d *driver) ownServers(t testing.TB) {
	t.Helper()
	jars := os.Getenv("TAPLINE_TEST_JARS")
	if jars == "" {
		jars = filepath.Join(harness.Root(), ".cache", "kafka", "4.2.2")
	}
	dir, ctx := t.TempDir(), context.Background()
	err := servers.FetchKafka(ctx, jars)
	if err == nil {
		d.kafka, err = servers.StartKafka(ctx, jars, dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.kafka.Stop() })
	if d.redis, err = servers.StartRedis(ctx, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.redis.Stop() })
	for name, value := range map[string]string{"TAPLINE_TEST_KAFKA": d.kafka.Addr, "TAPLINE_TEST_REDIS": d.redis.Addr} {
		before, had := os.LookupEnv(name)
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if had {
				_ = os.Setenv(name, before)
			} else {
				_ = os.Unsetenv(name)
			}
		})
	}
}
