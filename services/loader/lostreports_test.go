package loader

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/recovery"
)

// TestANewestVersionAfterLostReports: the offset of one record cannot be committed, because
// CleverTap does not take it. Behind it the older version of another profile is sent, the
// reports topic is made anew, and the newer version is sent. The next owner knows that the
// newer one was sent, and not that the older one was: of profiles it sends nothing of the run
// again, so that the newer one is the last. Events are stored once each, and those with an
// outcome are not sent again.
func TestANewestVersionAfterLostReports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec schemas.ImportSpec
		a, b []int
	}{
		"profiles":                {schemas.ImportSpec{}, []int{1, 2}, nil},
		"profiles with operators": {schemas.ImportSpec{Mapping: []schemas.Property{{From: "V", To: "v", Op: "incr"}}}, []int{1, 2}, nil},
		"events":                  {schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}}, []int{1, 2, 1}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 1, Slots: 5})
			w.importOf("customers", 1, c.spec)
			w.load("customers", []row{{identity: "c", version: 1}}, 1)
			earlier := w.start()
			w.settled("customers", 1)
			earlier.drain() // the group holds an offset, with the id of the topic
			var takes atomic.Bool
			w.cleverTap.decide = func(_ int, records []sent) answer {
				if records[0].Identity == "b" && !takes.Load() {
					return answer{status: 503, skip: true, body: "busy"}
				}
				return answer{}
			}
			arrived := func(want ...int) func() bool {
				return func() bool { return slices.Equal(w.versionsOf("a"), want) }
			}
			first := w.start()
			w.load("customers", []row{{identity: "b", version: 1}, {identity: "a", version: 1}}, 1)
			w.await("the older version", 20*time.Second, arrived(1))
			w.loseReports()
			w.load("customers", []row{{identity: "a", version: 2}}, 1)
			w.await("the newer version", 20*time.Second, arrived(1, 2))
			first.drain()
			takes.Store(true)
			w.start()
			w.await("all to have an outcome", 40*time.Second, func() bool { return w.committed("customers", 1)[0] >= w.end("customers")-1 }) // a marker is the last
			w.load("customers", []row{{identity: "d", version: 1}}, 1)
			w.await("a later record", 40*time.Second, func() bool { return len(w.versionsOf("d")) == 1 })
			if a, b := w.versionsOf("a"), w.versionsOf("b"); !slices.Equal(a, c.a) || !slices.Equal(b, c.b) {
				t.Errorf("versions of one identity arrived in the order %v, want %v; of the one that was not taken %v, want %v", a, c.a, b, c.b)
			}
		})
	}
}

// loseReports deletes the reports topic and creates it again.
func (w *world) loseReports() {
	w.t.Helper()
	if err := kafka.DeleteTopics(w.t.Context(), w.kafka, w.deps, w.topics.Reports()); err != nil {
		w.t.Fatal(err)
	}
	w.await("the topic to be created again", 20*time.Second, func() bool {
		return kafka.EnsureTopics(w.t.Context(), w.kafka, w.deps, w.topics.Catalogue()) == nil
	})
}

// end is the end of the first partition of an import's records.
func (w *world) end(name string) int64 {
	end, err := w.reader.EndOffset(w.t.Context(), kafka.TP{Topic: w.topics.Records(name)})
	if err != nil {
		w.t.Error(err)
	}
	return end
}

// TestAnOffsetAheadAndBack: within a run a person sets the loader's offset ahead, and later
// back to where it was. The profiles between are not sent after the newer ones: they are
// skipped as stopped, with which no run succeeds. Those that are behind are sent. Nothing of
// that concerns events, of which each is stored.
func TestAnOffsetAheadAndBack(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]struct {
		versions []int
		stopped  int
	}{
		schemas.TypeProfile: {[]int{1, 4, 5}, 2},
		schemas.TypeEvent:   {[]int{1, 4, 2, 3, 5}, 0},
	} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 1, Slots: 5})
			w.importOf("customers", 1, schemas.ImportSpec{Destination: schemas.Destination{Type: typ}})
			first := w.start()
			w.load("customers", []row{{identity: "a", version: 1}}, 1)
			w.settled("customers", 1)
			first.drain()
			before := w.end("customers")
			w.load("customers", []row{{identity: "a", version: 2}, {identity: "a", version: 3}}, 1)
			passed := w.end("customers") - before
			if err := kafkatest.MoveOffsets(t.Context(), w.kafka, Group, passed); err != nil {
				t.Fatal(err)
			}
			second := w.start()
			w.load("customers", []row{{identity: "a", version: 4}}, 1)
			w.settled("customers", 2)
			second.drain()
			if err := kafkatest.MoveOffsets(t.Context(), w.kafka, Group, -100); err != nil {
				t.Fatal(err)
			}
			w.load("customers", []row{{identity: "a", version: 5}}, 1)
			w.start()
			w.settled("customers", 5)
			if got := w.versionsOf("a"); !slices.Equal(got, want.versions) {
				t.Errorf("versions arrived in the order %v, want %v", got, want.versions)
			}
			if got := w.tally("customers").byOutcome[schemas.SkipStopped]; got != want.stopped {
				t.Errorf("%d records were skipped as stopped, want %d", got, want.stopped)
			}
		})
	}
}

// TestACommitPastTheEnd: a broker that had not copied the newest records leads, so that the
// offset that the loader itself committed lies past the end. It goes on at the end, and what
// was reported of the lost records says nothing of those that take their offsets.
func TestACommitPastTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	first := w.start()
	w.load("customers", []row{{identity: "a", version: 1}, {identity: "a", version: 2}}, 1)
	w.settled("customers", 2)
	first.drain()
	end := w.end("customers")
	past := recovery.CommitMetadata{Reports: 0, Prev: end + 8}.String()
	if err := kafkatest.SetOffset(t.Context(), w.kafka, Group, kafka.TP{Topic: w.topics.Records("customers")}, end+10, past); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.await("the end of the topic to be committed", 20*time.Second, func() bool { return w.committed("customers", 1)[0] == end })
	w.load("customers", []row{{identity: "a", version: 3}}, 1)
	w.await("what comes", 20*time.Second, func() bool { return slices.Equal(w.versionsOf("a"), []int{1, 2, 3}) })
}

// TestAnOffsetPastTheEnd: a person sets the loader's offset past the end of the topic. What
// was sent is not sent again, what was passed over has no outcome, and what comes is sent.
func TestAnOffsetPastTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	first := w.start()
	w.load("customers", []row{{identity: "a", version: 1}, {identity: "a", version: 2}}, 1)
	w.settled("customers", 2)
	first.drain()
	w.load("customers", []row{{identity: "a", version: 3}}, 1) // is passed over
	if err := kafkatest.MoveOffsets(t.Context(), w.kafka, Group, 50); err != nil {
		t.Fatal(err)
	}
	second := w.start()
	w.await("the end of the topic to be committed", 20*time.Second, func() bool { return w.committed("customers", 1)[0] < 50 })
	w.load("customers", []row{{identity: "a", version: 4}}, 1)
	w.await("what comes", 20*time.Second, func() bool { return slices.Contains(w.versionsOf("a"), 4) })
	second.drain()
	if got, want := w.versionsOf("a"), []int{1, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("versions arrived in the order %v, want %v", got, want)
	}
}

// versionsOf are the versions of an identity that CleverTap has applied, in their order.
func (w *world) versionsOf(identity string) (versions []int) {
	for _, s := range w.cleverTap.got() {
		if s.Identity == identity {
			versions = append(versions, s.Version)
		}
	}
	return versions
}
