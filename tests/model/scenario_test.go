package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tapline.dev/schemas"
)

// scenario is an import with a table, a destination and a CleverTap account of
// its own, to which disturbances happen. Its table has several rows for each
// identity: one for each version, which is never changed.
type scenario struct {
	w     *world
	seed  uint64
	name  string
	event bool
	rng   *rand.Rand
	spec  schemas.ImportSpec

	mu         sync.Mutex
	now        time.Time
	gate       *gate // of the account that the import names now
	gates      []*gate
	generation int
	versions   map[string]int // the newest of each identity in the table
	rows       []row

	runs      []schemas.Run   // closed
	disturbed []string        // what has happened
	mayEnd    map[string]bool // codes with which a disturbed run may fail
	mayRepeat bool            // events may arrive more than once
	mayReject bool            // records may be rejected by a disturbance
}

const scenarioLookback = time.Minute

func newScenario(w *world, seed uint64) *scenario {
	rng := rand.New(rand.NewPCG(seed, 3))
	s := &scenario{
		w: w, seed: seed, name: fmt.Sprintf("s%d", seed), rng: rng, event: rng.IntN(3) == 0,
		now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), versions: map[string]int{}, mayEnd: map[string]bool{},
	}
	s.spec = schemas.ImportSpec{
		Source: schemas.Source{
			ConnectionRef: "warehouse", Table: s.table(),
			Cursor: &schemas.Cursor{Column: "AT", Lookback: schemas.Duration(scenarioLookback), Future: schemas.Duration(time.Minute)},
		},
		Destination: schemas.Destination{AccountRef: s.account(), Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Mapping:     []schemas.Property{{From: "V", To: "v"}},
		Topic:       schemas.TopicSettings{Partitions: 1 + rng.IntN(2)},
	}
	if s.event {
		s.spec.Destination.Type, s.spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: "Bought " + s.name}
	}
	return s
}

func (s *scenario) table() string   { return "T_" + strings.ToUpper(s.name) }
func (s *scenario) account() string { return "account-" + s.name }

func (s *scenario) String() string {
	what := "profiles"
	if s.event {
		what = "events"
	}
	return fmt.Sprintf("%s, disturbed by %v", what, s.disturbed)
}

func (s *scenario) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *scenario) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *scenario) violation(format string, args ...any) {
	s.w.report(fmt.Sprintf("seed %d (%s)", s.seed, s), fmt.Sprintf(format, args...)+"; runs:"+s.story())
}

func (s *scenario) story() string {
	var b strings.Builder
	for _, r := range s.runs {
		fmt.Fprintf(&b, "\n  %s %s %s attempt %d, %s to %s, %+v %v", r.Run, r.Mode, r.State, r.Attempt, r.WatermarkFrom, r.WatermarkTo, r.Counts, r.Notes)
		if r.Error != nil {
			fmt.Fprintf(&b, " %+v", *r.Error)
		}
	}
	return b.String()
}

// create makes the table, the account and the import, before the services start.
func (s *scenario) create() {
	s.w.clocks[s.name] = s.clock
	s.exec(fmt.Sprintf(`CREATE TABLE "%s" ("ID" VARCHAR, "V" DECIMAL(38,0), "AT" TIMESTAMP_NS)`, s.table()))
	s.moveAccount()
	s.apply(func(*schemas.ImportSpec) {})
}

func (s *scenario) exec(sql string) {
	if err := s.w.snowflake.Change(s.w.t.Context(), sql); err != nil {
		s.violation("the harness cannot write: %v", err)
	}
}

// apply edits the definition.
func (s *scenario) apply(edit func(*schemas.ImportSpec)) {
	s.mu.Lock()
	s.generation++
	edit(&s.spec)
	spec, generation := s.spec, s.generation
	s.mu.Unlock()
	s.w.applyGeneration(s.name, spec, generation)
}

// moveAccount lets the account that the import names be another one at CleverTap.
func (s *scenario) moveAccount() {
	g := newGate(s.w.t)
	s.mu.Lock()
	s.gate, s.gates = g, append(s.gates, g)
	s.mu.Unlock()
	s.w.accountAt(s.account(), g.server.URL, schemas.CleverTapAccountSpec{RecordsPerUpload: 3, Slots: 4})
}

// write appends n rows, some of them new versions of known identities.
func (s *scenario) write(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.now = s.now.Add(time.Duration(1+s.rng.IntN(2000)) * time.Millisecond)
		key := fmt.Sprintf("%s-k%d", s.name, s.rng.IntN(6))
		s.versions[key]++
		r := row{key: key, version: s.versions[key], at: s.now}
		s.rows = append(s.rows, r)
		s.exec(fmt.Sprintf(`INSERT INTO "%s" VALUES ('%s', %d, TIMESTAMP_NS '%s')`, s.table(), r.key, r.version, r.at.Format("2006-01-02 15:04:05.000000000")))
	}
}

// pass is the scenario from its first write to its audit.
func (s *scenario) pass(choose func(*rand.Rand) *disturbance) {
	s.write(4 + s.rng.IntN(12))
	for range 2 + s.rng.IntN(3) {
		if s.w.broken() {
			return
		}
		s.advance(time.Duration(s.rng.Int64N(int64(3 * time.Minute))))
		s.write(s.rng.IntN(10))
		if !s.run(choose(s.rng)) {
			return
		}
	}
	s.settle()
}

// run triggers a run, lets a disturbance happen to it, and waits for its end.
func (s *scenario) run(d *disturbance) bool {
	if d == nil {
		return s.close(s.start(schemas.Command{Kind: schemas.CommandRun}))
	}
	s.disturbed = append(s.disturbed, d.name)
	return d.do(s)
}

// start sends a command that begins a run and returns the run's name.
func (s *scenario) start(c schemas.Command) string {
	id := schemas.RunID(s.name, len(s.runs)+1)
	for _, g := range s.gates {
		g.begin(len(s.runs) + 1)
	}
	c.ID = fmt.Sprintf("%s of %s", c.Kind, id)
	s.w.command(s.name, c)
	return id
}

// reaches waits until a run is as asked, or closed.
func (s *scenario) reaches(run string, is func(schemas.Run) bool) {
	s.w.board.await(run, func(r schemas.Run) bool { return is(r) || closed(r) })
}

func loading(r schemas.Run) bool { return r.State == schemas.StateLoading || r.Counts.Loaded > 0 }

// cancel cancels a run.
func (s *scenario) cancel(run string) {
	s.w.command(s.name, schemas.Command{ID: "cancel " + run, Kind: schemas.CommandCancel, Run: run})
}

// close waits for the end of a run and judges how it ended. A run that is held is
// approved. It returns false if nothing can follow.
func (s *scenario) close(run string) bool {
	asked := false
	r, ok := s.w.board.await(run, func(r schemas.Run) bool {
		if r.State == schemas.StateHeld && !asked {
			asked = true
			all := int64(1 << 40)
			s.mu.Lock()
			s.mayRepeat = true
			s.mu.Unlock()
			go s.w.command(s.name, schemas.Command{ID: "approve " + run, Kind: schemas.CommandApprove, Run: run, Repeats: &all})
		}
		return closed(r)
	})
	if !ok {
		if !s.w.broken() {
			s.w.dump()
			s.violation("%s does not close: it is %s with %+v", run, r.State, r.Counts)
		}
		return false
	}
	s.runs = append(s.runs, r)
	s.judge(r)
	return true
}

// settle ends all disturbances and lets two more runs read what is there.
func (s *scenario) settle() {
	for _, g := range s.gates {
		g.behave()
	}
	s.advance(26 * time.Hour)
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
	s.audit()
}

// judge compares a closed run with what may have become of it.
func (s *scenario) judge(r schemas.Run) {
	c := r.Counts
	switch {
	case c.Read != c.Extracted+c.Unchanged+c.StillRejected+c.Future+c.ExtractRejected,
		c.Extracted != c.Mapped+c.MapRejected+c.MapSkipped,
		c.Mapped != c.Loaded+c.LoadRejected+c.LoadSkipped:
		if r.State != schemas.StateFailed { // a failed run says in its error what is missing
			s.violation("the counts of %s do not add up", r.Run)
		}
	case c.LoadRejected+c.MapRejected+c.ExtractRejected > 0 && !s.mayReject:
		s.violation("%s rejected records: %v", r.Run, r.RejectsByCode)
	}
	if r.State == schemas.StateFailed && (r.Error == nil || !s.mayEnd[r.Error.Code]) {
		s.violation("%s failed for no reason of the scenario", r.Run)
	}
	if !succeeded(r) && r.WatermarkTo != "" {
		s.violation("%s is %s and moved the watermark to %q", r.Run, r.State, r.WatermarkTo)
	}
}

// audit compares what came to CleverTap with what is in the table.
func (s *scenario) audit() {
	for _, g := range s.gates {
		for identity, list := range g.arrivals() {
			if !s.event {
				s.auditOrder(identity, list)
			}
		}
	}
	if s.event {
		s.auditEvents()
		return
	}
	final := s.gate.arrivals()
	rejected := s.rejected()
	for identity, version := range s.versions {
		list := final[identity]
		if len(list) > 0 && list[len(list)-1].last == version {
			continue
		}
		if rejected--; rejected < 0 { // more are missing than were rejected
			s.violation("%s is lost: the newest version is %d, CleverTap got %v", identity, version, list)
		}
	}
}

// rejected counts the records that all runs have rejected.
func (s *scenario) rejected() (n int64) {
	for _, r := range s.runs {
		n += r.Counts.LoadRejected
	}
	return n
}

// auditOrder wants versions of an identity in their order: what was sent in a run
// arrives before what is sent in the next, and within a run no upload begins with an
// older version than one before it began with. An upload of several versions
// whose answer was lost is sent again as it was. A run may begin with older
// versions than the run before it ended with: it reads a window again.
func (s *scenario) auditOrder(identity string, list []arrival) {
	for i, a := range list[min(1, len(list)):] {
		before := list[i]
		again := a.run > 0 && a.run <= len(s.runs) && s.runs[a.run-1].Attempt > 1 // it begins anew within the run
		if a.run < before.run || a.run == before.run && a.first < before.first && !again {
			s.violation("%s: version %d of run %d (%s) was applied %s after version %d of run %d (%s)",
				identity, a.first, a.run, a.how, a.at.Sub(before.at), before.last, before.run, before.how)
			return
		}
	}
}

func (s *scenario) auditEvents() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	rejected := s.rejected()
	for _, r := range s.rows {
		n := s.gate.events[r.content()]
		if n == 0 && rejected > 0 {
			rejected--
			continue
		}
		switch {
		case n == 0:
			s.violation("event %s is lost", r.content())
			return
		case n > 1 && !s.mayRepeat:
			s.violation("event %s was written once and CleverTap has it %d times", r.content(), n)
			return
		}
	}
}
