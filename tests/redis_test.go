package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestEmptyRedisInTheMiddleChangesNothing: counts and watermark come from the
// log, and the projection heals itself.
func TestEmptyRedisInTheMiddleChangesNothing(t *testing.T) {
	t.Parallel()
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
	// Both runs, also the one that had ended before. The scheduler writes the projection
	// anew beside its work, so the answer of the API, which falls back to the log, may
	// come first.
	for _, name := range []string{undisturbed.Run, name} {
		deadline := time.Now().Add(30 * time.Second)
		for {
			out, _ := c.CLI(t, "get", "run", name, "-o", "json")
			diff := hashDiff(t, c, c.Endpoints.RedisPrefix+"run:"+name, out)
			if diff == "" {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s mismatch (-API +Redis):\n%s", name, diff)
			}
			time.Sleep(50 * time.Millisecond) // between looks
		}
	}
}

// TestRebuildRestoresWhatRedisShowed: what Redis shows of imports and runs is in
// the log, all of it and nothing else.
func TestRebuildRestoresWhatRedisShowed(t *testing.T) {
	t.Parallel()
	path, _ := customers(t, 500)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	for _, name := range []string{"one", "two", "three"} {
		c.ApplyText(t, definition(name))
		c.Close(t, c.Trigger(t, name), time.Minute)
	}
	c.Close(t, c.Trigger(t, "two"), time.Minute)
	shown := func() (all []string) {
		for _, args := range [][]string{{"get", "imports"}, {"get", "runs"}, {"get", "run", "two.1"}, {"get", "run", "two.2"}} {
			out, code := c.CLI(t, append(args, "-o", "json")...)
			if code != 0 {
				t.Fatalf("tapline %v: exit code %d", args, code)
			}
			all = append(all, passing.ReplaceAllString(out, ""))
		}
		return all
	}
	before := shown()

	// Some keys are missing, some are wrong, and some should not exist.
	store := c.Redis(t)
	w := projection.NewWriter(store)
	for _, err := range []error{
		store.Del(t.Context(), projection.ImportKey("one"), projection.RunKey("two.1")),
		w.PutRun(t.Context(), schemas.Run{Run: "two.2", Import: "two", State: schemas.StateFailed}),
		w.PutRun(t.Context(), schemas.Run{Run: "two.9", Import: "two", State: schemas.StateSucceeded}),
		w.PutListing(t.Context(), schemas.Listing{Import: "ghost"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	settings := filepath.Join(c.Dir, "tapline.yaml")
	text := fmt.Sprintf("redis: {addrs: [%q], keyPrefix: %q}\n", c.Endpoints.Redis, c.Endpoints.RedisPrefix)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, code := c.CLI(t, "rebuild", "--config", settings); code != 0 {
		t.Fatalf("tapline rebuild: exit code %d", code)
	}
	if diff := cmp.Diff(before, shown()); diff != "" {
		t.Errorf("what is shown mismatch (-before +after):\n%s", diff)
	}

	// Without a scheduler nothing is written, and the command says so.
	c.Services["scheduler"].Stop(t)
	if _, code := c.CLI(t, "rebuild", "--config", settings, "--timeout", "2s"); code != 1 {
		t.Errorf("tapline rebuild without a scheduler: exit code %d, want 1", code)
	}
}

// passing is what changes because time passes.
var passing = regexp.MustCompile(`"freshnessSeconds": [0-9.e+]+,`)

// hashDiff compares a JSON object with a hash in Redis, whose strings are plain and whose
// other values are JSON text, and returns how they differ.
func hashDiff(t *testing.T, c *harness.Cluster, key, object string) string {
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
	delete(want, "figures") // the API computes them
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
	return cmp.Diff(want, got)
}
