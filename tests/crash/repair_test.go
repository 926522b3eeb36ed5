package crash

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

const (
	verifiedRows = 2600
	planted      = 2200 // more than two statements of a repair read
)

// TestInvariantRepair: a loader is killed while it looks people up, the extractor at each step
// of a repair and the other services while it loads, and a repair is cancelled. Exactly the
// people whose profiles were changed are found, nobody else is sent, and in the end a further
// look finds nobody.
func TestInvariantRepair(t *testing.T) {
	d := enter(t)
	s := d.verifiable(t)
	for _, point := range []string{"before-answers=kill:3", "after-receipt=kill:5"} {
		d.plant(t, s)
		died := d.armed(t, "loader", point)
		d.look(t, s)
		died()
		expectNone(t, d.found(t, s, "loader "+point))
	}
	for _, point := range []string{"before-repaired=kill:2", "after-chunk=kill:2", "before-final=kill:1"} {
		expectNone(t, killedRepairIsExact(t, d, s, point))
	}
	for _, service := range []string{"scheduler", "mapper", "loader"} {
		d.plant(t, s)
		d.look(t, s)
		expectNone(t, d.found(t, s, "before the "+service+" is killed"))
		d.c.Faults(t, slow)
		run := d.repair(t, s)
		d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
		d.c.Services[service].Kill()
		d.c.Services[service].Start(t)
		d.c.Faults(t, `{"faults":[]}`)
		expectNone(t, d.repaired(t, s, run, "the "+service+" killed"))
	}
	expectNone(t, cancelledRepairLeavesTheRest(t, d, s))
}

func TestMutantRepairPassesSomeOver(t *testing.T) {
	enter(t).withMistake(t, "extractor.repair-passes-some-over", func(t *testing.T, d *world) []string {
		return killedRepairIsExact(t, d, d.verifiable(t), "before-repaired=kill:2")
	})
}

func TestMutantLookedUpWithoutAnAnswer(t *testing.T) {
	enter(t).withMistake(t, "loader.looked-up-without-an-answer", func(t *testing.T, d *world) []string {
		s := d.verifiable(t)
		d.plant(t, s)
		died := d.armed(t, "loader", "before-answers=kill:3")
		d.look(t, s)
		died()
		return d.found(t, s, "a loader killed between the receipt and the answer")
	})
}

// verified is an import of profiles that was loaded, and what has become of it since.
type verified struct {
	*source
	property    string // that no other import writes, so that it can be compared
	looks, runs int
}

func (d *world) verifiable(t *testing.T) *verified {
	t.Helper()
	n := imports.Add(1)
	s := &verified{source: newSource(t, d.w, fmt.Sprintf("verified-%d", n), false, verifiedRows), runs: 1, property: fmt.Sprintf("version%d", n)}
	d.c.ApplyText(t, strings.Replace(s.definition(), "VERSION -> version", "VERSION -> "+s.property, 1))
	if r := d.c.Close(t, d.c.Trigger(t, s.name), time.Minute); r.Counts.Loaded != verifiedRows-verifiedRows/brokenEvery {
		t.Fatalf("the first run: %s, %+v", r.State, r.Counts)
	}
	return s
}

// plant changes what CleverTap holds of some people.
func (d *world) plant(t *testing.T, s *verified) {
	t.Helper()
	var records []string
	for n := range len(s.versions) {
		if s.planted(n) {
			records = append(records, fmt.Sprintf(`{"type":"profile","identity":%q,"profileData":{%q:%d}}`, s.identity(n), s.property, 700+s.looks))
		}
	}
	d.c.Plant(t, records...)
}

// planted reports whether a person's profile is changed by plant.
func (s *verified) planted(n int) bool { return n < planted && !s.broken(n) }

// people is how many there are whose profiles plant changes.
func (s *verified) people() (count int64) {
	for n := range len(s.versions) {
		if s.planted(n) {
			count++
		}
	}
	return count
}

// look begins a verification of everybody.
func (d *world) look(t *testing.T, s *verified) {
	t.Helper()
	if err := d.c.Send(t.Context(), "/v1/imports/"+s.name+"/verifications", fmt.Sprintf(`{"rows":%d}`, schemas.MaxDryRunRows)); err != nil {
		t.Fatal(err)
	}
	s.looks++
}

// differing are the people who differ or are missing, by what the newest verification has found.
func (d *world) differing(t *testing.T, s *verified) map[string]bool {
	t.Helper()
	out, stderr, code := d.c.Tapline(t, "", "verify", schemas.DryRunID(s.name, s.looks), "-o", "json")
	var v struct {
		Whole  bool
		People struct{ Compared, Unknown int64 }
		Rows   []struct{ Identity, Result string }
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("tapline verify: exit code %d, %v\n%s\n%s", code, err, out, stderr)
	}
	if !v.Whole || v.People.Unknown > 0 || v.People.Compared != verifiedRows-verifiedRows/brokenEvery {
		return map[string]bool{fmt.Sprintf("not everybody was compared: %+v", v.People): true}
	}
	found := map[string]bool{}
	for _, r := range v.Rows {
		found[r.Identity] = true
	}
	return found
}

// found compares whom the newest verification has found with who was planted.
func (d *world) found(t *testing.T, s *verified, how string) (violations []string) {
	t.Helper()
	found := d.differing(t, s)
	missed := 0
	for n := range len(s.versions) {
		switch planted := s.planted(n); {
		case planted && !found[s.identity(n)]:
			missed++
		case !planted && found[s.identity(n)]:
			violations = append(violations, fmt.Sprintf("%s: %s was found, and nothing was planted", how, s.identity(n)))
		}
		delete(found, s.identity(n))
	}
	for other := range found {
		violations = append(violations, how+": "+other)
	}
	if missed > 0 {
		violations = append(violations, fmt.Sprintf("%s: %d people whose profiles were changed were not found", how, missed))
	}
	return violations
}

// repair begins a repair of whom the newest verification has found.
func (d *world) repair(t *testing.T, s *verified) (run string) {
	t.Helper()
	if err := d.c.Post(t.Context(), "/v1/verifications/"+schemas.DryRunID(s.name, s.looks)+"/repair"); err != nil {
		t.Fatal(err)
	}
	s.runs++
	return schemas.RunID(s.name, s.runs)
}

// killedRepairIsExact kills the extractor at a step of a repair.
func killedRepairIsExact(t *testing.T, d *world, s *verified, point string) []string {
	d.plant(t, s)
	d.look(t, s)
	if wrong := d.found(t, s, "before "+point); wrong != nil {
		return wrong
	}
	died := d.armed(t, "extractor", point)
	run := d.repair(t, s)
	died()
	return d.repaired(t, s, run, point)
}

// repaired wants a repair to have sent exactly those who were found, and a further look to find
// nobody.
func (d *world) repaired(t *testing.T, s *verified, run, how string) (violations []string) {
	t.Helper()
	r, open := d.closes(t, run, time.Minute)
	if open != nil {
		return open
	}
	people := s.people()
	if r.State != schemas.StateSucceeded || r.Counts.Read != people || r.Counts.Loaded != people || r.WatermarkTo != "" {
		violations = append(violations, fmt.Sprintf("%s: %d people differ, and the repair is %s, %+v, %+v, watermark %q", how, people, r.State, r.Counts, r.Error, r.WatermarkTo))
	}
	d.look(t, s)
	if left := d.differing(t, s); len(left) > 0 {
		violations = append(violations, fmt.Sprintf("%s: a further look finds %d, such as %s", how, len(left), one(left)))
	}
	return violations
}

func one(of map[string]bool) string {
	for text := range of {
		return text
	}
	return ""
}

// cancelledRepairLeavesTheRest cancels a repair under way. A further look finds those who are
// left, and nobody else; their repair succeeds.
func cancelledRepairLeavesTheRest(t *testing.T, d *world, s *verified) (violations []string) {
	d.plant(t, s)
	d.look(t, s)
	d.differing(t, s) // which waits for it
	d.c.Faults(t, slow)
	run := d.repair(t, s)
	d.c.Await(t, run, 30*time.Second, "records are loaded", loadingWell)
	if err := d.c.Post(t.Context(), "/v1/runs/"+run+"/cancel"); err != nil {
		t.Fatal(err)
	}
	first, open := d.closes(t, run, time.Minute)
	if open != nil {
		return open
	}
	d.c.Faults(t, `{"faults":[]}`)
	d.look(t, s)
	left := int64(len(d.differing(t, s)))
	people := s.people()
	if first.State != schemas.StateCancelled || first.Counts.Loaded == 0 || left == 0 || left != people-first.Counts.Loaded {
		violations = append(violations, fmt.Sprintf("%d people differed, the repair was %s after %d, and %d differ now", people, first.State, first.Counts.Loaded, left))
	}
	second, open := d.closes(t, d.repair(t, s), time.Minute)
	if open != nil {
		return append(violations, open...)
	}
	d.look(t, s)
	if still := d.differing(t, s); second.Counts.Loaded != left || len(still) > 0 {
		violations = append(violations, fmt.Sprintf("%d people were left, and the second repair loaded %d; %d differ still", left, second.Counts.Loaded, len(still)))
	}
	return violations
}
