package loader

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestANewestVersionAfterLostReports: the offset of one record cannot be committed, because
// CleverTap does not take it. Behind it the older version of another profile is sent, the
// reports topic is made anew, and the newer version is sent. The next owner knows that the
// newer one was sent, and not that the older one was: it sends both, so that the newer one
// is the last. Events are stored once each, and those with an outcome are not sent again.
func TestANewestVersionAfterLostReports(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string][]int{schemas.TypeProfile: {1, 2, 1, 2}, schemas.TypeEvent: {1, 2, 1}} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 1, Slots: 5})
			w.importOf("customers", 1, schemas.ImportSpec{Destination: schemas.Destination{Type: typ}})
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
			if err := kafka.DeleteTopics(t.Context(), w.kafka, w.deps, w.topics.Reports()); err != nil {
				t.Fatal(err)
			}
			w.await("the topic to be created again", 20*time.Second, func() bool {
				return kafka.EnsureTopics(t.Context(), w.kafka, w.deps, w.topics.Catalogue()) == nil
			})
			w.load("customers", []row{{identity: "a", version: 2}}, 1)
			w.await("the newer version", 20*time.Second, arrived(1, 2))
			first.drain()
			takes.Store(true)
			w.start()
			w.await("the record that was not taken", 40*time.Second, func() bool { return len(w.versionsOf("b")) == 1 })
			w.await("what is sent again", 40*time.Second, func() bool { return len(w.versionsOf("a")) == len(want) })
			w.load("customers", []row{{identity: "d", version: 1}}, 1)
			w.await("a later record", 40*time.Second, func() bool { return len(w.versionsOf("d")) == 1 })
			if got := w.versionsOf("a"); !slices.Equal(got, want) {
				t.Errorf("versions of one identity arrived in the order %v, want %v", got, want)
			}
		})
	}
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
