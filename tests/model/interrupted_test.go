package model

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestInterruptedEvents: runs of event imports are cancelled, fail and abandon attempts at
// random moments, again and again. Each event must be at CleverTap as often as it was
// written: neither lost nor stored a second time. If services are killed too, or answers of
// CleverTap are lost, there must be no more second copies than the runs count.
func TestInterruptedEvents(t *testing.T) {
	count := max(scenariosPerWorld, *seeds/6)
	t.Logf("seeds %d to %d", *from, *from+uint64(count)-1)
	places := make(chan struct{}, disturbedAtOnce)
	var worlds sync.WaitGroup
	for first := *from; first < *from+uint64(count); first += scenariosPerWorld {
		places <- struct{}{}
		if *hunt {
			worlds.Wait()
			if t.Failed() {
				break
			}
		}
		worlds.Go(func() {
			defer func() { <-places }()
			t.Run(fmt.Sprintf("seeds from %d", first), func(t *testing.T) { interruptedWorld(t, first) })
		})
	}
	worlds.Wait()
}

// interruptedWorld runs the scenarios of some seeds in one world. Every second world kills
// services.
func interruptedWorld(t *testing.T, first uint64) {
	kills := first/scenariosPerWorld%2 == 1
	w := newWorld(t, trouble{crashes: kills})
	w.attempts, w.chunkTries, w.stall = 2, 2, 300*time.Millisecond
	w.kafka.SessionTimeout = 2 * time.Second
	var scenarios []*interruptedScenario
	for seed := first; seed < first+scenariosPerWorld; seed++ {
		scenarios = append(scenarios, newInterruptedScenario(w, seed, kills))
		scenarios[len(scenarios)-1].create()
	}
	w.lives = w.startAll()
	over := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { w.interruptAll(rand.New(rand.NewPCG(first, 13)), kills, over) })
	var passing sync.WaitGroup
	for _, s := range scenarios {
		passing.Go(s.pass)
	}
	passing.Wait()
	close(over)
	beside.Wait()
	w.breakChunks(nil)
	for _, s := range scenarios {
		passing.Go(s.settle)
	}
	passing.Wait()
	w.stopAll(w.lives)
	w.checkContracts()
	runs, attempts, leftOut := map[string]int{}, 0, 0
	for _, s := range scenarios {
		for _, r := range s.runs {
			runs[r.State]++
			attempts += r.Attempt - 1
			if noted(r, "were left out") {
				leftOut++
			}
		}
	}
	t.Logf("runs: %v, %d abandoned attempts; %d runs left rows out", runs, attempts, leftOut)
}

// interruptAll makes results incomplete or lost, so that attempts are abandoned and runs
// fail, and kills services.
func (w *world) interruptAll(rng *rand.Rand, kills bool, over <-chan struct{}) {
	// A kill comes between closings of runs, so that there is time to get over it.
	for w.board.pass(rng.IntN(4), over) && !w.broken() {
		if kills && rng.IntN(2) == 0 {
			name := parts[rng.IntN(len(parts))]
			w.livesMu.Lock()
			w.lives[name] = w.crash(name, w.lives[name], 1+rng.IntN(60), time.Second)
			w.livesMu.Unlock()
			continue
		}
		w.breakChunks(map[string]any{"chunkShort": rng.IntN(6), "chunk503": rng.IntN(2), "loseResults": rng.IntN(6) == 0})
	}
}

func (w *world) breakChunks(faults map[string]any) {
	if faults == nil {
		faults = map[string]any{}
	}
	w.put("http://"+w.snowflake.Addr()+"/sandbox/v1/snowflake/faults", faults)
}

// interruptedScenario is an import of events whose runs are interrupted.
type interruptedScenario struct {
	*scenario
	kills bool
}

func newInterruptedScenario(w *world, seed uint64, kills bool) *interruptedScenario {
	s := &interruptedScenario{scenario: newScenario(w, seed), kills: kills}
	s.name = fmt.Sprintf("i%d", seed)
	s.event = true
	s.tableName = s.table()
	s.spec.Source.Table = s.table()
	s.spec.Destination = schemas.Destination{AccountRef: s.account(), Type: schemas.TypeEvent, Event: &schemas.EventSpec{Name: "Bought " + s.name}}
	// A scenario of profiles may have chosen operators, which events have not.
	s.spec.Mapping, s.spec.Expressions, s.patchy = []schemas.Property{{From: "V", To: "v"}}, "", false
	if s.rng.IntN(3) == 0 {
		s.spec.Source.Cursor = nil
	} else {
		s.spec.Source.Cursor.Lookback = schemas.Duration(time.Hour) // the window holds what was read before
	}
	for _, code := range []string{"result_short", "result_lost", "result_changed", "snowflake_unreachable"} {
		s.mayEnd[code] = true
	}
	return s
}

// pass writes and runs, and interrupts most of the runs.
func (s *interruptedScenario) pass() {
	s.write(6 + s.rng.IntN(20))
	for range 3 + s.rng.IntN(4) {
		if s.w.broken() {
			return
		}
		s.advance(time.Duration(s.rng.Int64N(int64(3 * time.Minute))))
		s.write(s.rng.IntN(8))
		s.twins(s.rng.IntN(3))
		run := s.start(schemas.Command{Kind: schemas.CommandRun})
		switch s.rng.IntN(5) {
		case 0:
			s.cancel(run)
		case 1, 2:
			s.reaches(run, loading)
			s.cancel(run)
		case 3:
			s.losesAnswers()
		case 4:
			// Records of an attempt that falls short are on their way when the next begins.
			s.gate.misbehave(4, answer{name: "slow", slow: 20 * time.Millisecond})
		}
		if !s.close(run) {
			return
		}
	}
}

// losesAnswers makes the answers to some uploads get lost that CleverTap has stored.
func (s *interruptedScenario) losesAnswers() {
	if !s.kills {
		return // then nothing may be stored twice
	}
	s.gate.misbehave(1+s.rng.IntN(2), answer{name: "reset after passing on", reply: hangUp})
}

// twins writes equal events again: two equal purchases are two events.
func (s *interruptedScenario) twins(n int) {
	for range n {
		r := s.rows[s.rng.IntN(len(s.rows))]
		if s.spec.Source.Cursor != nil {
			r = s.rows[len(s.rows)-1] // within the lookback
		}
		s.rows = append(s.rows, r)
		s.exec(fmt.Sprintf(`INSERT INTO "%s" VALUES ('%s', %d, TIMESTAMP_NS '%s')`, s.table(), r.key, r.version, r.at.Format("2006-01-02 15:04:05.000000000")))
	}
}

// settle lets runs succeed and then checks what CleverTap holds.
func (s *interruptedScenario) settle() {
	s.gate.behave()
	s.advance(26 * time.Hour)
	for good := 0; good < 2 && !s.w.broken(); {
		if !s.close(s.start(schemas.Command{Kind: schemas.CommandRun})) {
			return
		}
		r := s.runs[len(s.runs)-1]
		if succeeded(r) {
			good++
		} else if len(s.runs) > 20 {
			s.violation("%s does not succeed although nothing disturbs it any more", r.Run)
			return
		}
	}
	if !s.w.broken() {
		s.auditCopies()
	}
}

// auditCopies checks that every event is there as often as it was written. The runs count the events
// of which there are more copies: records that were sent again within a run, however
// often, and those of runs and attempts that did not succeed.
func (s *interruptedScenario) auditCopies() {
	written := map[string]int64{}
	for _, r := range s.rows {
		written[r.content()]++
	}
	s.gate.mu.Lock()
	stored := maps.Clone(s.gate.events)
	s.gate.mu.Unlock()
	var copies, resent, repeated, loaded int64
	for _, r := range s.runs {
		resent, repeated, loaded = resent+r.Counts.Resent, repeated+r.Counts.Repeated, loaded+r.Counts.Loaded
	}
	for _, content := range slices.Sorted(maps.Keys(written)) {
		n := int64(stored[content])
		if n < written[content] {
			s.violation("event %s was written %d times and CleverTap has %d", content, written[content], n)
		}
		if n > written[content] {
			copies++ // of at least one record
		}
	}
	if copies > resent+repeated {
		s.violation("%d events are at CleverTap more often than they were written, and the runs speak of %d and %d", copies, resent, repeated)
	}
	if !s.kills && (repeated > 0 || loaded != int64(len(s.rows))) {
		s.violation("%d events were written, the runs have loaded %d and may have repeated %d, though the log tells all", len(s.rows), loaded, repeated)
	}
}
