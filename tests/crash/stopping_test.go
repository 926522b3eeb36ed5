package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
	"tapline.dev/tests/servers"
)

const (
	// What docs/operations.md and docs/suppression.md promise.
	freezeWithin   = 2 * time.Second
	suppressWithin = 5 * time.Second
	// The clock of the test and that of the sandbox are one. What remains is the way of
	// a request to the sandbox.
	transit = 100 * time.Millisecond

	stopping     = 20_000 // rows of an import that is stopped under way
	stopLatency  = 150 * time.Millisecond
	stopSlots    = 5 // as many uploads of 50 records take 12 s for all rows
	loaders      = 3
	everySo      = 100 // of the people one is suppressed
	suppressible = 7   // the rest of their number
)

// stopped is a cluster with three loaders and a Redis of its own, which the tests kill.
type stopped struct {
	*world
	redis *servers.Redis
}

var stoppedWorld *stopped

// enterStopped returns the cluster, started by the first test that needs it.
func enterStopped(t *testing.T) *stopped {
	t.Helper()
	if os.Getenv("TAPLINE_TEST_CRASH") == "" {
		t.Skip("make test-crash")
	}
	if stoppedWorld == nil {
		redis, err := servers.StartRedis(t.Context(), clusterTB.TempDir())
		if errors.Is(err, servers.ErrMissing) && os.Getenv("CI") != "true" {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		clusterTB.Cleanup(redis.Stop)
		t.Setenv("TAPLINE_TEST_REDIS", redis.Addr)
		c := harness.Start(&clusterTB, harness.Options{
			Separate: true, Replicas: map[string]int{"loader": loaders},
			Env: []string{"TAPLINE_SUPPRESSION_KEYS=a-key-of-the-tests-and-of-nothing-else"},
		})
		stoppedWorld = &stopped{&world{c: c, w: c.Warehouse(t)}, redis}
		c.SetAccount(t, map[string]any{"recordsPerUpload": perUpload, "slots": stopSlots})
	}
	return stoppedWorld
}

// underWay starts a run that takes long and returns once a tenth of it is loaded and
// every loader has a part of it.
func (d *stopped) underWay(t *testing.T) (s *source, run string, before harness.Stats) {
	t.Helper()
	s = newSource(t, d.w, fmt.Sprintf("stopped-%d", imports.Add(1)), false, stopping)
	d.c.ApplyText(t, strings.Replace(s.definition(), "partitions: 3", "partitions: 12", 1))
	topic := schemas.NewTopics(d.c.Kafka().Prefix).Records(s.name)
	harness.Eventually(t, time.Minute, "every loader has a part of the import", func() bool {
		members, settled, err := kafka.Members(t.Context(), d.c.Kafka(), kafkatest.Deps(), "loader")
		if err != nil || !settled || len(members) != loaders {
			return false
		}
		for _, m := range members {
			own := 0
			for _, tp := range m.Partitions {
				if tp.Topic == topic {
					own++
				}
			}
			if own == 0 {
				return false
			}
		}
		return true
	})
	d.c.Faults(t, fmt.Sprintf(`{"faults":[{"kind":"latency","latencyMs":%d}]}`, stopLatency.Milliseconds()))
	before = d.c.Stats(t)
	run = d.c.Trigger(t, s.name)
	harness.Eventually(t, time.Minute, "a tenth is loaded", func() bool { return d.c.Stats(t).Records-before.Records > stopping/10 })
	return s, run, before
}

// finish lets a run end quickly. Its counts must be exact.
func (d *stopped) finish(t *testing.T, run string, before harness.Stats) (r schemas.Run, violations []string) {
	t.Helper()
	d.c.Faults(t, `{"faults":[]}`)
	r, violations = d.closes(t, run, time.Minute)
	n := r.Counts
	if violations == nil && (n.Read != stopping || n.Read != n.Extracted+n.ExtractSkipped || n.Extracted != n.Mapped+n.MapRejected+n.MapSkipped ||
		n.Mapped != n.Loaded+n.LoadSkipped || n.MapRejected != stopping/brokenEvery || n.Resent != 0) {
		violations = append(violations, fmt.Sprintf("the counts of %s do not add up: %+v", run, n))
	}
	if got := d.c.Stats(t).Records - before.Records; violations == nil && got != n.Loaded {
		violations = append(violations, fmt.Sprintf("CleverTap got %d records and %d are loaded", got, n.Loaded))
	}
	return r, violations
}

// TestInvariantFreeze: three loaders are busy and Redis is killed while somebody freezes
// the account. No upload begins later than two seconds after the answer; after the
// unfreeze the run goes on, and nothing is lost or sent twice.
func TestInvariantFreeze(t *testing.T) { expectNone(t, freezeHolds(t, enterStopped(t))) }

func TestMutantFreezeIgnored(t *testing.T) {
	d := enterStopped(t)
	d.withMistake(t, "loader.freeze-ignored", func(t *testing.T, _ *world) []string { return freezeHolds(t, d) })
}

func freezeHolds(t *testing.T, d *stopped) (violations []string) {
	s, run, before := d.underWay(t)
	d.redis.Kill()
	name, said, code := d.c.Tapline(t, "", "freeze", "--account", "clevertap", "--reason", "wrong campaign")
	answered := time.Now()
	if code != 0 {
		t.Fatalf("tapline freeze: exit code %d: %s", code, said)
	}
	time.Sleep(freezeWithin + 2*time.Second) // in which an upload may begin too late
	if n := d.c.Stats(t).Records - before.Records; n >= stopping-stopping/brokenEvery {
		return []string{"everything was sent in spite of the freeze"}
	}
	begun := 0
	for _, u := range d.c.Uploads(t) {
		if u.DryRun {
			continue
		}
		if begun++; u.Time.After(answered.Add(freezeWithin + transit)) {
			violations = append(violations, fmt.Sprintf("an upload of %d records arrived %s after the freeze was acknowledged", u.Records, u.Time.Sub(answered)))
		}
	}
	if begun == 0 {
		t.Fatal("there were no uploads: the test shows nothing")
	}
	if shown := d.c.Say("get", "freezes"); !strings.Contains(shown, s.name) || !strings.Contains(shown, "wrong campaign") {
		violations = append(violations, "without Redis it is not shown what is frozen, and why: "+shown)
	}
	if err := d.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var r schemas.Run
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !frozen(r); time.Sleep(50 * time.Millisecond) { // between looks
		r, _ = d.c.Run(t, run)
	}
	if !frozen(r) {
		violations = append(violations, fmt.Sprintf("the run does not say that it is frozen, and why: %+v", r.Waiting))
	}
	if _, said, code := d.c.Tapline(t, "", "unfreeze", strings.TrimSpace(name)); code != 0 {
		t.Fatalf("tapline unfreeze: exit code %d: %s", code, said)
	}
	_, more := d.finish(t, run, before)
	return append(violations, more...)
}

func frozen(r schemas.Run) bool {
	return r.Waiting != nil && strings.HasPrefix(r.Waiting.Reason, "frozen") && strings.HasSuffix(r.Waiting.Reason, "wrong campaign")
}

// TestInvariantSuppression: people are suppressed while three loaders are busy with a
// run that holds them. Nothing of them is sent in an upload that begins later than five
// seconds after the answer, by this run or the next; once they are released, the
// next version of each is.
func TestInvariantSuppression(t *testing.T) { expectNone(t, suppressionHolds(t, enterStopped(t))) }

func TestMutantSuppressedSent(t *testing.T) {
	d := enterStopped(t)
	d.withMistake(t, "loader.suppressed-sent", func(t *testing.T, _ *world) []string { return suppressionHolds(t, d) })
}

func suppressionHolds(t *testing.T, d *stopped) (violations []string) {
	s, run, before := d.underWay(t)
	var people []string
	for n := suppressible; n < stopping; n += everySo {
		people = append(people, s.identity(n))
	}
	list := strings.Join(people, "\n") + "\n"
	if _, said, code := d.c.Tapline(t, list, "suppress", "add", "--account", "clevertap"); code != 0 {
		t.Fatalf("tapline suppress add: exit code %d: %s", code, said)
	}
	acknowledged := time.Now()
	released := false
	defer func() {
		if !released {
			d.c.Tapline(t, list, "suppress", "remove", "--account", "clevertap")
		}
	}()
	time.Sleep(suppressWithin + time.Second) // in which an upload may begin too late
	r, violations := d.finish(t, run, before)
	if skipped := r.Counts.LoadSkipped + r.Counts.MapSkipped + r.Counts.ExtractSkipped; violations == nil && (skipped == 0 || skipped == int64(len(people))) {
		violations = append(violations, fmt.Sprintf("%d of %d people were skipped: the test shows nothing", skipped, len(people)))
	}
	s.update(t, d.w, everySo, suppressible)
	if r, v := d.closes(t, d.c.Trigger(t, s.name), time.Minute); v != nil || r.Counts.Loaded != 0 {
		violations = append(violations, append(v, fmt.Sprintf("the next run loaded %d records of people who are suppressed", r.Counts.Loaded))...)
	}
	violations = append(violations, d.sentLate(t, people, acknowledged)...)

	if _, said, code := d.c.Tapline(t, list, "suppress", "remove", "--account", "clevertap"); code != 0 {
		t.Fatalf("tapline suppress remove: exit code %d: %s", code, said)
	}
	released = true
	s.update(t, d.w, everySo, suppressible)
	if r, v := d.closes(t, d.c.Trigger(t, s.name), time.Minute); v != nil || r.Counts.Loaded != int64(len(people)) {
		violations = append(violations, append(v, fmt.Sprintf("after the removal %d of %d people were loaded", r.Counts.Loaded, len(people)))...)
	}
	return violations
}

// sentLate names the records of people that began too late after the acknowledgement.
func (d *stopped) sentLate(t *testing.T, people []string, acknowledged time.Time) (violations []string) {
	t.Helper()
	gone := map[string]bool{}
	for _, identity := range people {
		gone[identity] = true
	}
	late, latest := 0, time.Duration(0)
	d.c.Applied(t, func(raw json.RawMessage, at time.Time) {
		var record struct{ Identity string }
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		if after := at.Sub(acknowledged); gone[record.Identity] && after > suppressWithin+stopLatency+transit {
			late++
			latest = max(latest, after)
		}
	})
	if late > 0 {
		violations = append(violations, fmt.Sprintf("%d records of suppressed people were sent, up to %s after the acknowledgement", late, latest))
	}
	return violations
}
