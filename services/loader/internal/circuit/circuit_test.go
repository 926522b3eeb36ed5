package circuit

import (
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func closed() *Circuit {
	return New(Config{Threshold: 3, Min: time.Second, Max: time.Minute, Delay: func(n int, low, high time.Duration) time.Duration {
		return min(high, low<<n)
	}})
}

func isOpen(c *Circuit) bool {
	_, _, open := c.Open()
	return open
}

func TestTransientFaultsOpenAtTheThreshold(t *testing.T) {
	t.Parallel()
	c := closed()
	c.Failed("503", start, false)
	c.Failed("503", start, false)
	if isOpen(c) {
		t.Fatal("open after two of three faults")
	}
	c.Worked()
	c.Failed("503", start, false)
	c.Failed("503", start, false)
	c.Failed("503", start.Add(time.Second), false)
	since, reason, open := c.Open()
	if !open || reason != "503" || !since.Equal(start.Add(time.Second)) {
		t.Errorf("Open() = %v, %q, %v", since, reason, open)
	}
}

func TestOneProbeAtATime(t *testing.T) {
	t.Parallel()
	c := closed()
	if c.Probe(start) {
		t.Fatal("a probe through a closed circuit")
	}
	c.Refused("401", start, false)
	if c.Probe(start.Add(999 * time.Millisecond)) {
		t.Fatal("a probe before it is due")
	}
	now := start.Add(time.Second)
	if !c.Probe(now) || c.Probe(now) {
		t.Fatal("want one probe, and no second beside it")
	}
	// Requests that were in flight when the circuit opened change nothing.
	c.Failed("503", now, false)
	c.Refused("403", now, false)
	if c.Probe(now.Add(time.Hour)) {
		t.Fatal("a second probe beside the first")
	}
	if _, reason, _ := c.Open(); reason != "401" {
		t.Errorf("reason %q, want the first", reason)
	}
	c.Refused("403", now, true)
	if !c.Next().Equal(now.Add(2 * time.Second)) {
		t.Errorf("the next probe is at %v, want after two seconds", c.Next())
	}
	if !c.Worked() || c.Worked() || isOpen(c) {
		t.Error("Worked() must close once")
	}
}

func TestDroppedAndRetriedProbes(t *testing.T) {
	t.Parallel()
	c := closed()
	c.Refused("401", start, false)
	now := start.Add(time.Second)
	c.Probe(now)
	c.Dropped(now)
	if c.Probe(now) || !c.Probe(now.Add(time.Second)) {
		t.Error("a dropped probe is followed by one after the shortest wait")
	}
	c.Refused("401", now, true)
	c.Retry(now)
	if !c.Probe(now) {
		t.Error("no probe at once after a change")
	}
}
