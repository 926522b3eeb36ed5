package crash

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// replayedRows make more rejects than a replay takes in two transactions.
const replayedRows = 4500

// TestInvariantReplay: a service is killed at each step of a replay, and a replay is
// cancelled under way. Each event that was rejected is loaded once.
func TestInvariantReplay(t *testing.T) {
	d := enter(t)
	expectNone(t, killedReplaysAreExact(t, d))
	expectNone(t, cancelledReplayGoesOn(t, d))
}

func TestMutantReplayedEventsSentAgain(t *testing.T) {
	enter(t).withMistake(t, "extractor.replayed-events-sent-again", cancelledReplayGoesOn)
}

// rejectHalf is an import of events of which every second row was rejected by a mapping that
// is corrected now.
func (d *world) rejectHalf(t *testing.T) (s *source, rejected int64) {
	t.Helper()
	s = newSource(t, d.w, fmt.Sprintf("replayed-%d", imports.Add(1)), true, replayedRows)
	good := s.definition() + "  limits: {maxRejectRatio: 0.9}\n"
	d.c.ApplyText(t, strings.Replace(good, "    - EVENT_ID -> eventId\n", `    - EVENT_ID -> eventId
    - {expr: 'number(EVENT_ID % 2 == 0 ? "none" : "1")', to: one}
`, 1))
	r := d.c.Close(t, d.c.Trigger(t, s.name), time.Minute)
	if r.State != schemas.StateSucceededWithRejects || r.Counts.MapRejected < replayedRows/2 {
		t.Fatalf("the run with the wrong mapping: %s, %+v, %+v", r.State, r.Counts, r.Error)
	}
	d.c.ApplyText(t, good)
	return s, r.Counts.MapRejected
}

// replay begins a replay of everything.
func (d *world) replay(t *testing.T, s *source) (run string) {
	t.Helper()
	out, code := d.c.CLI(t, "replay", s.name, "--yes", "-o", "json")
	var r schemas.Run
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("tapline replay: exit code %d: %s", code, out)
	}
	return r.Run
}

// killedReplaysAreExact kills the extractor at each step of a replay, and the other services
// while its records are loaded.
func killedReplaysAreExact(t *testing.T, d *world) (violations []string) {
	for _, point := range []string{"before-started=kill:1", "before-taken=kill:2", "in-transaction=kill:2", "before-final=kill:1"} {
		s, rejected := d.rejectHalf(t)
		died := d.armed(t, "extractor", point)
		run := d.replay(t, s)
		died()
		violations = append(violations, d.replayEnds(t, s, rejected, run, point)...)
	}
	for _, service := range []string{"scheduler", "mapper", "loader"} {
		s, rejected := d.rejectHalf(t)
		d.c.Faults(t, slow)
		run := d.replay(t, s)
		d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
		p := d.c.Services[service]
		p.Kill()
		p.Start(t)
		d.c.Faults(t, `{"faults":[]}`)
		violations = append(violations, d.replayEnds(t, s, rejected, run, "the "+service+" killed")...)
	}
	return violations
}

func (d *world) replayEnds(t *testing.T, s *source, rejected int64, run, how string) []string {
	t.Helper()
	r, open := d.closes(t, run, time.Minute)
	if open != nil {
		return open
	}
	return d.checkReplayed(t, s, rejected, how, r)
}

// checkReplayed compares what the replays took and CleverTap holds with what was rejected.
func (d *world) checkReplayed(t *testing.T, s *source, rejected int64, how string, replays ...schemas.Run) (violations []string) {
	t.Helper()
	var loaded, resent int64
	for _, r := range replays {
		loaded, resent = loaded+r.Counts.Loaded, resent+r.Counts.Resent
	}
	if last := replays[len(replays)-1]; last.State != schemas.StateSucceeded || loaded != rejected || last.WatermarkTo != "" {
		violations = append(violations, fmt.Sprintf("%s: %d rows were rejected, and the replays, the last of which is %s, have loaded %d", how, rejected, last.State, loaded))
	}
	surplus, lost := checkEvents(t, d.c, s)
	if lost > 0 || int64(surplus) > resent {
		violations = append(violations, fmt.Sprintf("%s: %d events are lost, and CleverTap has %d too often, of which %d are counted", how, lost, surplus, resent))
	}
	return violations
}

// cancelledReplayGoesOn cancels a replay under way. The next one takes what is left.
func cancelledReplayGoesOn(t *testing.T, d *world) (violations []string) {
	s, rejected := d.rejectHalf(t)
	d.c.Faults(t, slow)
	run := d.replay(t, s)
	d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
	if out, code := d.c.CLI(t, "cancel", run); code != 0 {
		t.Fatalf("tapline cancel: exit code %d: %s", code, out)
	}
	first, open := d.closes(t, run, time.Minute)
	if open != nil {
		return open
	}
	d.c.Faults(t, `{"faults":[]}`)
	if first.State != schemas.StateCancelled || first.Counts.Loaded == 0 || first.Counts.Loaded == rejected {
		t.Fatalf("the replay was not cancelled under way: %s, %+v", first.State, first.Counts)
	}
	second, open := d.closes(t, d.replay(t, s), time.Minute)
	if open != nil {
		return open
	}
	return d.checkReplayed(t, s, rejected, "after a cancel", first, second)
}
