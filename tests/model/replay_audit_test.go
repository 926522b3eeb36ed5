package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// refusal is a reject of a scenario's import, as the topic has it.
type refusal struct {
	schemas.Reject
	ref     schemas.RejectRef
	number  int // of its run
	content string
}

// refusals reads the rejects of the import.
func (s *scenario) refusals() (out []refusal, ok bool) {
	tp := kafka.TP{Topic: s.w.topics.Rejects(), Partition: schemas.ControlPartition(s.name)}
	_, err := s.w.reader.ReadTo(s.w.t.Context(), tp, 0, func(r *kafka.Record) error {
		var reject schemas.Reject
		if err := json.Unmarshal(r.Value, &reject); err != nil {
			return err
		}
		if reject.Import != s.name {
			return nil
		}
		f := refusal{Reject: reject, ref: schemas.RejectRef{Partition: r.Partition, Offset: r.Offset}}
		_, f.number, _ = schemas.ParseRunID(reject.Run)
		var err error
		if f.content, err = contentOfReject(&reject); err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		s.violation("reading its rejects: %v", err)
	}
	return out, err == nil
}

// contentOfReject is the content of a rejected row or record.
func contentOfReject(r *schemas.Reject) (string, error) {
	if r.Record != nil {
		return contentOf(r.Record)
	}
	var columns struct {
		ID string      `json:"ID"`
		V  json.Number `json:"V"`
	}
	if err := json.Unmarshal(r.Row, &columns); err != nil {
		return "", fmt.Errorf("a reject has neither row nor record: %w", err)
	}
	return fmt.Sprintf("%s#%s", columns.ID, columns.V), nil
}

// taking is what one replay took in one attempt.
type taking struct{ number, attempt int }

// takings reads which replays took each reject, in their order. A range stands for those
// rejects between its ends that there were when the attempt began.
func (s *scenario) takings(rejects []refusal) (out map[schemas.RejectRef][]taking, ok bool) {
	out = map[schemas.RejectRef][]taking{}
	topic, err := s.w.reader.TopicID(s.w.t.Context(), s.w.topics.Rejects())
	if err != nil {
		s.violation("looking at the rejects topic: %v", err)
		return nil, false
	}
	tp := kafka.TP{Topic: s.w.topics.Reports(), Partition: schemas.ControlPartition(s.name)}
	_, err = s.w.reader.ReadTo(s.w.t.Context(), tp, 0, func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return err
		}
		if report.Import != s.name || report.Taken == nil || !report.Taken.Of(topic) {
			return nil
		}
		by := taking{report.Number, report.Attempt}
		for _, span := range report.Taken.Refs {
			for _, f := range rejects {
				before := f.number < by.number || f.number == by.number && f.Attempt < by.attempt
				if before && f.ref.Partition == span.Partition && f.ref.Offset >= span.From && f.ref.Offset <= span.To {
					out[f.ref] = append(out[f.ref], by)
				}
			}
		}
		return nil
	})
	if err != nil {
		s.violation("reading what replays took: %v", err)
	}
	return out, err == nil
}

// auditReplays checks what replays took, and returns the contents of the rejects that none
// could or had to make good: CleverTap need not hold them.
func (s *scenario) auditReplays() (excused map[string]bool, ok bool) {
	rejects, ok := s.refusals()
	if !ok {
		return nil, false
	}
	took, ok := s.takings(rejects)
	if !ok {
		return nil, false
	}
	excused = maps.Clone(s.rejectsGone)
	for _, f := range rejects {
		by := took[f.ref]
		if !s.auditTaken(f, by) {
			return nil, false
		}
		given := f.number <= s.dismissed || slices.ContainsFunc(by, func(t taking) bool { return s.declined[t.number] })
		if given || s.mayStay(f) {
			excused[f.content] = true
		}
		// A replay without success may have ended between two versions of the person, and
		// who gives its rejects up leaves it at that.
		if given && slices.ContainsFunc(by, func(t taking) bool { return !succeeded(s.runs[t.number-1]) }) {
			key, _, _ := strings.Cut(f.content, "#")
			s.mayBeGone[key] = true
		}
	}
	return excused, true
}

// auditOpenAtMost checks that the count of open rejects is not too low: it covers each row of
// the epoch that was rejected, is not at CleverTap, and whose person has got nothing since.
func (s *scenario) auditOpenAtMost() {
	if s.dismissed > 0 || s.reportsGone {
		return
	}
	rejects, ok := s.refusals()
	if !ok {
		return
	}
	arrivals := s.gate.arrivals()
	s.gate.mu.Lock()
	stored := maps.Clone(s.gate.events)
	s.gate.mu.Unlock()
	open := map[string]bool{}
	for _, f := range rejects {
		key, _, _ := strings.Cut(f.content, "#")
		since := slices.ContainsFunc(arrivals[key], func(a arrival) bool { return a.run >= f.number })
		if f.number > s.oldEpoch && !since && stored[f.content] == 0 && !s.declined[f.number] {
			open[f.content] = true
		}
	}
	if got := s.state().OpenRejects; got < int64(len(open)) && len(s.declined) == 0 && len(s.gone) == 0 {
		s.violation("%d rejects count as open, and these rows are at least: %v", got, slices.Sorted(maps.Keys(open)))
	}
}

// auditOpenRejects compares the count of open rejects with the rejects, once a replay of all of
// them has succeeded: what it cannot send, and what was rejected again, is open. Rejects of
// an epoch that is over are not counted, nor are dismissed ones.
func (s *scenario) auditOpenRejects() {
	if s.oldEpoch > 0 || s.dismissed > 0 || s.reportsGone {
		return
	}
	rejects, ok := s.refusals()
	if !ok {
		return
	}
	took, ok := s.takings(rejects)
	if !ok {
		return
	}
	ends := map[int]runs.End{}
	for i, r := range s.runs {
		ends[i+1] = runs.EndOf(r)
	}
	var open int64
	for _, f := range rejects {
		dealt := slices.ContainsFunc(took[f.ref], func(t taking) bool { return succeeded(s.runs[t.number-1]) })
		again := slices.ContainsFunc(rejects, func(g refusal) bool { return g.ReplayOf != nil && *g.ReplayOf == f.ref })
		if !dealt && !again && !runs.ReadAgain(ends[f.number], f.Attempt) && f.Code == "ambiguous" {
			open++
		}
	}
	if got := s.state().OpenRejects; got != open {
		s.violation("%d rejects count as open after everything was replayed, want the %d ambiguous ones", got, open)
	}
}

// state is the scheduler's state of the import.
func (s *scenario) state() (out schemas.State) {
	tp := kafka.TP{Topic: s.w.topics.State(), Partition: schemas.ControlPartition(s.name)}
	_, err := s.w.reader.ReadTo(s.w.t.Context(), tp, 0, func(r *kafka.Record) error {
		if string(r.Key) != s.name {
			return nil
		}
		out = schemas.State{}
		return json.Unmarshal(r.Value, &out)
	})
	if err != nil {
		s.violation("reading its state: %v", err)
	}
	return out
}

// auditTaken checks that a reject is taken once by each attempt, and by none after a replay
// that took it and succeeded.
func (s *scenario) auditTaken(f refusal, by []taking) bool {
	for i, t := range by {
		if slices.Contains(by[:i], t) {
			s.violation("run %d took the reject %s twice in attempt %d", t.number, f.ref, t.attempt)
			return false
		}
		for _, earlier := range by[:i] {
			if earlier.number < t.number && succeeded(s.runs[earlier.number-1]) {
				s.violation("run %d took the reject %s, which run %d had taken, a replay that succeeded", t.number, f.ref, earlier.number)
				return false
			}
		}
	}
	return true
}

// mayStay reports whether the last replay need not have taken a reject.
func (s *scenario) mayStay(f refusal) bool {
	return f.Code == "ambiguous" || f.number <= s.oldEpoch
}

// judgeReplay checks what a replay says of itself.
func (s *scenario) judgeReplay(r schemas.Run) {
	switch c := r.Counts; {
	case s.event && succeeded(r) && c.Read != r.Taken:
		s.violation("%s took %d rejects of events and read %d rows", r.Run, r.Taken, c.Read)
	case !succeeded(r) && r.Taken > 0 && s.recordsGone:
		s.mayRepeat = true // nothing tells what it has loaded
	}
}

// auditLastOfRuns checks that no run that reads people again, of which older versions may have
// come, ends with an older version of a person than CleverTap held before.
func (s *scenario) auditLastOfRuns(identity string, list []arrival) {
	for i, a := range list {
		if a.run == 0 || a.run > len(s.runs) {
			continue
		}
		r := s.runs[a.run-1]
		last := i == len(list)-1 || list[i+1].run > a.run
		readsAgain := r.Mode == schemas.ModeReplay || r.Mode == schemas.ModeReconcile || r.Mode == schemas.ModeRepair
		if !readsAgain || !last || r.State != schemas.StateSucceeded || a.unsure || len(s.gone) > 0 {
			continue
		}
		for _, before := range list[:i] {
			if before.last > a.last && !before.unsure {
				s.violation("%s: %s ended with version %d, and run %d had sent version %d", identity, r.Run, a.last, before.run, before.last)
				return
			}
		}
	}
}

// logReplays says what the replays of a world did.
func logReplays(w *world, scenarios []*scenario) {
	states, taken, unfinished, exact := map[string]int{}, int64(0), int64(0), 0
	for _, s := range scenarios {
		if once, _ := s.once(); once && s.event {
			exact++
		}
		for _, r := range s.runs {
			if r.Mode != schemas.ModeReplay {
				continue
			}
			states[r.State]++
			taken += r.Taken
			if !succeeded(r) {
				unfinished += r.Taken
			}
		}
	}
	w.t.Logf("replays: %v took %d rejects, %d of them without success; %d imports of events may hold each once only", states, taken, unfinished, exact)
}
