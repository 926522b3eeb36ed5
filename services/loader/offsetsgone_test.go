package loader

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestOffsetsThatAreGone: the group's offsets are deleted, or have expired, in the
// middle of a run. The reports about this topic still count, and nothing is sent again.
// Reports about a deleted topic of the same name do not: their offsets are of other
// records.
func TestOffsetsThatAreGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recreated bool
		want      int
	}{
		"the topic is the same":          {false, 51},
		"the reports are of another one": {true, 101},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.importOf("people", 1, schemas.ImportSpec{})
			id, err := w.reader.TopicID(t.Context(), w.topics.Records("people"))
			if err != nil {
				t.Fatal(err)
			}
			if c.recreated {
				id += "x"
			}
			w.load("people", rows(50, 1), 10)
			first := w.start()
			w.settled("people", 50)
			first.drain()
			spec := schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile}}
			w.control(w.topics.State(), "people", "people", schemas.State{Import: "people", LastNumber: 1, Active: &schemas.ActiveRun{
				Run: "people.1", Number: 1, Attempt: 1, State: schemas.StateLoading, Spec: spec, RecordsTopic: id, StartedAt: time.Now().Add(-time.Minute),
			}})
			w.await("the offsets are deleted", 30*time.Second, func() bool {
				return kafkatest.DeleteOffsets(t.Context(), w.kafka, "loader") == nil
			})
			w.load("people", []row{{identity: "late"}}, 1)
			w.start()
			w.await("the last record", 30*time.Second, func() bool {
				w.cleverTap.mu.Lock()
				defer w.cleverTap.mu.Unlock()
				return len(w.cleverTap.applied) >= c.want
			})
			w.cleverTap.mu.Lock()
			defer w.cleverTap.mu.Unlock()
			if n := len(w.cleverTap.applied); n != c.want {
				t.Errorf("%d records were applied, want %d", n, c.want)
			}
		})
	}
}
