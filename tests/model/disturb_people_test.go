package model

import (
	"fmt"
	"slices"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/schemas"
)

// peopleDisturbances edit definitions, cancel and repeat runs, and delete imports.
func peopleDisturbances() []disturbance {
	return slices.Concat(cancelDisturbances(), editDisturbances(), deleteDisturbances())
}

// cancelDisturbances cancel runs and read spans again.
func cancelDisturbances() []disturbance {
	return []disturbance{
		{name: "cancel in flight", within: func(s *scenario, run string) {
			s.cancel(run)
		}},
		{name: "cancel with a late request", within: func(s *scenario, run string) {
			// The next run meets the answer if this one is cancelled before it sends anything.
			s.mayRepeat, s.mayReject["ambiguous"] = true, true
			s.gate.misbehave(2, answer{name: "late over a cancel", late: s.lateness(s.rng), reply: hangUp})
			s.cancel(run)
		}},
		{name: "backfill", command: func(s *scenario) schemas.Command { return s.backfill(time.Second) }},
		{name: "backfill cancelled", before: func(s *scenario) {
			s.gate.misbehave(3+s.rng.IntN(4), answer{name: "slow", slow: 20 * time.Millisecond})
		}, command: func(s *scenario) schemas.Command { return s.backfill(time.Minute) }, within: func(s *scenario, run string) {
			s.reaches(run, func(r schemas.Run) bool { return r.Counts.Loaded > 0 })
			s.cancel(run)
		}},
	}
}

// editDisturbances edit definitions and resources, and begin anew.
func editDisturbances() []disturbance {
	reset := func(s *scenario, id string) {
		s.mayRepeat = true
		s.newEpoch()
		all := int64(1 << 40)
		s.w.command(s.name, schemas.Command{ID: fmt.Sprint(id, " ", len(s.runs)), Kind: schemas.CommandReset, Repeats: &all})
	}
	return []disturbance{
		{name: "account moved by its resource", before: func(s *scenario) {
			s.mayRepeat = true
			s.newEpoch()
			s.moveAccount()
		}},
		{name: "account moved within a run", within: func(s *scenario, _ string) {
			s.mayRepeat, s.mayEnd["target_changed"] = true, true
			s.newEpoch()
			s.moveAccount()
		}},
		{name: "account applied again within a run", within: func(s *scenario, _ string) { s.applyAccount() }},
		{name: "mapping edited within a run", within: func(s *scenario, _ string) {
			s.mayRepeat = true // a new mapping sends every row of the window again
			s.apply(func(spec *schemas.ImportSpec) {
				others := slices.DeleteFunc(slices.Clone(spec.Mapping), func(p schemas.Property) bool { return p.From == "AT" })
				spec.Mapping = append(others, schemas.Property{From: "AT", To: fmt.Sprint("at", s.rng.IntN(3))})
			})
		}},
		{name: "source edited within a run", within: func(s *scenario, _ string) {
			s.mayRepeat = true
			s.newEpoch()
			s.moveTable()
		}},
		{name: "reset", before: func(s *scenario) { reset(s, "reset") }},
		{name: "reset within a run", within: func(s *scenario, _ string) { reset(s, "reset within") }},
	}
}

// deleteDisturbances delete imports and create them again, let them wait and pause them.
func deleteDisturbances() []disturbance {
	return []disturbance{
		{name: "deleted and created again within a run", within: func(s *scenario, _ string) {
			s.mayReject["ambiguous"] = true // with onAmbiguous hold: an upload of the run that the deletion cancels
			s.recreateWithin(false)
		}},
		{name: "deleted with its topics and created again within a run", within: func(s *scenario, _ string) {
			s.mayEnd["topic_recreated"], s.mayReject["ambiguous"] = true, true
			s.recreateWithin(true)
		}},
		{name: "cancelled after a wait beyond the deadline", before: refuseUntilReleased, within: func(s *scenario, run string) {
			s.reaches(run, func(r schemas.Run) bool { return r.Waiting != nil })
			time.Sleep(shortDeadline + time.Second) // the deadline stands still while the account is waited for
			s.cancel(run)
		}, after: func(s *scenario) {
			s.gate.behave()
			withoutDeadline(s)
		}},
		{name: "paused and resumed", within: func(s *scenario, _ string) {
			s.w.command(s.name, schemas.Command{ID: fmt.Sprint("pause ", len(s.runs)), Kind: schemas.CommandPause})
			s.w.command(s.name, schemas.Command{ID: fmt.Sprint("resume ", len(s.runs)), Kind: schemas.CommandResume})
		}},
		{name: "deleted and created again", after: func(s *scenario) { s.recreate(false) }},
		{name: "deleted with its topics and created again", after: func(s *scenario) { s.recreate(true) }},
	}
}

// backfill reads a span again that begins with a random row; of events a plain run is made,
// because a backfill's are new events.
func (s *scenario) backfill(span time.Duration) schemas.Command {
	r, ok := s.pick()
	if !ok || s.event {
		return schemas.Command{Kind: schemas.CommandRun}
	}
	return schemas.Command{Kind: schemas.CommandBackfill, From: schemas.FormatInstant(r.at), To: schemas.FormatInstant(r.at.Add(span))}
}

// recreate deletes the import as Import Center does and creates it again.
func (s *scenario) recreate(topics bool) {
	s.mayRepeat = true // the new import has a table to read, as any new one
	s.newEpoch()
	s.w.produce(control.Tombstone(s.w.topics.Imports(), s.name, s.name))
	if topics {
		s.rowsGone, s.recordsGone = true, true
		s.w.deleteTopics(s.w.topics.Rows(s.name), s.w.topics.Records(s.name))
	}
	if s.rng.IntN(2) == 0 {
		time.Sleep(time.Duration(s.rng.IntN(200)) * time.Millisecond) // the delay of a person
	}
	s.generation = 0
	s.apply(func(*schemas.ImportSpec) {})
}

// recreateWithin deletes the import and creates it again while a run is under way. What the
// import was asked for before is known by then, and nothing is asked of it until the run is
// over.
func (s *scenario) recreateWithin(topics bool) {
	last := len(s.runs) + 1
	if s.beside {
		last++
	}
	// A deletion overtakes what was asked for before it, and drops it.
	s.w.board.await(schemas.RunID(s.name, last), func(schemas.Run) bool { return true })
	s.recreated = true
	s.recreate(topics)
}

// moveTable makes the import read a copy of its table. From now on the writers write to the
// copy.
func (s *scenario) moveTable() {
	s.mu.Lock()
	old := s.tableName
	s.tables++
	s.tableName = fmt.Sprintf("%s_%d", s.table(), s.tables)
	s.exec(fmt.Sprintf(`CREATE TABLE "%s" AS SELECT "ID", "V", "AT" FROM "%s"`, s.tableName, old))
	s.mu.Unlock()
	s.apply(func(spec *schemas.ImportSpec) { spec.Source.Table = s.tableName })
}

// pick returns a random row that was written.
func (s *scenario) pick() (row, bool) {
	if len(s.rows) == 0 {
		return row{}, false
	}
	return s.rows[s.rng.IntN(len(s.rows))], true
}
