package scheduler_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestAThousandImportsDueAtOnce: a thousand imports that are due in the same second are
// all triggered within 20 s.
func TestAThousandImportsDueAtOnce(t *testing.T) {
	t.Parallel()
	const imports, within = 1000, 20 * time.Second
	r := newRig(t)
	r.start()
	due := time.Now().Add(5 * time.Second).Truncate(time.Second)
	var records []*kafka.Record
	for n := range imports {
		def := definition(fmt.Sprintf("import-%d", n))
		def.Spec.Schedules = []schemas.Schedule{{At: &due}}
		record, err := control.Record(r.topics.Imports(), def.Metadata.Name, def.Metadata.Name, def, "definition", "test")
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	if err := r.producer.Produce(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
	runs, last := map[string]int{}, time.Time{}
	from := map[int32]int64{}
	r.await("the triggers", func() bool {
		for p := range int32(schemas.ControlPartitions) {
			next, err := r.reader.ReadTo(t.Context(), kafka.TP{Topic: r.topics.Triggers(), Partition: p}, from[p], func(rec *kafka.Record) error {
				var trigger schemas.Trigger
				if err := json.Unmarshal(rec.Value, &trigger); err != nil {
					return err
				}
				if runs[trigger.Run]++; trigger.Key != due.UTC().Format(time.RFC3339Nano) {
					t.Errorf("%s is of the instant %s", trigger.Run, trigger.Key)
				}
				last = time.Now() // it can be read from now on
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			from[p] = next
		}
		return len(runs) >= imports
	})
	for run, triggers := range runs {
		if triggers != 1 {
			t.Errorf("%s has %d triggers", run, triggers)
		}
	}
	took := last.Sub(due)
	t.Logf("%d imports were triggered within %s", imports, took.Round(time.Millisecond))
	if took > within {
		t.Errorf("the last of %d imports was triggered %s after it was due, want %s", imports, took, within)
	}
}
