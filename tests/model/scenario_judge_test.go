package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// settle ends all disturbances and lets two more runs read what is there.
func (s *scenario) settle() {
	s.settling = true
	for _, g := range s.gates {
		g.behave()
	}
	s.advance(26 * time.Hour)
	if s.reportsGone && !s.outlast() {
		return
	}
	for range 2 {
		if s.w.broken() || !s.close(s.start(schemas.Command{Kind: schemas.CommandRun})) {
			return
		}
		if r := s.runs[len(s.runs)-1]; !succeeded(r) {
			s.violation("%s does not succeed although nothing disturbs it any more", r.Run)
			return
		}
	}
	for _, g := range s.gates {
		g.late.Wait()
	}
	if s.behind != nil && !s.reconcileAll() {
		return
	}
	s.auditOpenAtMost()
	if s.replayAll() {
		s.audit()
		s.auditOpenRejects()
		s.auditLooks()
	}
}

// story is the runs so far.
func (s *scenario) story() string {
	var b strings.Builder
	for _, r := range s.runs {
		fmt.Fprintf(&b, "\n  %s %s %s attempt %d, %s to %s, %+v %v", r.Run, r.Mode, r.State, r.Attempt, r.WatermarkFrom, r.WatermarkTo, r.Counts, r.Notes[:min(3, len(r.Notes))])
		if r.Error != nil {
			fmt.Fprintf(&b, " %+v", *r.Error)
		}
	}
	return b.String()
}

// judge checks whether the disturbances allow the way in which a run ended.
func (s *scenario) judge(r schemas.Run) {
	c := r.Counts
	switch {
	case c.Read != c.Extracted+c.Unchanged+c.StillRejected+c.Future+c.ExtractRejected+c.ExtractSkipped,
		c.Extracted != c.Mapped+c.MapRejected+c.MapSkipped,
		c.Mapped != c.Loaded+c.LoadRejected+c.LoadSkipped:
		if r.Error == nil { // which says what is missing
			s.violation("the counts of %s do not add up", r.Run)
		}
	case c.MapRejected > 0 && !s.brokenMapping, c.ExtractRejected > 0:
		s.violation("%s rejected rows: %v", r.Run, r.RejectsByCode)
	}
	for _, code := range slices.Sorted(maps.Keys(r.RejectsByCode)) {
		// With onAmbiguous hold: an upload of a loader that was killed or got no CPU.
		held := code == "ambiguous" && (s.w.mayRepeat.Load() || processPace.stumbled(r.StartedAt))
		if !s.mayReject[code] && !s.mayRejectAny && !held && !(s.brokenMapping && code == "expression_failed") {
			s.violation("%s rejected records: %v", r.Run, r.RejectsByCode)
			return
		}
	}
	mayFail := r.Error != nil && (s.mayEnd[r.Error.Code] || s.mayRejectAny && r.RejectsByCode[r.Error.Code] > 0)
	mayFail = mayFail || r.Mode == schemas.ModeReplay && r.Error != nil && r.Error.Code == "nothing_to_replay"
	if r.State == schemas.StateFailed && !mayFail {
		s.violation("%s failed for no reason of the scenario", r.Run)
	}
	if r.Mode == schemas.ModeReplay {
		s.judgeReplay(r)
	}
	if s.behind != nil {
		s.judgeReconciled(r)
	}
	if r.Mode == schemas.ModeRepair {
		s.judgeRepair(r)
	}
	if !succeeded(r) && r.WatermarkTo != "" {
		s.violation("%s is %s and moved the watermark to %q", r.Run, r.State, r.WatermarkTo)
	}
}

// audit compares what CleverTap has applied with what is in the table.
func (s *scenario) audit() {
	rejected, ok := s.auditReplays()
	if !ok {
		return
	}
	if s.event {
		s.auditEvents(rejected)
		s.auditEventOrder()
		return
	}
	for _, g := range s.gates {
		for identity, list := range g.arrivals() {
			s.auditOrder(identity, list)
			s.auditEndOfRuns(identity, list, rejected)
			s.auditLastOfRuns(identity, list)
		}
	}
	s.auditNewest(rejected)
	s.auditPatches(rejected)
}

// auditNewest checks that CleverTap has the newest row of every identity, or, if that was
// rejected, the newest that was not.
func (s *scenario) auditNewest(rejected map[string]bool) {
	final := s.gate.arrivals()
	least, newest := map[string]int{}, map[string]int{}
	for _, r := range s.rows {
		newest[r.key] = r.version
		if !rejected[r.content()] {
			least[r.key] = r.version
		}
	}
	for identity, version := range newest {
		got := 0
		list := final[identity]
		if len(list) > 0 {
			got = list[len(list)-1].last
		}
		unsure := len(list) > 0 && list[len(list)-1].unsure
		if (got < least[identity] || got > version) && !s.mayBeGone[identity] && !unsure && !s.leftByReplay(identity, list) {
			s.violation("%s is lost: the newest version is %d, and %d is the newest that was not rejected; CleverTap got %v", identity, version, least[identity], list)
			return
		}
	}
}

// auditPatches checks the property that only some versions write: it is of the newest
// version that writes it, for every identity of which nothing was rejected.
func (s *scenario) auditPatches(rejected map[string]bool) {
	if !s.patchy {
		return
	}
	want := map[string]int{}
	for _, r := range s.rows {
		if r.version%2 == 0 {
			want[r.key] = r.version
		}
	}
	for _, r := range s.rows {
		if rejected[r.content()] || s.mayBeGone[r.key] {
			delete(want, r.key)
		}
	}
	arrivals := s.gate.arrivals()
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	for identity, version := range want {
		list := arrivals[identity]
		unsure := slices.ContainsFunc(list, func(a arrival) bool { return a.unsure })
		if got := s.gate.even[identity]; got != version && !unsure && !s.leftByReplay(identity, list) {
			s.violation("%s has %d in the property that only some versions write, want %d; CleverTap got %v", identity, got, version, list)
			return
		}
	}
}

// auditOrder checks that versions of an identity arrive in their order: what was sent in a run
// arrives before what is sent in the next, and within a run no upload begins with an
// older version than one before it began with. An upload of several versions
// whose answer was lost is sent again as it was. A run may begin with older
// versions than the run before it ended with: it reads a window again. Once the
// reports were lost, it may send again events that it had sent.
func (s *scenario) auditOrder(identity string, list []arrival) {
	for i, a := range list[min(1, len(list)):] {
		before := list[i]
		again := a.run > 0 && a.run <= len(s.runs) && s.runs[a.run-1].Attempt > 1 || s.besides[a.run+1] // it begins anew within the run, or a replay follows at once
		if a.unsure {
			continue
		}
		again = again || s.event && s.w.lostBefore(a.at)
		if a.run < before.run || a.run == before.run && a.first < before.first && !again {
			s.violation("%s: version %d of run %d (%s) was applied %s after version %d of run %d (%s)",
				identity, a.first, a.run, a.how, a.at.Sub(before.at), before.last, before.run, before.how)
			return
		}
	}
}

// auditEventOrder checks that each run sends the events of an identity in the order of the
// cursor: the oldest first. One that gets code 555 comes after the later ones of its upload,
// as the documents say, and a replay sends what was rejected.
func (s *scenario) auditEventOrder() {
	if slices.ContainsFunc(s.disturbed, func(name string) bool { return strings.Contains(name, "555") }) {
		return
	}
	for _, g := range s.gates {
		for identity, list := range g.arrivals() {
			s.auditOrder(identity, slices.DeleteFunc(list, func(a arrival) bool {
				return a.run < 1 || a.run > len(s.runs) || s.runs[a.run-1].Mode == schemas.ModeReplay
			}))
		}
	}
}

// once reports whether no event may be at CleverTap more often than it was written, but
// those that the runs count as sent again: if the process got no CPU for a while, an
// upload may have been answered too late.
func (s *scenario) once() (must bool, counted int) {
	if s.mayRepeat || s.w.mayRepeat.Load() {
		return false, 0
	}
	if processPace.stumbled(s.began) {
		for _, r := range s.runs {
			counted += int(r.Counts.Resent + r.Counts.Repeated)
		}
	}
	return true, counted
}

// auditEvents checks that every event that was not rejected is there, and once, unless a
// disturbance may repeat events.
func (s *scenario) auditEvents(rejected map[string]bool) {
	once, counted := s.once()
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	for _, r := range s.rows {
		n := s.gate.events[r.content()]
		switch {
		case n == 0 && !rejected[r.content()] && !s.mayBeGone[r.key]:
			s.violation("event %s is lost", r.content())
			return
		case n > 1 && once:
			if counted--; counted < 0 {
				s.violation("event %s was written once and CleverTap has it %d times, more than the runs count", r.content(), n)
				return
			}
		}
	}
}
