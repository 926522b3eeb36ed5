package crash

import (
	"syscall"
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// onRealServers skips a test if no real server runs: the embedded broker accepts a stale
// epoch that a real one refuses.
func onRealServers(t *testing.T) {
	t.Helper()
	if kafkatest.Real() == "" {
		t.Skip("it needs a real Kafka: make test-integration")
	}
}

// busy triggers every import and returns the runs once each has records to load.
func (d *driver) busy(t *testing.T) (runs []string) {
	t.Helper()
	d.c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":500}]}`)
	for _, s := range d.sources {
		runs = append(runs, d.c.Trigger(t, s.name))
	}
	for _, run := range runs {
		d.c.Await(t, run, time.Minute, "rows are read and records loaded", loadingWell)
	}
	return runs
}

// TestRebalanceStorm: mapper and loader go from one replica to five, to two and
// back, every five seconds. Partitions that move are drained: nothing is sent
// twice.
func TestRebalanceStorm(t *testing.T) {
	onRealServers(t)
	d := startDriver(t, 7, "", nil, 6000)
	runs := d.busy(t)
	replicas := 1
	for _, want := range []int{5, 2, 1, 5, 1} {
		for ; replicas < want; replicas++ {
			d.c.AddReplica(t, "mapper")
			d.c.AddReplica(t, "loader")
		}
		for ; replicas > want; replicas-- {
			d.c.RemoveReplica(t, "mapper")
			d.c.RemoveReplica(t, "loader")
		}
		d.pause(t, 5*time.Second)
	}
	d.c.Faults(t, `{"faults":[]}`)
	for _, run := range runs {
		if r := d.c.Close(t, run, 2*time.Minute); r.Counts.Resent != 0 {
			t.Errorf("%s: %d records were sent again, though every partition that moved was drained", run, r.Counts.Resent)
		}
	}
	expectNone(t, d.settle(t))
}

// TestZombies: one of each stateful service is stopped for two sessions in the
// middle of its work and comes back, while another has taken over.
func TestZombies(t *testing.T) {
	onRealServers(t)
	d := startDriver(t, 8, "", map[string]int{"scheduler": 2, "extractor": 2, "mapper": 2, "loader": 2}, 6000)
	d.busy(t)
	stopped := []string{"scheduler", "extractor", "mapper", "loader"}
	for _, s := range d.sources {
		s.change(t, d.w, d.random)
	}
	for _, service := range stopped {
		d.c.Services[service].Signal(t, syscall.SIGSTOP)
		d.lost(service)
		d.done.Zombies++
	}
	d.pause(t, 2*session)
	for _, service := range stopped {
		d.c.Services[service].Signal(t, syscall.SIGCONT)
	}
	expectNone(t, d.settle(t))
}

// TestTotalLoss: every service and all data of Redis are lost; Kafka and the configuration
// remain.
func TestTotalLoss(t *testing.T) {
	onRealServers(t)
	d := startDriver(t, 9, "", nil, 3000)
	runs := d.busy(t)
	for _, service := range harness.Services {
		d.c.Services[service].Kill()
		d.lost(service)
		d.done.Kills++
	}
	d.c.EmptyRedis(t)
	for _, service := range harness.Services {
		d.c.Services[service].Start(t)
	}
	for _, run := range runs {
		if r := d.c.Close(t, run, 2*time.Minute); r.State != schemas.StateSucceeded && r.State != schemas.StateSucceededWithRejects {
			t.Errorf("%s is %s", run, r.State)
		}
	}
	expectNone(t, d.settle(t))
}

// TestOutageOfEverything: Kafka, Redis and CleverTap are down for a minute in the
// middle of the load. Nothing is rejected, and everything continues by itself.
func TestOutageOfEverything(t *testing.T) {
	onRealServers(t)
	d := startDriver(t, 10, t.TempDir(), nil, 3000)
	runs := d.busy(t)
	d.c.Faults(t, `{"faults":[{"kind":"503"}]}`)
	d.kafka.Kill()
	d.redis.Kill()
	d.done.Brokers++
	d.done.Uncertain += slots
	d.pause(t, time.Minute)
	if err := d.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.kafka.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.pause(t, 5*time.Second)
	d.c.Faults(t, `{"faults":[{"kind":"401"}]}`)
	d.pause(t, 10*time.Second)
	d.c.Faults(t, `{"faults":[]}`)
	for _, run := range runs {
		r := d.c.Close(t, run, 3*time.Minute)
		if r.Counts.LoadRejected != 0 || r.State != schemas.StateSucceeded && r.State != schemas.StateSucceededWithRejects {
			t.Errorf("%s is %s and %d records were rejected by an outage", run, r.State, r.Counts.LoadRejected)
		}
	}
	expectNone(t, d.settle(t))
}
