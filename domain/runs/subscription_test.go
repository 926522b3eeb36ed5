package runs_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
)

func TestSubscription(t *testing.T) {
	t.Parallel()
	s := runs.NewSubscription(func(name string) string { return "rows." + name }, "always")
	applied := func(name string, value []byte) { s.Apply(&kafka.Record{Key: []byte(name), Value: value}) }
	applied("before", []byte("{}"))
	applied("gone", nil)
	var got []string
	stop := s.Follow(func(topics ...string) { got = append(got, topics...) })
	applied("after", []byte("{}"))
	applied("after", []byte("{}"))
	stop()
	applied("late", []byte("{}"))
	slices.Sort(got)
	if diff := cmp.Diff([]string{"always", "rows.after", "rows.before"}, got); diff != "" {
		t.Errorf("topics mismatch (-want +got):\n%s", diff)
	}
}
