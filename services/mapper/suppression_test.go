package mapper

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const testKeys = config.Secret("a-key-of-the-tests-and-of-nothing-else")

func withTestKeys(c *Config) { c.Suppression.Keys = testKeys }

// entry is the record that suppresses a person.
func (w *world) entry(identity string) *kafka.Record {
	w.t.Helper()
	list, err := suppression.New(suppression.Config{Keys: testKeys}, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := list.Checker("clevertap").New([]byte(identity))
	if err != nil {
		w.t.Fatal(err)
	}
	return &kafka.Record{
		Topic: w.topics.Suppressions(), Partition: key.Partition(schemas.ControlPartitions),
		Key: []byte(key.String()), Value: []byte(`{"since":"2026-11-29T10:00:00Z"}`),
	}
}

// mapped sums up what the reports count of customers' rows, of which there are n.
func (w *world) mapped(n int64) (sum schemas.Mapped) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		sum = schemas.Mapped{RejectsByCode: map[string]int64{}, Skipped: map[string]int64{}}
		total := int64(0)
		for _, r := range w.read(w.topics.Reports(), schemas.ControlPartitions) {
			var report schemas.Report
			if err := json.Unmarshal(r.Value, &report); err != nil {
				w.t.Fatal(err)
			}
			sum.Mapped += report.Mapped.Mapped
			total += report.Mapped.Mapped
			for code, n := range report.Mapped.RejectsByCode {
				sum.RejectsByCode[code] += n
				total += n
			}
			for reason, n := range report.Mapped.Skipped {
				sum.Skipped[reason] += n
				total += n
			}
			sum.Suppressed = append(sum.Suppressed, report.Mapped.Suppressed...)
		}
		if total >= n {
			slices.Sort(sum.Suppressed)
			return sum
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d of %d rows are counted: %+v", total, n, sum)
		}
		time.Sleep(10 * time.Millisecond) // between looks at the condition
	}
}

// TestSuppressedRowsAreSkipped: a row of a suppressed person becomes neither a record
// nor a reject, whatever else is wrong with it, and its position is reported.
func TestSuppressedRowsAreSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(w.entry("k3.2.2"), w.entry("k3.2.3"))
	w.produce(
		w.row("3.2.1", 0, `{"ID":1,"EMAIL":"a@example.com","SINCE":"2026-11-23"}`),
		w.row("3.2.2", 1, `{"ID":2,"EMAIL":"b@example.com","SINCE":"2026-11-23"}`),
		w.row("3.2.3", 2, `{"ID":null,"EMAIL":"c@example.com","SINCE":"2026-11-23"}`),
		w.row("3.2.4", 2, `{"ID":null,"EMAIL":"d@example.com","SINCE":"2026-11-23"}`),
	)
	defer w.start(withTestKeys)()
	want := schemas.Mapped{
		Mapped: 1, RejectsByCode: map[string]int64{"identity_missing": 1}, Skipped: map[string]int64{schemas.SkipSuppressed: 2}, Suppressed: []int64{2, 3},
	}
	if diff := cmp.Diff(want, w.mapped(4)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for _, topic := range []string{w.topics.Records("customers"), w.topics.Rejects()} {
		for _, r := range w.read(topic, 3) {
			for _, person := range []string{"b@example.com", "c@example.com"} {
				if strings.Contains(string(r.Value), person) {
					t.Errorf("%s holds a suppressed person", topic)
				}
			}
		}
	}
}

// TestADryRunSkipsSuppressedRows: they are found by the identity in the row, because
// the key is the dry run's.
func TestADryRunSkipsSuppressedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tryOut()
	w.produce(w.entry("7"))
	w.produce(
		w.tried(dryRun, "1.1.1", `{"ID":7,"EMAIL":"a@example.com","SINCE":"2026-11-23","PLAN":"1"}`),
		w.tried(dryRun, "1.1.2", `{"ID":8,"EMAIL":"b@example.com","SINCE":"2026-11-23","PLAN":"1"}`),
	)
	defer w.start(withTestKeys)()
	want := schemas.Mapped{Mapped: 1, RejectsByCode: map[string]int64{}, Skipped: map[string]int64{schemas.SkipSuppressed: 1}, Suppressed: []int64{1}}
	if diff := cmp.Diff(want, w.mapped(2)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestAMapperWithoutTheKeyMapsNothing: the rows wait until the entries can be
// compared.
func TestAMapperWithoutTheKeyMapsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	log := make(chan string, 10)
	w.log = slog.New(pausesSeen{slog.DiscardHandler, log})
	entry := w.entry("somebody else")
	w.produce(entry)
	w.produce(w.row("3.2.1", 0, `{"ID":1,"EMAIL":"a@example.com","SINCE":"2026-11-23"}`))
	defer w.start(nil)()
	select {
	case line := <-log:
		if !strings.Contains(line, "suppression.keys lacks a key") {
			t.Errorf("the log says %q", line)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing waits")
	}
	if n := len(w.read(w.topics.Records("customers"), 3)); n > 0 {
		t.Errorf("%d rows were mapped", n)
	}
	w.produce(&kafka.Record{Topic: entry.Topic, Partition: entry.Partition, Key: entry.Key})
	if got := w.mapped(1); got.Mapped != 1 {
		t.Errorf("counts are %+v", got)
	}
}
