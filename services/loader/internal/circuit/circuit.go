// Package circuit is the breaker of one account: while it is open, one request
// at a time asks whether CleverTap is back. It is pure and not safe for
// concurrent use.
package circuit

import "time"

// Config sizes a breaker.
type Config struct {
	Threshold int // transient faults in a row that open it
	Min, Max  time.Duration
	// Delay is the wait after n waits, from low to high.
	Delay func(n int, low, high time.Duration) time.Duration
}

// Circuit is closed while requests may flow.
type Circuit struct {
	cfg      Config
	failures int
	reason   string
	since    time.Time
	probes   int
	halfOpen bool // a probe was answered, and no request since
	next     time.Time
	probing  bool
}

// New returns a closed circuit.
func New(cfg Config) *Circuit { return &Circuit{cfg: cfg} }

// Open reports whether, since when and why requests are held back.
func (c *Circuit) Open() (since time.Time, reason string, open bool) {
	return c.since, c.reason, c.reason != ""
}

// Refused opens the circuit at once: the account is refused or misconfigured.
// probe says that the request was the probe.
func (c *Circuit) Refused(reason string, now time.Time, probe bool) { c.open(reason, now, probe) }

// Failed counts a transient fault and opens the circuit at the threshold.
func (c *Circuit) Failed(reason string, now time.Time, probe bool) {
	c.failures++
	if c.reason != "" || c.failures >= c.cfg.Threshold {
		c.open(reason, now, probe)
	}
}

func (c *Circuit) open(reason string, now time.Time, probe bool) {
	switch {
	case c.reason == "":
		if !c.halfOpen {
			c.since = now
		}
	case !probe:
		return // one of those in flight when it opened: it says nothing new
	}
	c.reason = reason
	c.probing, c.halfOpen = false, false
	c.next = now.Add(c.cfg.Delay(c.probes, c.cfg.Min, c.cfg.Max))
	c.probes++
}

// Worked closes the circuit, and says whether it was open.
func (c *Circuit) Worked() (wasOpen bool) {
	wasOpen = c.reason != ""
	*c = Circuit{cfg: c.cfg}
	return wasOpen
}

// Recovered closes the circuit because a probe was answered. Until a request is,
// one failure opens it again, with the pauses between probes as long as they were.
func (c *Circuit) Recovered() {
	*c = Circuit{cfg: c.cfg, failures: c.cfg.Threshold - 1, probes: c.probes, since: c.since, halfOpen: true}
}

// Retry lets the next probe go at once, since something was changed.
func (c *Circuit) Retry(now time.Time) { c.next, c.probes = now, 0 }

// Next is when the next probe may go; zero while one is under way.
func (c *Circuit) Next() time.Time {
	if c.probing {
		return time.Time{}
	}
	return c.next
}

// Probe takes the right to send the probe that is due.
func (c *Circuit) Probe(now time.Time) bool {
	if c.reason == "" || c.probing || now.Before(c.next) {
		return false
	}
	c.probing = true
	return true
}

// Dropped notes that the probe ended without an answer about the account.
func (c *Circuit) Dropped(now time.Time) {
	c.probing = false
	c.next = now.Add(c.cfg.Min)
}
