package crash

import (
	"encoding/json"
	"fmt"
	"testing"

	"tapline.dev/tests/harness"
)

// checkDestination compares what CleverTap holds with what the sources hold: the
// last version of every profile, and every event at least as often as it is in
// the table. It returns the number of surplus events.
func checkDestination(t testing.TB, c *harness.Cluster, sources []*source) (surplus int, violations []string) {
	t.Helper()
	profiles := c.Profiles(t)
	bad := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	for _, s := range sources {
		if s.events {
			more, lost := checkEvents(t, c, s)
			surplus += more
			if lost > 0 {
				bad("invariant 6: %s: %d of %d events are missing", s.name, lost, len(s.counts))
			}
			continue
		}
		wrong, example := 0, ""
		for n, version := range s.versions {
			held, ok := profiles[s.identity(n)]
			if s.broken(n) {
				if ok {
					bad("invariant 3: %s was rejected and is there", s.identity(n))
				}
				continue
			}
			if got := fmt.Sprint(held["version"]); !ok || got != fmt.Sprint(version) {
				wrong++
				example = fmt.Sprintf("%s has version %s, the source %d", s.identity(n), got, version)
			}
		}
		if wrong > 0 {
			bad("invariant 4 or 6: %s: %d of %d profiles are not the newest, such as: %s", s.name, wrong, len(s.versions), example)
		}
	}
	return surplus, violations
}

func checkEvents(t testing.TB, c *harness.Cluster, s *source) (surplus, lost int) {
	t.Helper()
	got := make([]int, len(s.counts))
	for _, e := range c.Events(t, s.name) {
		var data struct{ EventID int }
		if err := json.Unmarshal(e.Data, &data); err != nil || data.EventID < 0 || data.EventID >= len(got) {
			t.Fatalf("CleverTap holds an event of %s that nobody wrote: %v", s.name, err)
		}
		got[data.EventID]++
	}
	for n, want := range s.counts {
		surplus += max(0, got[n]-want)
		lost += max(0, want-got[n])
	}
	return surplus, lost
}
