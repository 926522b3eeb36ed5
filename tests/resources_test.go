package tests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// How much more there may be after 93 runs than after 18.
const (
	moreGoroutines = 8 // connections that idle
	moreFiles      = 6
	moreHeapMiB    = 6 // what is known of the closed runs
)

// TestResourcesReturnToTheirBaseline: runs that succeed, fail and are cancelled
// leave no goroutine, file, memory, key of Redis or statement of Snowflake behind.
func TestResourcesReturnToTheirBaseline(t *testing.T) {
	t.Parallel()
	path, _ := customers(t, 2_000)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	warehouse := c.Warehouse(t)
	c.ApplyText(t, definition("good"))
	// A row without a cursor ends a run while it reads.
	warehouse.Exec(t, "CREATE TABLE SHOP.PUBLIC.STAMPLESS AS SELECT * FROM SHOP.PUBLIC.CUSTOMERS")
	warehouse.Exec(t, "UPDATE SHOP.PUBLIC.STAMPLESS SET UPDATED_AT = NULL WHERE CUSTOMER_ID = 'c1000'")
	c.ApplyText(t, strings.Replace(definition("bad"), "SHOP.PUBLIC.CUSTOMERS", "SHOP.PUBLIC.STAMPLESS", 1))
	c.ApplyText(t, definition("slow"))

	round := func(i int) {
		warehouse.Exec(t, fmt.Sprintf("UPDATE SHOP.PUBLIC.CUSTOMERS SET NAME = 'Round %d' WHERE CUSTOMER_ID LIKE 'c199%%'", i))
		good, bad := c.Trigger(t, "good"), c.Trigger(t, "bad")
		expectState(t, c, good, schemas.StateSucceeded, schemas.StateSucceededWithRejects)
		expectState(t, c, bad, schemas.StateFailed)
		// One is cancelled while Snowflake runs its statement.
		snowflakeFaults(t, c, `{"slowQueryMs": 400}`)
		slow := c.Trigger(t, "slow")
		c.Await(t, slow, time.Minute, "it has begun", func(r schemas.Run) bool { return r.State != schemas.StateQueued })
		if _, code := c.CLI(t, "cancel", slow); code != 0 {
			t.Fatalf("tapline cancel: exit code %d", code)
		}
		expectState(t, c, slow, schemas.StateCancelled)
		snowflakeFaults(t, c, `{}`)
	}
	const few, many = 6, 25
	for i := range few {
		round(i)
	}
	keys := c.RedisKeys(t)
	before := map[string]harness.Resources{}
	for _, service := range harness.Services {
		before[service] = c.Resources(t, service)
	}
	for i := range many {
		round(few + i)
	}

	var diff string
	harness.Eventually(t, 30*time.Second, "Snowflake has nothing to do", func() bool { return c.RunningStatements(t) == 0 })
	// Each closed run is kept for 90 days.
	keys["run:good.n"] += many
	keys["run:bad.n"] += many
	keys["run:slow.n"] += many
	harness.Eventually(t, 30*time.Second, "Redis holds what it held", func() bool {
		now := c.RedisKeys(t)
		if diff = cmp.Diff(keys, now); diff != "" && testing.Verbose() {
			t.Log(diff)
		}
		return diff == ""
	})
	for _, service := range harness.Services {
		var was, is harness.Resources
		harness.Eventually(t, 30*time.Second, service+" holds what it held", func() bool {
			was, is = before[service], c.Resources(t, service)
			t.Logf("%s: %+v, before %+v", service, is, was)
			return is.Goroutines <= was.Goroutines+moreGoroutines && is.Files <= was.Files+moreFiles && is.HeapMiB <= was.HeapMiB+moreHeapMiB
		})
	}
}

func expectState(t *testing.T, c *harness.Cluster, run string, states ...string) {
	t.Helper()
	r := c.Close(t, run, time.Minute)
	for _, s := range states {
		if r.State == s {
			return
		}
	}
	t.Fatalf("%s is %s (%+v), want one of %v", run, r.State, r.Error, states)
}

// snowflakeFaults sets faults of the sandbox Snowflake.
func snowflakeFaults(t *testing.T, c *harness.Cluster, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.Endpoints.Snowflake.URL+"/sandbox/v1/snowflake/faults", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("setting faults: %s", res.Status)
	}
}
