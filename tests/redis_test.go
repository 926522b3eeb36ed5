package tests

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/redis"
	"tapline.dev/tests/harness"
)

// TestEmptyRedisInTheMiddleChangesNothing: counts and watermark come from the
// log, and the projection heals itself.
func TestEmptyRedisInTheMiddleChangesNothing(t *testing.T) {
	const n = 30_000
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	c.ApplyText(t, definition("customers")+"---\n"+definition("quiet"))
	undisturbed := c.Close(t, c.Trigger(t, "quiet"), time.Minute)

	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":300,"share":1}]}`)
	name := c.Trigger(t, "customers")
	c.Await(t, name, time.Minute, "rows are being loaded", inTheMiddle)
	c.EmptyRedis(t)
	run := c.Close(t, name, 2*time.Minute)
	checkClosed(t, run, n, broken)
	if run.WatermarkTo == "" || run.WatermarkTo != undisturbed.WatermarkTo {
		t.Errorf("watermark = %q, without the disturbance %q", run.WatermarkTo, undisturbed.WatermarkTo)
	}
	// Both runs, the one that was over before as well.
	for _, name := range []string{undisturbed.Run, name} {
		out, _ := c.CLI(t, "get", "run", name, "-o", "json")
		compareHash(t, c, c.Endpoints.RedisPrefix+"run:"+name, out)
	}
}

// compareHash compares a hash in Redis with a JSON object: strings are plain,
// everything else is JSON text.
func compareHash(t *testing.T, c *harness.Cluster, key, object string) {
	t.Helper()
	cfg := redis.Default()
	cfg.Addrs = []string{c.Endpoints.Redis}
	cfg.KeyPrefix = "" // the whole names of contracts, nothing added
	client, err := redis.Open(cfg, redis.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var want map[string]any
	if err := json.Unmarshal([]byte(object), &want); err != nil {
		t.Fatalf("%v\n%s", err, object)
	}
	hash, err := client.HGetAll(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for field, text := range hash {
		if _, isText := want[field].(string); isText {
			got[field] = text
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Errorf("%s %s holds %q: %v", key, field, text, err)
		}
		got[field] = v
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s mismatch (-API +Redis):\n%s", key, diff)
	}
}
