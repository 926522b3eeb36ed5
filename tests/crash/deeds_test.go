package crash

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"tapline.dev/tests/harness"
)

func (d *driver) pick() (service string, p *harness.Process) {
	service = harness.Services[d.random.IntN(len(harness.Services))]
	if d.random.IntN(4) == 0 {
		service = "loader" // the only one that can send something twice
	}
	replicas := d.c.Replicas[service]
	return service, replicas[d.random.IntN(len(replicas))]
}

// lost records that a service's process ended without a drain.
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

// killAtPoint makes a process kill itself at a failpoint, if it gets there soon.
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

// revive starts the processes that have ended, mostly at a failpoint.
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

// disarm replaces the processes that have a failpoint set.
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
	if !p.Running() || time.Since(p.Started) < 2*time.Second {
		return // it may not listen to signals yet
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
	if err := d.kafka.Start(t.Context()); err != nil {
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
	if err := d.redis.Start(t.Context()); err != nil {
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

// misbehave sets other faults of CleverTap, until the next call.
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

// calm is CleverTap's usual behaviour: slow enough that kills hit requests in flight.
const calm = `{"faults":[{"kind":"latency","latencyMs":100,"jitterMs":400}]}`

// pause lets the cluster work for a while.
func (d *driver) pause(t testing.TB, length time.Duration) {
	t.Helper()
	select {
	case <-time.After(length):
	case <-t.Context().Done():
	}
}
