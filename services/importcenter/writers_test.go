package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestTwoReplicasChangeOneImport: two replicas apply changes of the same two imports at
// once, while a third takes the writing from them and dies with a transaction open, again
// and again. Every change that was answered with success is there once, with a generation
// of its own and one entry of the audit, both imports have changed together each time, and
// what was refused has left nothing.
func TestTwoReplicasChangeOneImport(t *testing.T) {
	t.Parallel()
	const each = 12
	one := start(t)
	other := startWith(t, func(cfg *Config) { cfg.CheckTimeout, cfg.Kafka, cfg.Redis = 0, one.kafka, one.redis.Config })
	if a := one.apply(connection, account, named("customers", "first"), named("orders", "first")); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}

	over := make(chan struct{})
	var dying sync.WaitGroup
	dying.Go(func() { dieWriting(t, one, over) })
	var mu sync.Mutex
	done := map[string]bool{"first": true}
	var writing sync.WaitGroup
	for i, c := range []*center{one, other} {
		for n := range each {
			writing.Go(func() {
				title := fmt.Sprintf("replica %d, change %d", i, n)
				a := c.apply(named("customers", title), named("orders", title))
				mu.Lock()
				defer mu.Unlock()
				if done[title] = a.status == http.StatusOK; !done[title] && a.status < 500 {
					t.Errorf("%s = %d %s", title, a.status, a.text)
				}
			})
		}
	}
	writing.Wait()
	close(over)
	dying.Wait()

	customers, orders := titles(t, one, "customers"), titles(t, one, "orders")
	if fmt.Sprint(customers) != fmt.Sprint(orders) {
		t.Errorf("the imports did not change together:\n%v\n%v", customers, orders)
	}
	seen, kept := map[string]int{}, 0
	for _, title := range customers {
		seen[title]++
	}
	for title, ok := range done {
		if ok {
			kept++
		}
		if ok != (seen[title] == 1) || seen[title] > 1 {
			t.Errorf("%s was answered with success: %v, and is there %d times", title, ok, seen[title])
		}
	}
	if kept < each/4 {
		t.Errorf("%d of %d changes went through: the test shows little", kept, 2*each)
	}
	audited := 0
	for _, line := range one.log(one.topics.Audit(), 0) {
		_, value, _ := strings.Cut(line, " ")
		var e schemas.AuditEntry
		if err := json.Unmarshal([]byte(value), &e); err != nil {
			t.Fatal(err)
		}
		if e.Name == "orders" && e.Action == schemas.AuditApply {
			audited++
		}
	}
	if audited != kept {
		t.Errorf("the audit has %d entries of an import that was changed %d times", audited, kept)
	}
}

// named is an import with a title.
func named(name, title string) string {
	return strings.Replace(customers, `"metadata":{"name":"customers"}`, fmt.Sprintf(`"metadata":{"name":%q,"displayName":%q}`, name, title), 1)
}

// titles returns the titles that an import had, one for each generation. The topic of the
// definitions itself is compacted, and may have lost the older ones by now.
func titles(t *testing.T, c *center, name string) (out []string) {
	t.Helper()
	for _, line := range c.log(c.topics.Generations(), schemas.ControlPartition(name)) {
		key, value, _ := strings.Cut(line, " ")
		if owner, _, ok := schemas.ParseGenerationKey(key); !ok || owner != name {
			continue
		}
		var g schemas.Generation
		if err := json.Unmarshal([]byte(value), &g); err != nil {
			t.Fatal(err)
		}
		out = append(out, g.Definition.Metadata.DisplayName)
		if g.Generation != len(out) || g.Definition.Generation != g.Generation {
			t.Errorf("%s: generation %d, of a definition of generation %d, follows %d", name, g.Generation, g.Definition.Generation, len(out)-1)
		}
	}
	return out
}

// dieWriting does what a replica does that is killed in the middle of a write: it fences
// the others, begins a transaction with half a change, and is gone.
func dieWriting(t *testing.T, c *center, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-time.After(20 * time.Millisecond): // often enough to meet writes, seldom enough for some to pass
		}
		tx, err := kafka.OpenTransactor(t.Context(), c.kafka, kafkatest.Deps(), "importcenter")
		if err != nil {
			t.Errorf("fencing: %v", err)
			return
		}
		record, err := control.Record(c.topics.Imports(), "customers", "customers", json.RawMessage(named("customers", "half a change")), "test", "test")
		if err == nil {
			err = tx.Begin()
		}
		if err != nil {
			t.Errorf("beginning half a change: %v", err)
			return
		}
		tx.Produce(record)
		tx.Close()
	}
}
