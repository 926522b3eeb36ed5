package runs

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func TestSubscription(t *testing.T) {
	t.Parallel()
	imports := kafka.NewTable(kafkatest.Deps(), importNames(schemas.NewTopics("")))
	s := newSubscription(imports, func(name string) string { return "rows." + name }, "always")
	applied := func(name string, value []byte) { imports.Apply(&kafka.Record{Key: []byte(name), Value: value}) }
	applied("before", []byte("{}"))
	applied("unreadable", []byte("{")) // its rows are consumed all the same
	applied("never", nil)

	added := make(chan string, 10)
	stop := s.Follow(func(topics ...string) {
		for _, topic := range topics {
			added <- topic
		}
	})
	next := func() string {
		t.Helper()
		select {
		case topic := <-added:
			return topic
		case <-time.After(10 * time.Second):
			t.Fatal("no topic was added")
			return ""
		}
	}
	first := []string{next(), next(), next()}
	slices.Sort(first)
	if diff := cmp.Diff([]string{"always", "rows.before", "rows.unreadable"}, first); diff != "" {
		t.Errorf("topics at first (-want +got):\n%s", diff)
	}
	applied("after", []byte("{}"))
	if got := next(); got != "rows.after" {
		t.Errorf("then %s was added, want rows.after", got)
	}
	applied("after", []byte("{}"))
	applied("after", nil) // deleted: its topic may still hold rows of a run
	stop()
	applied("late", []byte("{}"))
	if len(added) > 0 {
		t.Errorf("%s was added twice or after the end", <-added)
	}

	s.Follow(func(topics ...string) {
		for _, topic := range topics {
			added <- topic
		}
	})()
	var again []string
	for len(added) > 0 {
		again = append(again, <-added)
	}
	slices.Sort(again)
	if diff := cmp.Diff([]string{"always", "rows.after", "rows.before", "rows.late", "rows.unreadable"}, again); diff != "" {
		t.Errorf("topics of the next membership (-want +got):\n%s", diff)
	}
}
