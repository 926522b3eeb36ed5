package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
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

// points are failpoints before and after durable effects: see libs/failpoint.
var points = map[string][]string{
	"scheduler":    {"before-step", "in-step", "after-step"},
	"extractor":    {"before-started", "in-transaction", "after-started", "before-chunk", "after-chunk", "before-final", "after-final"},
	"mapper":       {"before-begin", "before-commit", "after-commit"},
	"loader":       {"before-intent", "after-intent", "after-answer", "after-rejects", "after-receipt", "before-commit", "after-commit"},
	"importcenter": {"before-write", "in-write", "after-write"},
}

// often are the points that a busy process passes many times a second.
var often = map[string]bool{"scheduler": true, "mapper": true, "loader": true}

// deeds counts the disturbances that a driver made.
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
	armed   map[*harness.Process]bool // with a failpoint set
}

// reseed makes all further random choices depend on the seed only.
func (d *driver) reseed(seed uint64) { d.random = rand.New(rand.NewPCG(seed, 2)) }

// step changes the sources and makes one disturbance.
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

// anyRepeats agrees to events that are stored a second time, which the checks count.
const anyRepeats = "repeats=1000000000"

// keepRunning triggers a run of every import that has no active run, until stop.
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
				// Import Center is down now and then; that is part of the test.
				if _, active, err := d.c.Active(try, s.name); err == nil && !active {
					_ = d.c.Post(try, "/v1/imports/"+s.name+"/runs?"+anyRepeats)
				}
				cancel()
			}
		})
	}
	return group.Wait
}

// round makes disturbances until the time is over, waits until the cluster has recovered,
// and returns the violations.
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

// trigger asks for a run until it gets an answer: a disturbance may just have happened. All
// tries have the same idempotency key.
func (d *driver) trigger(t testing.TB, s *source) (run string) {
	t.Helper()
	key := fmt.Sprintf("settle-%d", time.Now().UnixNano())
	harness.Eventually(t, time.Minute, s.name+" can be run", func() bool {
		out, code := d.c.CLI(t, "run", s.name, "--key", key, "--yes", "-o", "json")
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

// startDriver starts the programs, on servers of the test's own with their data in
// the folder own if it may break them.
func startDriver(t testing.TB, seed uint64, own string, replicas map[string]int, rows int) *driver {
	t.Helper()
	d := &driver{random: rand.New(rand.NewPCG(seed, 2)), armed: map[*harness.Process]bool{}}
	if own != "" {
		d.ownServers(t, own)
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

func (d *driver) ownServers(t testing.TB, dir string) {
	t.Helper()
	jars := os.Getenv("TAPLINE_TEST_JARS")
	if jars == "" {
		jars = filepath.Join(harness.Root(), ".cache", "kafka", "4.2.2")
	}
	ctx := t.Context()
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
	t.Setenv("TAPLINE_TEST_KAFKA", d.kafka.Addr)
	t.Setenv("TAPLINE_TEST_REDIS", d.redis.Addr)
}
