package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// onRealServers skips a test if no real servers run. `make test-integration` always has
// them.
func onRealServers(t *testing.T) {
	t.Helper()
	if kafkatest.Real() == "" {
		t.Skip("it needs a real Kafka: make test-integration")
	}
}

// TestSeveralReplicas: with several of each service the counts are the same, no
// run is triggered twice, the account's slots hold for all loaders together, and
// work moves to the others within the session timeout when one of each dies.
func TestSeveralReplicas(t *testing.T) {
	onRealServers(t)
	const n = 20_000
	const session = 6 * time.Second // the harness's
	replicas := map[string]int{"scheduler": 2, "extractor": 2, "mapper": 3, "loader": 3}
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{Separate: true, Replicas: replicas, DevArgs: []string{"--load", table + "=" + path}})
	imports := []string{"one", "two", "three", "four"}
	for _, name := range imports {
		c.ApplyText(t, definition(name))
	}
	partitions := map[string]int{
		"scheduler": schemas.ControlPartitions, "extractor": schemas.ControlPartitions,
		// The partitions of the imports and of the dry runs.
		"mapper": 6*len(imports) + schemas.ControlPartitions, "loader": 6*len(imports) + schemas.ControlPartitions,
	}
	for service, count := range replicas {
		harness.Eventually(t, time.Minute, fmt.Sprintf("%d of %s share %d partitions", count, service, partitions[service]), func() bool {
			return shared(t, c, service, count, partitions[service])
		})
	}

	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":400,"share":1}]}`)
	var runs []string
	for _, name := range imports {
		runs = append(runs, c.Trigger(t, name))
	}
	for _, run := range runs {
		c.Await(t, run, time.Minute, "rows are read and wait to be loaded", inTheMiddle)
	}
	for service := range replicas {
		c.Services[service].Kill()
	}
	killed := time.Now()
	for service, count := range replicas {
		harness.Eventually(t, time.Minute, "the others own what the killed "+service+" owned", func() bool {
			return shared(t, c, service, count-1, partitions[service])
		})
		t.Logf("%s has moved %s after the kill", service, time.Since(killed).Round(time.Millisecond))
		// A rebalance is known to members by their next heartbeat, a fifth of the
		// session away, and takes two rounds to move partitions one by one.
		if took := time.Since(killed); took > session+session*4/5 {
			t.Errorf("%s: the work of the killed one was with others after %s, the session is %s", service, took, session)
		}
	}
	var resent, loaded int64
	for _, name := range runs {
		run := c.Close(t, name, 3*time.Minute)
		t.Logf("%s is over %s after the kill", name, time.Since(killed).Round(time.Millisecond))
		checkClosed(t, run, n, broken)
		resent += run.Counts.Resent
		loaded += run.Counts.Loaded
	}
	if bound := int64(15 * 1000); resent > bound {
		t.Errorf("%d records were sent again, the bound is %d", resent, bound)
	}
	stats := c.Stats(t)
	if stats.Records < loaded || stats.Records > loaded+resent {
		t.Errorf("CleverTap took %d records, the runs count %d loaded and %d resent", stats.Records, loaded, resent)
	}
	if stats.MaxInFlight > 15 {
		t.Errorf("%d requests were in flight at once, the account has 15 slots", stats.MaxInFlight)
	}
	triggeredOnce(t, c, runs)
}

// shared reports whether a service's group has so many members, each with work,
// that own every partition once.
func shared(t *testing.T, c *harness.Cluster, group string, members, partitions int) bool {
	t.Helper()
	got, settled, err := kafka.Members(t.Context(), c.Kafka(), kafkatest.Deps(), group)
	if err != nil || !settled || len(got) != members {
		return false
	}
	owned := map[kafka.TP]string{}
	for _, m := range got {
		if len(m.Partitions) == 0 {
			return false
		}
		for _, tp := range m.Partitions {
			if other, ok := owned[tp]; ok {
				t.Errorf("%s[%d] is owned by %s and %s", tp.Topic, tp.Partition, other, m.ID)
			}
			owned[tp] = m.ID
		}
	}
	return len(owned) == partitions
}

// triggeredOnce demands one trigger for each run, of attempt 1, and no other.
func triggeredOnce(t *testing.T, c *harness.Cluster, runs []string) {
	t.Helper()
	reader, err := kafka.OpenReader(c.Kafka(), kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	got := map[string]int{}
	for p := range int32(schemas.ControlPartitions) {
		tp := kafka.TP{Topic: schemas.NewTopics(c.Kafka().Prefix).Triggers(), Partition: p}
		_, err := reader.ReadTo(t.Context(), tp, 0, func(r *kafka.Record) error {
			var trigger schemas.Trigger
			if err := json.Unmarshal(r.Value, &trigger); err != nil {
				return err
			}
			if !schemas.IsTrial(trigger.Run) { // applying asks for a preview
				got[fmt.Sprintf("%s attempt %d", trigger.Run, trigger.Attempt)]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{}
	for _, run := range runs {
		want[run+" attempt 1"] = 1
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("triggers mismatch (-want +got):\n%s\nthere are %v", diff, slices.Sorted(maps.Keys(got)))
	}
}
