package model

import (
	"fmt"
	"slices"
	"time"

	"tapline.dev/schemas"
)

// behind is what the oracle knows of the rows behind the watermark of an import that is
// reconciled.
type behind struct {
	below   time.Time // rows below it are in the baseline that counts
	came    int       // below it, since that was taken
	perhaps int       // likewise while a run was active, which may have seen them
	left    int
	late    map[string]bool // contents of rows that came and have not been reconciled
	people  int             // of whom there is nothing but late rows
	oldest  map[string]int  // the oldest version of each person that has come late
	found   int             // rows that reconciliations have found
}

// reconcileDisturbances let rows come and go behind the watermark, and reconcile: while more
// come, with records that are refused, cancelled, and with services that are killed.
func reconcileDisturbances() []disturbance {
	reconcile := func(*scenario) schemas.Command {
		return schemas.Command{Kind: schemas.CommandReconcile, Reconcile: &schemas.Reconciliation{}}
	}
	come := func(s *scenario) { s.comeLate(1+s.rng.IntN(4), &s.behind.came) }
	out := []disturbance{
		{name: "rows come behind the watermark", before: come},
		{name: "rows behind the watermark are deleted", before: func(s *scenario) { s.deleteBehind(1 + s.rng.IntN(3)) }},
		{name: "reconcile", before: come, command: reconcile},
		{name: "reconcile after deletions", before: func(s *scenario) {
			come(s)
			s.deleteBehind(1 + s.rng.IntN(3))
		}, command: reconcile},
		{name: "reconcile while rows come", before: come, command: reconcile, within: func(s *scenario, _ string) {
			s.comeLate(1+s.rng.IntN(3), &s.behind.perhaps)
		}},
		{name: "reconcile of what is refused", before: func(s *scenario) {
			come(s)
			s.refuseSome()
		}, command: reconcile},
		{name: "reconcile cancelled", before: func(s *scenario) {
			s.comeLate(4+s.rng.IntN(4), &s.behind.came)
			s.gate.misbehave(3+s.rng.IntN(4), answer{name: "slow", slow: 20 * time.Millisecond})
		}, command: reconcile, within: func(s *scenario, run string) {
			s.reaches(run, func(r schemas.Run) bool { return r.Counts.Loaded > 0 })
			s.cancel(run)
		}},
	}
	for _, name := range parts {
		out = append(out, disturbance{name: "reconcile while the " + name + " is killed", shared: true, before: come, command: reconcile, within: func(s *scenario, _ string) {
			if name == "loader" {
				s.w.mayRepeat.Store(true) // uploads whose answers were not read
			}
			s.w.kill(name, 1+s.rng.IntN(40))
		}})
	}
	return out
}

// comeLate inserts rows below the baseline and counts them: of new people in two versions, or a
// version that is older than all others of a known one.
func (s *scenario) comeLate(n int, count *int) {
	b := s.behind
	s.mu.Lock()
	defer s.mu.Unlock()
	insert := func(r row) {
		s.rows = slices.Insert(s.rows, 0, r) // before the newer versions of the person
		s.newestBefore++
		b.late[r.content()] = true
		*count++
		s.exec(fmt.Sprintf(`INSERT INTO "%s" ("ID", "V", "AT") VALUES ('%s', %d, %s)`, s.tableName, r.key, r.version, stampSQL(r.at)))
	}
	for range n {
		if s.rng.IntN(2) == 0 {
			b.people++
			key := fmt.Sprintf("%s-late%d", s.name, b.people)
			at := b.below.Add(-time.Duration(2+s.rng.IntN(100)) * time.Hour)
			insert(row{key: key, version: 2, at: at})
			insert(row{key: key, version: 1, at: at.Add(-time.Duration(1+s.rng.IntN(100)) * time.Hour)})
			continue
		}
		key := fmt.Sprintf("%s-k%d", s.name, s.rng.IntN(6))
		if s.versions[key] == 0 {
			s.versions[key] = 1 // the next one that is written is 2
		}
		b.oldest[key]--
		insert(row{key: key, version: b.oldest[key], at: b.below.Add(time.Duration(b.oldest[key]) * 200 * time.Hour)})
	}
}

// deleteBehind deletes rows of the baseline: of people none that is their newest.
func (s *scenario) deleteBehind(n int) {
	b := s.behind
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := map[string]int{}
	for _, r := range s.rows {
		newest[r.key] = r.version
	}
	for range n {
		r := s.rows[s.rng.IntN(len(s.rows))]
		if b.late[r.content()] || !r.at.Before(b.below) || s.gone[r.content()] || !s.event && newest[r.key] == r.version {
			continue
		}
		s.gone[r.content()] = true
		b.left++
		s.exec(fmt.Sprintf(`DELETE FROM "%s" WHERE "ID" = '%s' AND "V" = %d`, s.tableName, r.key, r.version))
	}
}

// takeBaseline makes the first baseline, of all rows so far: nothing disturbs it.
func (s *scenario) takeBaseline() bool {
	s.advance(3 * time.Hour)
	s.write(3)
	for _, c := range []schemas.Command{{Kind: schemas.CommandRun}, {Kind: schemas.CommandReconcile, Reconcile: &schemas.Reconciliation{}}} {
		if !s.close(s.start(c)) {
			return false
		}
	}
	if s.behind.below.IsZero() && !s.w.broken() {
		s.violation("the first reconciliation has left no baseline")
	}
	return !s.behind.below.IsZero()
}

// judgeReconciled compares what a reconciliation has found with what has come and left.
func (s *scenario) judgeReconciled(r schemas.Run) {
	b, found := s.behind, r.Reconciled
	switch {
	case r.Mode != schemas.ModeReconcile || !succeeded(r):
		b.came, b.perhaps = b.came+b.perhaps, 0
		return
	case r.WatermarkTo != "" || found == nil:
		s.violation("%s has moved the watermark to %q, and found %+v", r.Run, r.WatermarkTo, found)
		return
	}
	first := b.below.IsZero()
	at, err := schemas.ParseInstant(found.Baseline.Below)
	switch {
	case err != nil:
		s.violation("%s has left a baseline of no instant: %+v", r.Run, found)
		return
	case first && (found.Unknown == "" || r.Counts.Read > 0):
		s.violation("%s is the first, read %d rows and found %+v", r.Run, r.Counts.Read, found)
	case !first && (found.Unknown != "" || !found.Exact || found.Came < int64(b.came) || found.Came > int64(b.came+b.perhaps) || found.Left != int64(b.left)):
		s.violation("%s has found %+v; %d rows have come, and %d while it ran; %d have left", r.Run, *found, b.came, b.perhaps, b.left)
	}
	b.found += int(found.Came)
	b.came, b.perhaps, b.left = b.came+b.perhaps-int(found.Came), 0, 0
	b.below = at
	if b.came == 0 {
		clear(b.late)
	}
}

// reconcileAll sends all that has come behind the watermark. A second look finds nothing.
func (s *scenario) reconcileAll() bool {
	for i := range 2 {
		if s.w.broken() || !s.close(s.start(schemas.Command{Kind: schemas.CommandReconcile, Reconcile: &schemas.Reconciliation{}})) {
			return false
		}
		r := s.runs[len(s.runs)-1]
		if !succeeded(r) || i == 1 && (r.Reconciled.Came > 0 || r.Reconciled.Left > 0 || r.Counts.Read > 0) {
			s.violation("reconciliation %d, which nothing disturbs, is %s with %+v", i+1, r.State, r.Reconciled)
			return false
		}
	}
	return true
}

// logReconciled says what the reconciliations of a world found.
func logReconciled(w *world, scenarios []*scenario) {
	if !w.reconciled {
		return
	}
	states, found := map[string]int{}, 0
	for _, s := range scenarios {
		found += s.behind.found
		for _, r := range s.runs {
			if r.Mode == schemas.ModeReconcile {
				states[r.State]++
			}
		}
	}
	w.t.Logf("reconciliations: %v have found %d rows", states, found)
}
