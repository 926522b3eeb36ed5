package capacity

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/tests/servers"
)

// TestThreeLoadersKeepToTheSlots: half a million records in small uploads by three
// loaders, of which one is killed while Redis, which holds the leases, is killed
// and starts again empty. CleverTap never sees more than the account's slots.
func TestThreeLoadersKeepToTheSlots(t *testing.T) {
	onRealServers(t)
	const n, perUpload = 500_000, 200
	redis, err := servers.StartRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { redis.Stop() })
	t.Setenv("TAPLINE_TEST_REDIS", redis.Addr)
	c := start(t, people(t, n, func(i int) (string, int) { return fmt.Sprintf("u%d", i), 1 }), perUpload)
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":30,"jitterMs":20}]}`)

	run := c.Trigger(t, "people")
	loaded(t, c, n, 20)
	c.EmptyRedis(t) // everybody's lease is forgotten
	loaded(t, c, n, 35)
	redis.Kill()
	time.Sleep(5 * time.Second) // the outage
	if err := redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	loaded(t, c, n, 55)
	c.Replicas["loader"][0].Kill()
	loaded(t, c, n, 70)
	c.Replicas["loader"][1].Stop(t)
	loaded(t, c, n, 80)
	c.Replicas["loader"][0].Start(t)
	c.Replicas["loader"][1].Start(t)
	// One was killed, with no more in flight than there are slots.
	if r := closed(t, c, run, n); r.Counts.Resent > slots*perUpload {
		t.Errorf("%d records were sent again after one kill, want at most %d", r.Counts.Resent, slots*perUpload)
	}
	stats := c.Stats(t)
	t.Logf("%d uploads, %d in flight at most", stats.Uploads, stats.MaxInFlight)
	if stats.MaxInFlight > slots || stats.MaxInFlight < slots-1 || stats.Refused != 0 {
		t.Errorf("%d uploads in flight at most and %d refused, want no more than %d, nearly all of them and none refused", stats.MaxInFlight, stats.Refused, slots)
	}
}
