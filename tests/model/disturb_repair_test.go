package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/sandbox"
	"tapline.dev/schemas"
)

// looks are the verifications of an import.
type looks struct {
	n     int
	list  []string // whom the newest one has found
	found int      // people, by all of them
}

// repairDisturbances change profiles behind Tapline's back, verify and repair: while services
// are killed, with records that are refused, and cancelled.
func repairDisturbances() []disturbance {
	spoil := func(s *scenario) { s.spoil(1 + s.rng.IntN(4)) }
	look := func(s *scenario) {
		spoil(s)
		s.look()
	}
	repair := func(s *scenario) schemas.Command { return s.repair() }
	out := []disturbance{
		{name: "profiles changed", before: spoil},
		{name: "repair", before: look, command: repair},
		{name: "repair of what is refused", before: func(s *scenario) {
			look(s)
			s.refuseSome()
		}, command: repair},
		{name: "repair cancelled", before: func(s *scenario) {
			look(s)
			s.gate.misbehave(3+s.rng.IntN(4), answer{name: "slow", slow: 20 * time.Millisecond})
		}, command: repair, within: func(s *scenario, run string) {
			s.reaches(run, func(r schemas.Run) bool { return r.Counts.Loaded > 0 })
			s.cancel(run)
		}},
	}
	for _, name := range parts {
		kill := func(s *scenario) {
			if name == "loader" {
				s.w.mayRepeat.Store(true) // uploads whose answers were not read
			}
			s.w.kill(name, 1+s.rng.IntN(40))
		}
		out = append(out,
			disturbance{name: "repair while the " + name + " is killed", shared: true, before: look, command: repair, within: func(s *scenario, _ string) { kill(s) }},
			disturbance{name: "verification while the " + name + " is killed", shared: true, before: func(s *scenario) {
				if s.looks == nil {
					return
				}
				spoil(s)
				run := s.beginLook()
				kill(s)
				s.endLook(run)
			}, command: repair})
	}
	return out
}

// newestVersions are the newest version of each person in the table.
func (s *scenario) newestVersions() map[string]int {
	out := map[string]int{}
	for _, r := range s.rows {
		out[r.key] = r.version
	}
	return out
}

// spoil writes other values into profiles.
func (s *scenario) spoil(n int) {
	if s.looks == nil {
		return
	}
	people := slices.Sorted(maps.Keys(s.newestVersions()))
	for range n {
		s.gate.spoil(people[s.rng.IntN(len(people))], -1-s.rng.IntN(1000))
	}
}

// spoil makes CleverTap hold another version of a person, which nobody has sent.
func (g *gate) spoil(identity string, version int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := fmt.Sprintf(`{"d":[{"type":"profile","identity":%q,"profileData":{"v":%d}}]}`, identity, version)
	req := httptest.NewRequest(http.MethodPost, "/1/upload", strings.NewReader(text))
	account := sandbox.DefaultCleverTapConfig()
	req.Header.Set("X-CleverTap-Account-Id", account.AccountID)
	req.Header.Set("X-CleverTap-Passcode", string(account.Passcode))
	rec := httptest.NewRecorder()
	g.account.ServeHTTP(rec, req)
	if rec.Code == http.StatusOK {
		g.holds[identity] = version
	}
}

// look verifies the import, and wants exactly those to be found for whom CleverTap does not
// hold the newest version.
func (s *scenario) look() {
	if s.looks != nil {
		s.endLook(s.beginLook())
	}
}

func (s *scenario) beginLook() (run string) {
	s.looks.n++
	run = schemas.DryRunID(s.name, s.looks.n)
	s.w.command(s.name, schemas.Command{ID: "look " + run, Kind: schemas.CommandDryRun, Rows: schemas.MaxDryRunRows, Verify: &schemas.Verify{}})
	return run
}

func (s *scenario) endLook(run string) {
	r, ok := s.w.board.await(run, closed)
	switch {
	case !ok && s.w.broken():
		return
	case !ok || !succeeded(r):
		s.violation("the verification %s is %s with %+v, %+v", run, r.State, r.Counts, r.Error)
		return
	}
	want := map[string]bool{}
	s.gate.mu.Lock()
	for identity, version := range s.newestVersions() {
		if held, known := s.gate.holds[identity]; !known || held != version {
			want[identity] = true
		}
	}
	s.gate.mu.Unlock()
	found := s.differing(r)
	if !maps.Equal(want, found) {
		s.violation("%s has found %v, and CleverTap does not hold the newest version of %v", run, found, want)
	}
	s.looks.list, s.looks.found = slices.Sorted(maps.Keys(found)), s.looks.found+len(found)
}

// differing compares the records of a verification with what CleverTap held.
func (s *scenario) differing(run schemas.Run) map[string]bool {
	older := map[string]bool{}
	s.sampled(s.w.topics.DryRunRows(), run, func(id string, r *kafka.Record) {
		older[id] = kafka.HeaderValue(r, schemas.HeaderOlder) != nil
	})
	answers := map[string]schemas.LookupAnswer{}
	s.readControl(s.w.topics.LookupAnswers(), s.account(), func(r *kafka.Record) {
		var a schemas.LookupAnswer
		if json.Unmarshal(r.Value, &a) == nil {
			answers[a.ID] = a
		}
	})
	found := map[string]bool{}
	s.sampled(s.w.topics.DryRunRecords(), run, func(id string, r *kafka.Record) {
		var ours, theirs body
		if older[id] {
			return
		}
		a := answers[run.Run+"/"+id]
		err := json.Unmarshal(r.Value, &ours)
		switch {
		case err == nil && a.Outcome == schemas.LookupNotFound:
			found[ours.Identity] = true
		case err != nil || a.Outcome != schemas.LookupFound || json.Unmarshal(a.Profile, &theirs) != nil || theirs.Profile == nil:
			s.violation("%s: row %s has the record %s and the answer %s: %s", run.Run, id, r.Value, a.Outcome, a.Profile)
		case ours.version() != theirs.version():
			found[ours.Identity] = true
		}
	})
	return found
}

// sampled calls fn for the records of a dry run's last attempt.
func (s *scenario) sampled(topic string, run schemas.Run, fn func(id string, r *kafka.Record)) {
	s.readControl(topic, run.Run, func(r *kafka.Record) {
		id, ok := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
		if ok && string(r.Key) == run.Run && id.Attempt == run.Attempt {
			fn(id.String(), r)
		}
	})
}

// readControl reads the control partition of a name.
func (s *scenario) readControl(topic, name string, fn func(*kafka.Record)) {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(name)}
	_, err := s.w.reader.ReadTo(s.w.t.Context(), tp, 0, func(r *kafka.Record) error {
		fn(r)
		return nil
	})
	if err != nil {
		s.violation("reading %s: %v", topic, err)
	}
}

// repair is the command that sends those whom the newest verification has found.
func (s *scenario) repair() schemas.Command {
	if s.looks == nil || len(s.looks.list) == 0 {
		return schemas.Command{Kind: schemas.CommandRun}
	}
	people := schemas.People{ID: fmt.Sprint("people ", s.looks.n, " ", len(s.runs)), Import: s.name, Identities: s.looks.list}
	s.w.produce(s.w.record(s.w.topics.Lookups(), s.name, s.name, schemas.EventPeople, people))
	return schemas.Command{Kind: schemas.CommandRepair, Repair: &schemas.Repair{
		Verification: schemas.DryRunID(s.name, s.looks.n), People: people.ID, Selected: int64(len(people.Identities)),
	}}
}

// judgeRepair checks that a repair has sent nobody but those who were found, and if it has
// succeeded without a reject, all of them.
func (s *scenario) judgeRepair(r schemas.Run) {
	newest := s.newestVersions()
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	for _, a := range s.gate.applied {
		if a.run == len(s.runs) && !slices.Contains(s.looks.list, a.identity) && !a.unsure {
			s.violation("the repair %s of %v has sent %s", r.Run, s.looks.list, a.identity)
		}
	}
	for _, identity := range s.looks.list {
		if held := s.gate.holds[identity]; r.State == schemas.StateSucceeded && held != newest[identity] {
			s.violation("the repair %s has left %s with version %d, and %d is the newest", r.Run, identity, held, newest[identity])
		}
	}
}

// auditLooks repairs what is left. A further look finds nobody.
func (s *scenario) auditLooks() {
	if s.looks == nil {
		return
	}
	for range 2 {
		s.look()
		if s.w.broken() || len(s.looks.list) == 0 || !s.close(s.start(s.repair())) {
			break
		}
	}
	if len(s.looks.list) > 0 && !s.w.broken() {
		s.violation("after a repair that nothing disturbs %v are found", s.looks.list)
	}
}

// logLooks says what the verifications of a world found.
func logLooks(w *world, scenarios []*scenario) {
	if !w.repaired {
		return
	}
	states, looked, found := map[string]int{}, 0, 0
	for _, s := range scenarios {
		if s.looks == nil {
			continue
		}
		looked, found = looked+s.looks.n, found+s.looks.found
		for _, r := range s.runs {
			if r.Mode == schemas.ModeRepair {
				states[r.State]++
			}
		}
	}
	w.t.Logf("%d verifications have found %d people; repairs: %v", looked, found, states)
}
