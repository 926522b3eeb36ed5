package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

const slow = `{"faults":[{"kind":"latency","latencyMs":700}]}`

func expectNone(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}

// TestInvariant1: an offset is committed only after everything made from the
// record is durable downstream.
func TestInvariant1(t *testing.T) { expectNone(t, commitsFollowReceipts(t, enter(t))) }

func TestMutant1CommitBeforeReceipt(t *testing.T) {
	enter(t).withMistake(t, "loader.commit-early", commitsFollowReceipts)
}

func commitsFollowReceipts(t *testing.T, d *world) (violations []string) {
	s := d.people(t, 2000)
	d.c.Faults(t, slow)
	run := d.c.Trigger(t, s.name)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && len(violations) == 0; {
		// The commits are read before the receipts that must be older.
		committed, err := kafka.Committed(t.Context(), d.c.Kafka(), kafkatest.Deps(), "loader")
		if err != nil {
			t.Fatal(err)
		}
		over := false
		if r, ok := d.c.Run(t, run); ok {
			over = schemas.Terminal(r.State)
		}
		receipts := readJournal(t, d.c).receipts
		for tp, offsets := range d.recordOffsets(t, s.name, 3) {
			for _, offset := range offsets {
				if offset < committed[tp] && !receipts[tp][offset] {
					violations = append(violations, fmt.Sprintf("partition %d is committed up to %d and offset %d has no receipt", tp.Partition, committed[tp], offset))
					break
				}
			}
		}
		if over {
			return violations
		}
	}
	return violations
}

// TestInvariant2: a watermark moves only after the run's counts closed, never
// past the clock less the lookback, never backwards.
func TestInvariant2(t *testing.T) { expectNone(t, watermarkWaits(t, enter(t))) }

func TestMutant2WatermarkAtTheFinalReport(t *testing.T) {
	enter(t).withMistake(t, "scheduler.watermark-at-final", watermarkWaits)
}

func watermarkWaits(t *testing.T, d *world) []string {
	s := d.people(t, 1000)
	for range 2 {
		d.c.Faults(t, slow)
		run := d.c.Trigger(t, s.name)
		d.c.Await(t, run, 30*time.Second, "the extraction is over", func(r schemas.Run) bool {
			return r.State == schemas.StateLoading || schemas.Terminal(r.State)
		})
		d.c.Faults(t, `{"faults":[]}`)
		if _, v := d.closes(t, run, 30*time.Second); v != nil {
			return v
		}
		s.update(t, d.w, 3, 1)
	}
	j := readJournal(t, d.c)
	return j.moves(j.states[s.name])
}

// TestInvariant3: every row read ends in exactly one counted outcome.
func TestInvariant3(t *testing.T) { expectNone(t, everyRowIsCounted(t, enter(t))) }

func TestMutant3SkippedRowsUncounted(t *testing.T) {
	enter(t).withMistake(t, "mapper.skip-uncounted", everyRowIsCounted)
}

func everyRowIsCounted(t *testing.T, d *world) []string {
	const rows = 1000
	s := d.people(t, rows)
	mapper := d.c.Services["mapper"]
	mapper.Kill()
	run := d.c.Trigger(t, s.name)
	d.c.Await(t, run, 30*time.Second, "everything is read", func(r schemas.Run) bool { return r.Counts.Extracted == rows })
	if err := d.c.Post(t.Context(), "/v1/runs/"+run+"/cancel"); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, 20*time.Second, "the state says that the run is to end", func() bool {
		states := readJournal(t, d.c).states[s.name]
		last := states[len(states)-1]
		return last.Active == nil || last.Active.Ending != nil
	})
	mapper.Start(t)
	r, violations := d.closes(t, run, 20*time.Second)
	if violations != nil {
		return violations
	}
	if r.State != schemas.StateCancelled || r.Counts.MapSkipped != rows || r.SkippedByReason[schemas.SkipCancelled] != rows {
		violations = append(violations, fmt.Sprintf("the cancelled run is %s with counts %+v", r.State, r.Counts))
	}
	again := d.c.Close(t, d.c.Trigger(t, s.name), 30*time.Second)
	want := schemas.Counts{Read: rows, Extracted: rows, Mapped: rows - rows/brokenEvery, MapRejected: rows / brokenEvery, Loaded: rows - rows/brokenEvery}
	if again.Counts != want {
		violations = append(violations, fmt.Sprintf("the next run counts %+v, want %+v", again.Counts, want))
	}
	return violations
}

// TestInvariant4: uploads of one identity keep their order.
func TestInvariant4(t *testing.T) { expectNone(t, versionsKeepTheirOrder(t, enter(t))) }

func TestMutant4IdentityLockIgnored(t *testing.T) {
	enter(t).withMistake(t, "loader.lock-ignored", versionsKeepTheirOrder)
}

func versionsKeepTheirOrder(t *testing.T, d *world) (violations []string) {
	const identities, versions = 20, 60
	s := d.people(t, 0)
	at := time.Now().UTC().Add(-time.Hour)
	var values []string
	for v := range versions {
		for n := range identities {
			values = append(values, fmt.Sprintf("(%d,'%s',%d,%s,'user%d@example.com','%s')", n, s.identity(n), v, big, n,
				at.Add(time.Duration(v)*time.Second).Format("2006-01-02 15:04:05")))
		}
	}
	for len(values) > 0 {
		some := values[:min(1000, len(values))]
		values = values[len(some):]
		d.w.Exec(t, "INSERT INTO "+s.table+" VALUES "+strings.Join(some, ","))
	}
	d.c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":1,"jitterMs":300}]}`)
	if _, v := d.closes(t, d.c.Trigger(t, s.name), time.Minute); v != nil {
		return v
	}
	last := map[string]int{}
	d.c.Applied(t, func(raw json.RawMessage, _ time.Time) {
		var record struct {
			Identity    string
			ProfileData struct{ Version int }
		}
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(record.Identity, s.name+"-") {
			return
		}
		if v := record.ProfileData.Version; v < last[record.Identity] {
			violations = append(violations, fmt.Sprintf("%s: version %d arrived after %d", record.Identity, v, last[record.Identity]))
		} else {
			last[record.Identity] = v
		}
	})
	for n := range identities {
		if v := last[s.identity(n)]; v != versions-1 {
			violations = append(violations, fmt.Sprintf("%s: the newest version is %d, want %d", s.identity(n), v, versions-1))
		}
	}
	return violations
}

// TestInvariant5: values are never coerced silently.
func TestInvariant5(t *testing.T) { expectNone(t, valuesAreExact(t, enter(t))) }

func TestMutant5IntegersAsFloats(t *testing.T) {
	enter(t).withMistake(t, "mapping.integer-as-float", valuesAreExact)
}

func valuesAreExact(t *testing.T, d *world) (violations []string) {
	s := d.people(t, 10)
	if _, v := d.closes(t, d.c.Trigger(t, s.name), 30*time.Second); v != nil {
		return v
	}
	for n := range 10 {
		history := d.c.History(t, s.identity(n))
		if len(history) != 1 || !bytes.Contains(history[0], []byte(big)) {
			violations = append(violations, fmt.Sprintf("%s: %s is not in what arrived, %s", s.identity(n), big, history))
		}
	}
	return violations
}

// TestInvariant6: SIGTERM drains; SIGKILL at any instant loses nothing.
func TestInvariant6(t *testing.T) {
	d := enter(t)
	expectNone(t, terminationDrains(t, d))
	expectNone(t, killsLoseNothing(t, d))
}

func TestMutant6TerminationDropsRequests(t *testing.T) {
	enter(t).withMistake(t, "loader.no-drain", terminationDrains)
}

func TestMutant6RecordsOfAKilledLoaderLost(t *testing.T) {
	enter(t).withMistake(t, "loader.commit-early", killsLoseNothing)
}

func loadingWell(r schemas.Run) bool { return r.Counts.Loaded > 0 || schemas.Terminal(r.State) }

func terminationDrains(t *testing.T, d *world) (violations []string) {
	s := d.people(t, 3000)
	d.c.Faults(t, slow)
	run := d.c.Trigger(t, s.name)
	d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
	loader := d.c.Services["loader"]
	loader.Stop(t)
	loader.Start(t)
	r, violations := d.closes(t, run, time.Minute)
	if r.Counts.Resent != 0 {
		violations = append(violations, fmt.Sprintf("%d records were sent again after SIGTERM", r.Counts.Resent))
	}
	return violations
}

func killsLoseNothing(t *testing.T, d *world) []string {
	s := d.people(t, 3000)
	d.c.Faults(t, slow)
	run := d.c.Trigger(t, s.name)
	d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
	loader := d.c.Services["loader"]
	loader.Kill()
	loader.Start(t)
	r, violations := d.closes(t, run, 40*time.Second)
	if violations != nil {
		return violations
	}
	_, violations = checkDestination(t, d.c, []*source{s})
	if r.Counts.Resent > slots*perUpload {
		violations = append(violations, fmt.Sprintf("%d records were sent again, the bound is %d", r.Counts.Resent, slots*perUpload))
	}
	return violations
}
