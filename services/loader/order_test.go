package loader

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// faults answers with random latencies and every transient fault.
type faults struct {
	late   func([]sent) // applies records a while later, within the slack
	mu     sync.Mutex
	random *rand.Rand
	on     bool
}

func (f *faults) decide(_ int, records []sent) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := answer{delay: time.Duration(f.random.IntN(20)) * time.Millisecond}
	if !f.on {
		return a
	}
	switch f.random.IntN(25) {
	case 0:
		a.lost = true
	case 1:
		a.lost, a.skip = true, true
	case 2:
		a.status = 500
	case 3:
		a.status, a.skip = 503, true
	case 4:
		a.status, a.skip = 429, true
	case 5: // the first record fails for now, the rest is applied
		a.body = fmt.Sprintf(`{"status":"partial","processed":%d,"unprocessed":[{"status":"fail","code":555,"error":"Miscellaneous server error. Skipped record number : 1"}]}`, len(records)-1)
		a.from = 1
	case 6, 7: // a proxy answers, or hangs up, and passes the request on later
		a.skip = true
		if a.lost = f.random.IntN(2) == 0; !a.lost {
			a.status, a.body = 500+f.random.IntN(5), "busy"
		}
		f.late(records)
	case 8: // what does not add up
		a.body = fmt.Sprintf(`{"status":"success","processed":%d,"unprocessed":[]}`, len(records)+1)
	}
	return a
}

// versions makes n records of some identities, each with rising versions.
func versions(n, identities, partitions int, random *rand.Rand) []row {
	next := make([]int, identities)
	out := make([]row, n)
	for i := range out {
		id := random.IntN(identities)
		next[id]++
		out[i] = row{partition: int32(id % partitions), identity: fmt.Sprintf("u%d", id), version: next[id]}
	}
	return out
}

// checkOrder checks what CleverTap applied: the versions of an identity arrive
// first in order, and a repeated older one is never the last.
func checkOrder(t *testing.T, applied []sent, wanted []row) {
	t.Helper()
	newest := map[string]int{}
	for _, r := range wanted {
		newest[r.identity] = max(newest[r.identity], r.version)
	}
	highest, last := map[string]int{}, map[string]int{}
	for _, s := range applied {
		if s.Version > highest[s.Identity]+1 {
			t.Fatalf("version %d arrived after version %d of one identity", s.Version, highest[s.Identity])
		}
		highest[s.Identity] = max(highest[s.Identity], s.Version)
		if !s.refused {
			last[s.Identity] = s.Version
		}
	}
	for id, version := range newest {
		if last[id] != version {
			t.Errorf("the last version of an identity is %d, want %d", last[id], version)
		}
	}
}

func TestInvariant4VersionsOfAnIdentityArriveInOrder(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	const n, identities, perUpload = 4000, 100, 40
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: perUpload})
	w.cleverTap.decide = (&faults{random: rand.New(rand.NewPCG(seed, 1)), on: true, late: w.cleverTap.applyLater(500 * time.Millisecond)}).decide
	w.tune = func(c *Config) {
		c.RequestTimeout = 500 * time.Millisecond
		c.MaxReplicas = 3
		c.ApplySlack = 200 * time.Millisecond
		c.OutageThreshold = 1000
		c.GrowInterval = 50 * time.Millisecond
	}
	w.importOf("customers", 4, schemas.ImportSpec{})
	all := versions(n, identities, 4, random)
	loaders := []*running{w.start(), w.start()}
	w.load("customers", all[:n/2], 17*perUpload)
	w.await("a quarter", 5*time.Minute, func() bool { return w.tally("customers").total > n/4 })
	loaders = append(loaders, w.start())
	w.load("customers", all[n/2:], 17*perUpload)
	w.await("more", 5*time.Minute, func() bool { return w.tally("customers").total > n/2 })
	loaders[0].drain()
	w.await("more", 5*time.Minute, func() bool { return w.tally("customers").total > n*6/10 })
	loaders[1].cables.kill()
	w.await("all", 10*time.Minute, func() bool { return w.tally("customers").total == n })
	got := w.tally("customers")
	want := map[string]int{"loaded": n}
	if superseded := got.byOutcome[schemas.SkipSuperseded]; superseded > 0 {
		want["loaded"], want[schemas.SkipSuperseded] = n-superseded, superseded
	}
	w.want(got, want)
	checkOrder(t, w.cleverTap.got(), all)
	if len(w.cleverTap.got()) == n {
		t.Error("nothing was sent twice: the faults show nothing")
	}
}

func TestInvariant7RequestsInFlightStayUnderTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	const n, perUpload, slots = 9000, 20, 6
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: perUpload, Slots: slots})
	w.cleverTap.decide = func(int, []sent) answer { return answer{delay: 10 * time.Millisecond} }
	w.tune = func(c *Config) {
		c.RequestTimeout = 500 * time.Millisecond
		c.MaxReplicas = 3
	}
	w.importOf("customers", 6, schemas.ImportSpec{})
	w.load("customers", rows(n, 6), n/4)
	first, second := w.start(), w.start()
	w.start()
	reach := func(share int) {
		w.t.Helper()
		w.await(fmt.Sprintf("%d%%", share), 120*time.Second, func() bool { return w.tally("customers").total >= n*share/100 })
	}
	reach(20)
	w.redis.Flush() // everybody's lease is forgotten
	reach(40)
	w.redis.SetError("LOADING Redis is loading the dataset in memory")
	reach(55)
	w.redis.SetError("")
	reach(65)
	first.cables.kill()
	reach(80)
	second.drain()
	reach(100)
	w.want(w.tally("customers"), map[string]int{"loaded": n})
	if _, most := w.cleverTap.stats(); most > slots || most < slots-1 {
		t.Errorf("%d requests in flight at most, want no more than %d and nearly all of them", most, slots)
	}
}

func TestASmallImportTakesTurnsWithAHugeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 50, Slots: 4})
	var order []string
	var mu sync.Mutex
	w.cleverTap.decide = func(_ int, records []sent) answer {
		mu.Lock()
		order = append(order, records[0].Name)
		mu.Unlock()
		return answer{delay: 5 * time.Millisecond}
	}
	w.importOf("huge", 4, schemas.ImportSpec{})
	w.importOf("small", 4, schemas.ImportSpec{})
	w.load("huge", rows(20_000, 4), 20_000)
	w.start()
	w.await("the huge one to be under way", 20*time.Second, func() bool { return w.tally("huge").receipts > 20 })
	w.load("small", rows(1000, 4), 1000) // 20 uploads
	w.settled("small", 1000)
	mu.Lock()
	defer mu.Unlock()
	first, last := slices.Index(order, "small"), len(order)-1
	for order[last] != "small" {
		last--
	}
	if got := last - first + 1; got > 60 {
		t.Errorf("the small import's 20 uploads took %d turns, want about 40", got)
	}
	if len(order) > 390 {
		t.Error("the huge import was through before: the test shows nothing")
	}
}

func TestAnOutageIsWaitedOutWithoutAStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 50})
	down := make(chan struct{})
	w.cleverTap.decide = func(int, []sent) answer {
		select {
		case <-down:
			return answer{delay: 5 * time.Millisecond}
		default:
			return answer{status: 503, skip: true}
		}
	}
	w.importOf("customers", 3, schemas.ImportSpec{})
	w.load("customers", rows(3000, 3), 3000)
	w.tune = func(c *Config) { c.BackoffMin, c.BackoffMax = 50*time.Millisecond, 200*time.Millisecond }
	w.start()
	w.await("the pause", 20*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
	// Fifteen were in flight at most when the circuit opened.
	before, _ := w.cleverTap.stats()
	w.await("some probes", 20*time.Second, func() bool { n, _ := w.cleverTap.stats(); return n >= before+15 })
	w.cleverTap.mu.Lock()
	w.cleverTap.most = 0
	w.cleverTap.mu.Unlock()
	more, _ := w.cleverTap.stats()
	w.await("five probes", 20*time.Second, func() bool { n, _ := w.cleverTap.stats(); return n >= more+5 })
	if _, most := w.cleverTap.stats(); most > 1 {
		t.Errorf("%d requests at once while CleverTap is down, want 1", most)
	}
	close(down)
	got := w.settled("customers", 3000)
	w.want(got, map[string]int{"loaded": 3000})
	if len(w.rejects("customers")) > 0 {
		t.Error("an outage rejected records")
	}
}
