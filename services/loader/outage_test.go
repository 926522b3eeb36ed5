package loader

import (
	"context"
	"flag"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// A day takes most of a minute; `make test-capacity` asks for it.
var outage = flag.Duration("outage", 15*time.Minute, "how long CleverTap is down in TestALongOutage")

// downCleverTap answers 503, with a delay, until it is up.
type downCleverTap struct {
	mu       sync.Mutex
	up       bool
	requests int
	inFlight int
	most     int
}

const virtualLatency = 200 * time.Millisecond

func (d *downCleverTap) UploadIf(_ context.Context, records [][]byte, _ bool, allow func() error) (clevertap.Result, error) {
	if err := allow(); err != nil {
		return clevertap.Result{Kind: clevertap.NotSent, Cause: clevertap.CauseRefusedHere, Err: err}, nil
	}
	d.mu.Lock()
	d.requests++
	d.inFlight++
	d.most = max(d.most, d.inFlight)
	up := d.up
	d.mu.Unlock()
	time.Sleep(virtualLatency)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight--
	if !up {
		return clevertap.Result{Kind: clevertap.Unavailable, Status: 503, Cause: clevertap.CauseStatus}, nil
	}
	return clevertap.Result{Kind: clevertap.Done, Status: 200, Outcomes: make([]clevertap.Outcome, len(records))}, nil
}

func (d *downCleverTap) Close() {}

// since returns and restarts the counts.
func (d *downCleverTap) since() (requests, most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	requests, most = d.requests, d.most
	d.requests, d.most = 0, d.inFlight
	return requests, most
}

// A long outage, in virtual time: nothing is lost, nothing is rejected, the
// load resumes by itself, and there is no burst of requests when CleverTap is back.
func TestALongOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newVirtualWorld(t)
		w.tune = func(c *Config) {
			c.RequestTimeout, c.BackoffMin, c.BackoffMax = 10*time.Second, 500*time.Millisecond, time.Minute
			c.LeaseInterval, c.CommitInterval = 5*time.Second, 5*time.Second
		}
		down := &downCleverTap{}
		w.account(schemas.CleverTapAccountSpec{Endpoint: "http://localhost:1", RecordsPerUpload: 100})
		w.importOf("customers", 3, schemas.ImportSpec{})
		const n = 10_000
		w.load("customers", rows(n, 3), n)
		w.prepare = func(s *Service) {
			s.connect = func(clevertap.Account) uploader { return down }
		}
		l := w.start()
		defer l.drain()
		time.Sleep(time.Minute)
		if requests, most := down.since(); requests == 0 || most > 15 {
			t.Errorf("%d requests, %d at most at once, as it begins", requests, most)
		}
		time.Sleep(*outage)
		requests, most := down.since()
		if low, high := int(*outage/time.Minute)-2, int(*outage/(30*time.Second))+2; requests < low || requests > high || most > 1 {
			t.Errorf("%d requests, %d at most at once in %v of an outage; want %d to %d, one by one", requests, most, *outage, low, high)
		}
		if got := w.tally("customers"); got.total != 0 || len(got.waiting) == 0 || len(w.rejects("customers")) != 0 {
			t.Errorf("during the outage: %d outcomes, %d waiting reports, want none and some", got.total, len(got.waiting))
		}
		down.mu.Lock()
		down.up = true
		down.mu.Unlock()
		for back := 0; w.tally("customers").total < n; back++ {
			time.Sleep(time.Second)
			if requests, most := down.since(); requests > 15*int(time.Second/virtualLatency)+15 || most > 15 {
				t.Fatalf("a storm on return: %d requests in a second, %d at once", requests, most)
			}
			if back > 180 {
				t.Fatalf("%d outcomes three minutes after the return", w.tally("customers").total)
			}
		}
		w.want(w.tally("customers"), map[string]int{"loaded": n})
	})
}
