package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestInvariant7: at most one active run per import; at most the configured
// requests in flight per account.
func TestInvariant7(t *testing.T) {
	d := enter(t)
	expectNone(t, slotsHold(t, d))
	expectNone(t, oneRunAtATime(t, d))
}

func TestMutant7NoLease(t *testing.T) { enter(t).withMistake(t, "loader.no-lease", slotsHold) }

func TestMutant7RunsOverlap(t *testing.T) {
	enter(t).withMistake(t, "scheduler.overlap", oneRunAtATime)
}

func slotsHold(t *testing.T, d *world) (violations []string) {
	harness.Eventually(t, 20*time.Second, "nothing is in flight", func() bool { return d.c.Stats(t).InFlight == 0 })
	before := d.c.Stats(t).Refused
	// Two loaders share the slots, and the import's partitions: partitions that are new to
	// both are assigned evenly, which is not so for a loader that joins later.
	d.c.AddReplica(t, "loader")
	defer d.c.RemoveReplica(t, "loader")
	harness.Eventually(t, time.Minute, "two loaders are there", func() bool {
		members, settled, err := kafka.Members(t.Context(), d.c.Kafka(), kafkatest.Deps(), "loader")
		return err == nil && settled && len(members) == 2
	})
	s := newSource(t, d.w, fmt.Sprintf("people-%d", imports.Add(1)), false, 4000)
	d.c.ApplyText(t, strings.Replace(s.definition(), "partitions: 3", "partitions: 12", 1))
	topic := schemas.NewTopics(d.c.Kafka().Prefix).Records(s.name)
	harness.Eventually(t, time.Minute, "two loaders share the partitions", func() bool {
		members, settled, err := kafka.Members(t.Context(), d.c.Kafka(), kafkatest.Deps(), "loader")
		least := 12
		for _, m := range members {
			own := 0
			for _, tp := range m.Partitions {
				if tp.Topic == topic {
					own++
				}
			}
			least = min(least, own)
		}
		return err == nil && settled && len(members) == 2 && least > 2
	})
	d.c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":400}]}`)
	_, violations = d.closes(t, d.c.Trigger(t, s.name), time.Minute)
	if n := d.c.Stats(t).Refused - before; n != 0 {
		violations = append(violations, fmt.Sprintf("CleverTap refused %d requests as more than %d in flight", n, slots))
	}
	return violations
}

func oneRunAtATime(t *testing.T, d *world) (violations []string) {
	s := d.people(t, 600)
	d.c.Faults(t, slow)
	run := d.c.Trigger(t, s.name)
	for range 4 {
		// Some are refused because one waits already.
		_ = d.c.Post(t.Context(), "/v1/imports/"+s.name+"/runs")
	}
	if j := readJournal(t, d.c); len(j.moves(j.states[s.name])) > 0 {
		return j.moves(j.states[s.name])
	}
	if _, v := d.closes(t, run, time.Minute); v != nil {
		return v
	}
	d.c.Faults(t, `{"faults":[]}`)
	if err := d.c.AwaitIdle(t, s.name, 30*time.Second); err != nil {
		return []string{err.Error()}
	}
	j := readJournal(t, d.c)
	violations = j.moves(j.states[s.name])
	for attempt, n := range j.triggers {
		if strings.HasPrefix(attempt, s.name+".") && n != 1 {
			violations = append(violations, fmt.Sprintf("%s was triggered %d times", attempt, n))
		}
	}
	return violations
}

// TestInvariant8: no transient fault rejects a row; no permanent fault is retried
// for ever.
func TestInvariant8(t *testing.T) {
	d := enter(t)
	expectNone(t, transientFaultsRejectNothing(t, d))
	expectNone(t, permanentFaultsEnd(t, d))
}

func TestMutant8TransientFaultRejects(t *testing.T) {
	enter(t).withMistake(t, "loader.500-rejects", transientFaultsRejectNothing)
}

func TestMutant8PermanentFaultRetried(t *testing.T) {
	enter(t).withMistake(t, "loader.malformed-retried", permanentFaultsEnd)
}

func transientFaultsRejectNothing(t *testing.T, d *world) []string {
	s := d.people(t, 500)
	d.c.Faults(t, `{"seed":7,"faults":[{"kind":"500","share":0.4,"count":6}]}`)
	r, violations := d.closes(t, d.c.Trigger(t, s.name), time.Minute)
	if r.Counts.LoadRejected != 0 || r.State != schemas.StateSucceededWithRejects {
		violations = append(violations, fmt.Sprintf("after 500s the run is %s with %d records rejected", r.State, r.Counts.LoadRejected))
	}
	return violations
}

func permanentFaultsEnd(t *testing.T, d *world) []string {
	s := d.people(t, 200)
	d.c.Faults(t, `{"faults":[{"kind":"markerKey","marker":"user17@example.com"}]}`)
	r, violations := d.closes(t, d.c.Trigger(t, s.name), 25*time.Second)
	if violations == nil && (r.Counts.LoadRejected != 1 || r.RejectsByCode["request_malformed"] != 1) {
		violations = append(violations, fmt.Sprintf("a record that CleverTap refuses gives %+v, %v", r.Counts, r.RejectsByCode))
	}
	return violations
}

// TestInvariant9: no identity, property value or secret appears in logs, metrics
// or spans.
func TestInvariant9(t *testing.T) { expectNone(t, nothingLeaks(t, enter(t))) }

func TestMutant9IdentityLogged(t *testing.T) {
	enter(t).withMistake(t, "mapper.identity-logged", nothingLeaks)
}

func nothingLeaks(t *testing.T, d *world) []string {
	s := d.people(t, 0)
	canary := fmt.Sprintf("canary%d", time.Now().UnixNano())
	at := stamp()
	d.w.Exec(t, fmt.Sprintf("INSERT INTO %s VALUES (1,'%s-good',1,1,'%s@example.com','%s'),(2,'%s-bad',1,1,'%s','%s')", s.table, canary, canary, at, canary, canary, at))
	d.c.Faults(t, `{"faults":[{"kind":"500","count":1}]}`)
	run, violations := d.closes(t, d.c.Trigger(t, s.name), 30*time.Second)
	if violations != nil {
		return violations
	}
	harness.Eventually(t, 20*time.Second, "the run's spans have arrived", func() bool { return len(d.collector.Trace(run.TraceID)) > 3 })
	secrets := []string{canary, d.c.Endpoints.CleverTap.Passcode, d.c.Endpoints.Snowflake.Password}
	look := func(where string, text []byte) {
		for i, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				violations = append(violations, fmt.Sprintf("%s holds %s", where, []string{"the canary", "the passcode", "the password"}[i]))
			}
		}
	}
	logs, err := filepath.Glob(filepath.Join(d.c.Dir, "*.log"))
	if err != nil || len(logs) < len(harness.Services) {
		t.Fatalf("found logs %v, %v", logs, err)
	}
	for _, path := range append(logs, d.c.Endpoints.Files["log"]) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		look(filepath.Base(path), text)
	}
	for _, service := range harness.Services {
		look(service+"'s metrics", fetch(t, d.c.Admin[service]+"/metrics"))
	}
	spans, err := json.Marshal(d.collector.Spans())
	if err != nil {
		t.Fatal(err)
	}
	look("a span", spans)
	return violations
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || len(text) == 0 {
		t.Fatalf("GET %s: %s, %d bytes, %v", url, res.Status, len(text), err)
	}
	return text
}

// TestInvariant10: only a single read-only statement ever reaches Snowflake from
// user text.
func TestInvariant10(t *testing.T) { expectNone(t, oneStatementOnly(t, enter(t))) }

func TestMutant10SecondStatementPasses(t *testing.T) {
	enter(t).withMistake(t, "extractor.guard-open", oneStatementOnly)
}

func oneStatementOnly(t *testing.T, d *world) (violations []string) {
	s := newSource(t, d.w, fmt.Sprintf("people-%d", imports.Add(1)), false, 10)
	evil := strings.Replace(s.definition(), "select * from "+s.table, "select * from "+s.table+" ->> drop table "+s.table, 1)
	// It may be refused now or when it runs; Snowflake must never get it.
	if d.c.TryApply(t, evil) == nil {
		run := d.c.Trigger(t, s.name)
		r, v := d.closes(t, run, 40*time.Second)
		violations = append(violations, v...)
		if v == nil && r.State != schemas.StateFailed {
			violations = append(violations, fmt.Sprintf("a run of two statements is %s", r.State))
		}
	}
	for _, text := range d.c.Statements(t) {
		if strings.Contains(strings.ToLower(text), "drop table "+strings.ToLower(s.table)) {
			violations = append(violations, "the second statement reached Snowflake")
			break
		}
	}
	return violations
}
