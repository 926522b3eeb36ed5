package projection_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// TestRunsGoWhenTheirTimeIsOver: hashes and the sorted sets that name them, also
// of an import that never runs again, and however often a run is written.
func TestRunsGoWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		w := projection.NewWriter(client)
		finished := func(name string, ago time.Duration) schemas.Run {
			importName, number, err := schemas.ParseRunID(name)
			if err != nil {
				t.Fatal(err)
			}
			r := run(importName, number, schemas.StateSucceeded)
			end := time.Now().Add(-ago).UTC()
			r.Run, r.StartedAt, r.FinishedAt = name, end.Add(-time.Hour), &end
			return r
		}
		put := func(runs ...schemas.Run) {
			t.Helper()
			for _, r := range runs {
				if err := w.PutRun(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := func(sets map[string][]string, hashes ...string) {
			t.Helper()
			for key, members := range sets {
				got, err := client.ZRange(t.Context(), key, 0, 100, false)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(members, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
			var found []string
			for key, err := range client.Scan(t.Context(), projection.RunKey("")) {
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, key)
			}
			if len(found) != len(hashes) {
				t.Errorf("hashes %v, want those of %v", found, hashes)
			}
		}

		old, dry := finished("idle.1", projection.RunTTL-time.Minute), finished("idle.d1", projection.RunTTL-time.Minute)
		waiting := run("a", 1, schemas.StateLoading)
		waiting.StartedAt = time.Now().Add(-2 * projection.RunTTL).UTC()
		put(old, dry, waiting, finished("a.2", projection.RunTTL), finished("a.3", time.Hour))
		want(map[string][]string{
			"runs": {"a.1", "idle.1", "a.3"}, "runs:a": {"a.1", "a.3"}, "runs:idle": {"idle.1"}, "dryruns": {"idle.d1"}, "dryruns:idle": {"idle.d1"},
		}, "a.1", "a.3", "idle.1", "idle.d1")

		time.Sleep(40 * time.Second)
		put(old, dry) // as a new owner does
		time.Sleep(30 * time.Second)
		put(finished("a.4", 0), finished("a.d1", 0))
		want(map[string][]string{
			"runs": {"a.1", "a.3", "a.4"}, "runs:a": {"a.1", "a.3", "a.4"}, "runs:idle": {}, "dryruns": {"a.d1"}, "dryruns:idle": {},
		}, "a.1", "a.3", "a.4", "a.d1")

		put(finished("a.3", projection.RunTTL))
		want(map[string][]string{"runs": {"a.1", "a.4"}, "runs:a": {"a.1", "a.4"}}, "a.1", "a.4", "a.d1")
	})
}
