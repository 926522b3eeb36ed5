package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// TestTopicsPrune: what deleted imports have left is shown and removed; what belongs to
// an import that is there, or whose run has not ended, stays.
func TestTopicsPrune(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	server := redistest.New(t)
	store := server.Client(t)
	topics := schemas.NewTopics(cfg.Prefix)
	settings := file(t, "tapline.yaml", fmt.Sprintf("kafka: {brokers: [%q], prefix: %q}\nredis: {addrs: [%q], keyPrefix: %q}\n",
		cfg.Brokers[0], cfg.Prefix, server.Config.Addrs[0], server.Config.KeyPrefix))
	producer, err := kafka.OpenProducer(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	write := func(topic, importName, key string, value any) {
		t.Helper()
		record, err := control.Record(topic, importName, key, value, schemas.EventState, "test")
		if err == nil {
			err = producer.Produce(t.Context(), record)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	reader, err := kafka.OpenReader(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	deployment, err := reader.Deployment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, name := range []string{"customers", "ending", "gone"} {
		if err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), topics.ImportTopics(name, schemas.TopicSettings{Partitions: 1})); err != nil {
			t.Fatal(err)
		}
		write(topics.Columns(), name, name, map[string]string{"import": name})
		write(topics.Columns(), name, schemas.ColumnsKey(name+".d1"), map[string]string{"import": name})
		keys := []string{
			schemas.LedgerRoot + deployment.Key() + "/" + name + "/1/1.1:0", schemas.FormerLedgerRoot + name + ":1.1:0",
			schemas.LedgerRoot + "another/" + name + "/1/1.1:0",
		}
		for _, key := range keys {
			if err := store.Set(t.Context(), key, []byte("x"), time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if name == "gone" {
			keys = keys[2:] // another deployment's stays
		}
		kept = append(kept, keys...)
	}
	write(topics.Imports(), "customers", "customers", schemas.Definition{Metadata: schemas.Metadata{Name: "customers"}, Spec: schemas.ImportSpec{Topic: schemas.TopicSettings{Partitions: 1}}})
	write(topics.State(), "ending", "ending", schemas.State{Import: "ending", Active: &schemas.ActiveRun{Run: "ending.4"}})

	plan := tapline(t, "", "topics", "plan", "--config", settings)
	for _, name := range []string{topics.Rows("gone"), topics.Records("gone"), "of no import", "tapline topics prune"} {
		if !strings.Contains(plan.out, name) {
			t.Errorf("%q is not in the plan\n%s%s", name, plan.out, plan.err)
		}
	}
	if plan.code != 0 || strings.Contains(plan.out, topics.Rows("customers")) {
		t.Errorf("the plan exits with %d and shows\n%s%s", plan.code, plan.out, plan.err)
	}
	if r := tapline(t, "", "topics", "prune", "--config", settings); r.code != 1 || !strings.Contains(r.err, "nothing was removed") || !strings.Contains(r.out, "ending.4") {
		t.Errorf("without an answer: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := tapline(t, "", "topics", "prune", "--config", settings, "--yes"); r.code != 0 || !strings.Contains(r.err, "5 of 10 removed") {
		t.Errorf("with --yes: exit code %d\n%s%s", r.code, r.out, r.err)
	}

	if diff := cmp.Diff([]string{"customers", "customers", "ending", "ending"}, importsOfTopics(t, cfg)); diff != "" {
		t.Errorf("topics mismatch (-want +got):\n%s", diff)
	}
	columns, err := readTable(t.Context(), cfg, topics.Columns(), schemas.ControlPartitions)
	if err != nil {
		t.Fatal(err)
	}
	if len(columns) != 4 || columns["gone"] != nil || columns["gone.d"] != nil {
		text, _ := json.Marshal(columns)
		t.Errorf("the columns topic holds %s", text)
	}
	slices.Sort(kept)
	if diff := cmp.Diff(kept, keysOfLedgers(t, store)); diff != "" {
		t.Errorf("keys mismatch (-want +got):\n%s", diff)
	}
	if r := tapline(t, "", "topics", "prune", "--config", settings, "--yes"); r.code != 0 || !strings.Contains(r.err, "nothing to remove") {
		t.Errorf("once more: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}

// importsOfTopics lists, for each topic of an import, the import.
func importsOfTopics(t *testing.T, cfg kafka.Config) (imports []string) {
	t.Helper()
	names, err := kafka.Topics(t.Context(), cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	topics := schemas.NewTopics(cfg.Prefix)
	for _, name := range names {
		if importName := topics.ImportOf(name); importName != "" {
			imports = append(imports, importName)
		}
	}
	slices.Sort(imports)
	return imports
}

// keysOfLedgers lists the keys of all ledgers in Redis.
func keysOfLedgers(t *testing.T, store *redis.Client) (keys []string) {
	t.Helper()
	for key, err := range store.Scan(t.Context(), "ledger") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
