package scheduler_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// cable is the network of one scheduler. From arm on it counts the requests that change
// something in Kafka, and breaks at one of them: the scheduler is dead, or hangs.
type cable struct {
	network *pipes

	mu    sync.Mutex
	conns []net.Conn
	armed bool
	left  int
	how   string
	seen  []string
	dead  bool
	held  chan struct{} // nil unless the scheduler hangs
	broke chan struct{}
}

// How a cable breaks: the request is lost, only its answer is, or neither, but it comes
// minutes late.
const (
	requestLost = "request lost"
	answerLost  = "answer lost"
	hangs       = "hangs"
)

func newCable(network *pipes) *cable { return &cable{network: network, broke: make(chan struct{})} }

// arm lets the cable break at the nth request from now on; n below 0 only counts.
func (c *cable) arm(n int, how string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left, c.how = true, n, how
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil, net.ErrClosed
	}
	conn, err := c.network.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.conns = append(c.conns, conn)
	return &wire{Conn: conn, cable: c}, nil
}

// wire is a connection through a cable.
type wire struct {
	net.Conn
	cable *cable
}

func (w *wire) Write(request []byte) (int, error) {
	held, lost := w.cable.passes(request)
	if held != nil {
		<-held
	}
	if lost {
		return 0, net.ErrClosed
	}
	n, err := w.Conn.Write(request)
	w.cable.passed()
	return n, err
}

// changes names the requests that change something in Kafka. The client writes each with
// one call: four bytes for its size, two for its key, and the rest.
func changes(request []byte) (name string, ok bool) {
	names := map[uint16]string{0: "Produce", 22: "InitProducerId", 24: "AddPartitionsToTxn", 26: "EndTxn"}
	name, ok = names[binary.BigEndian.Uint16(request[4:])]
	return name, ok
}

func (c *cable) passes(request []byte) (held chan struct{}, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, ok := changes(request)
	if !ok || !c.armed {
		return c.held, c.dead
	}
	c.seen = append(c.seen, name)
	if c.left--; c.left == 0 {
		switch c.how {
		case requestLost:
			c.die()
		case hangs:
			c.held = make(chan struct{})
			close(c.broke)
		}
	}
	return c.held, c.dead
}

// passed breaks the cable once the request has gone and its answer has not come.
func (c *cable) passed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed && c.left == 0 && c.how == answerLost && !c.dead {
		c.die()
	}
}

func (c *cable) die() {
	c.dead = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	close(c.broke)
}

// release lets a scheduler that hangs go on.
func (c *cable) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.held)
	c.held = nil
}

const interval = 5 * time.Minute

// fire lets an import be due four times. The scheduler's cable breaks at the nth request
// of the second time, and another scheduler takes its place. It returns what was
// triggered and the requests of the second time.
func fire(t *testing.T, n int, how string) (triggers []string, requests []string) {
	v := newVirtual(t)
	line := newCable(v.network)
	stop := v.start(line.dial)
	time.Sleep(63 * time.Second)
	began := time.Now()
	def := definition("customers")
	def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(interval)}}
	def.Spec.Limits.Deadline = schemas.Duration(20 * time.Second)
	v.produce("customers", def)
	time.Sleep(interval - time.Second)
	line.arm(n, how)
	if n < 0 {
		time.Sleep(time.Minute) // so the deadline of the run is in it
		stop()
	} else {
		<-line.broke
		if how != hangs {
			go stop() // it cannot end before its requests time out
		}
	}
	second := v.start(v.network.dial)
	if how == hangs {
		time.Sleep(2 * time.Minute)
		line.release()
		defer stop()
	}
	time.Sleep(time.Until(began.Add(3*interval + time.Minute)))
	second()
	for _, trigger := range v.triggers("customers") {
		due, err := time.Parse(time.RFC3339Nano, trigger.Key)
		if err != nil {
			t.Fatal(err)
		}
		triggers = append(triggers, trigger.Run+" due "+due.Sub(began).String())
	}
	return triggers, line.seen
}

// TestALeaderKilledAtEachRequestOfAFire: whichever of its requests is the last of the
// scheduler that triggers a run, and whether the request was lost, or its answer, or it
// comes after another scheduler has taken over: each due instant has one run.
func TestALeaderKilledAtEachRequestOfAFire(t *testing.T) {
	t.Parallel()
	want := []string{"customers.1 due 0s", "customers.2 due 5m0s", "customers.3 due 10m0s", "customers.4 due 15m0s"}
	var requests []string
	synctest.Test(t, func(t *testing.T) {
		var got []string
		got, requests = fire(t, -1, "")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("triggers without a kill (-want +got):\n%s", diff)
		}
	})
	// The trigger's transaction and that of the run's end.
	if !slices.Contains(requests, "Produce") || !slices.Contains(requests, "EndTxn") || len(requests) < 4 {
		t.Fatalf("the requests of a fire are %v", requests)
	}
	t.Logf("a fire is %v", requests)
	for n, request := range requests {
		for _, how := range []string{requestLost, answerLost, hangs} {
			t.Run(fmt.Sprintf("%d %s %s", n+1, request, how), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					got, _ := fire(t, n+1, how)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("triggers (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}
