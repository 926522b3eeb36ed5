package capacity

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestAMillionVersionsArriveInOrder: a million versions of ten thousand
// identities, random latencies, every transient fault of a request, and three
// loaders that are killed, stopped and started. Each identity's versions arrive in
// order, and a repeated older one is never the last. (Records that are refused one
// by one and sent again are in the loader's own order test: the sandbox does not
// write down what it refuses.)
func TestAMillionVersionsArriveInOrder(t *testing.T) {
	onRealServers(t)
	const n, identities = 1_000_000, 10_000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	newest := map[string]int{}
	path := people(t, n, func(int) (string, int) {
		identity := fmt.Sprintf("u%d", random.IntN(identities))
		newest[identity]++
		return identity, newest[identity]
	})
	c := start(t, path, 1000)
	c.Faults(t, fmt.Sprintf(`{"seed":%d,"faults":[
		{"kind":"latency","latencyMs":1,"jitterMs":200},
		{"kind":"500","share":0.01,"applied":true},{"kind":"503","share":0.02},{"kind":"429","share":0.005},
		{"kind":"resetBefore","share":0.02},{"kind":"resetAfter","share":0.02},{"kind":"lostAnswer","share":0.002},
		{"kind":"truncated","share":0.01}]}`, seed%1_000_000))

	loaders := c.Replicas["loader"]
	run := c.Trigger(t, "people")
	loaded(t, c, n, 10)
	loaders[0].Kill()
	loaded(t, c, n, 30)
	loaders[0].Start(t)
	loaded(t, c, n, 45)
	loaders[1].Stop(t)
	loaded(t, c, n, 60)
	loaders[1].Start(t)
	loaders[2].Kill()
	loaded(t, c, n, 75)
	loaders[2].Start(t)
	if r := closed(t, c, run, n); r.Counts.Resent == 0 {
		t.Error("nothing was sent twice: the faults show nothing")
	}

	highest, last := map[string]int{}, map[string]int{}
	applied, early := 0, 0
	c.Applied(t, func(raw json.RawMessage, _ time.Time) {
		var record struct {
			Identity    string
			ProfileData struct{ Version int }
		}
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		id, version := record.Identity, record.ProfileData.Version
		if version > highest[id]+1 {
			if early++; early == 1 {
				t.Errorf("version %d arrived after version %d of one identity", version, highest[id])
			}
		}
		highest[id] = max(highest[id], version)
		last[id] = version
		applied++
	})
	t.Logf("%d records were applied, %d of them before an older version", applied, early)
	stale := 0
	for id, version := range newest {
		if last[id] != version {
			stale++
		}
	}
	if stale > 0 {
		t.Errorf("of %d identities the last version that arrived is not the newest", stale)
	}
}
