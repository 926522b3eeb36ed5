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
	// patchy says that every second version of a profile writes one more property.
	patchy bool
	rng    *rand.Rand
	spec   schemas.ImportSpec

	began time.Time // by the machine's clock

	mu         sync.Mutex
	now        time.Time
	gate       *gate // of the account that the import names now
	gates      []*gate
	generation int
	versions   map[string]int // the newest of each identity in the table
	rows       []row

	tableName string          // of the table that is read and written now
	tables    int             // copies of the table
	wide      int             // columns beside its own
	widths    int             // how often it was widened
	many      int             // how often many rows were written
	gone      map[string]bool // contents that the table held once
	mayBeGone map[string]bool // identities of which the table holds nothing that is read again
	more      int             // runs beyond the usual number
	settling  bool            // nothing disturbs it any more
	// newestBefore is how many rows there were before the newest writes.
	newestBefore int

	runs         []schemas.Run   // closed
	disturbed    []string        // what has happened
	mayEnd       map[string]bool // codes with which a disturbed run may fail
	mayRepeat    bool            // events may arrive more than once
	mayReject    map[string]bool // codes with which a disturbance may reject records
	mayRejectAny bool

	beside        bool            // a replay is queued behind the run
	besides       map[int]bool    // numbers of replays that were
	recreated     bool            // deleted and created again within the run
	oldEpoch      int             // the last run whose rejects may be of an epoch that is over
	dismissed     int             // the last run whose rejects were dismissed
	declined      map[int]bool    // numbers of replays that sent nothing
	rowsGone      bool            // the topic may have lost rows
	rejectsGone   map[string]bool // contents that rejects held which were deleted with their topic
	reportsGone   bool            // reports may be lost, so that nothing tells what replays have taken
	recordsGone   bool            // likewise, so that it is not known what a replay without success has loaded
	brokenMapping bool            // some rows are rejected until the mapping is corrected

	behind *behind // nil unless it reconciles
	looks  *looks  // nil unless it verifies and repairs
}

const scenarioLookback = time.Minute

func newScenario(w *world, seed uint64) *scenario {
	rng := rand.New(rand.NewPCG(seed, 3))
	s := &scenario{
		w: w, seed: seed, name: fmt.Sprintf("s%d", seed), rng: rng, event: rng.IntN(3) == 0,
		now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), began: time.Now(), versions: map[string]int{}, mayEnd: map[string]bool{},
		mayReject: map[string]bool{}, gone: map[string]bool{}, mayBeGone: map[string]bool{},
		besides: map[int]bool{}, declined: map[int]bool{}, rejectsGone: map[string]bool{},
	}
	s.tableName = s.table()
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
		if rng.IntN(4) == 0 {
			s.spec.Destination.OnAmbiguous = "hold"
		}
		return s
	}
	switch rng.IntN(4) {
	case 0: // with an operator: a record may not be sent twice without being counted
		s.spec.Mapping = append(s.spec.Mapping, schemas.Property{From: "V", To: "sum", Op: "incr"})
		if rng.IntN(2) == 0 {
			s.spec.Destination.OnAmbiguous = "hold"
		}
	case 1: // a property that only some versions write: it must not be lost with an older one
		s.patchy = true
		s.spec.Expressions = schemas.ExpressionsExact
		s.spec.Mapping = append(s.spec.Mapping, schemas.Property{Expr: "V % 2 == 0 ? V : nil", To: "even", Type: "integer"})
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
	s.w.keepEvidence(s)
	s.w.report(fmt.Sprintf("seed %d (%s)", s.seed, s), fmt.Sprintf(format, args...)+"; runs:"+s.story())
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

// moveAccount makes the import's account resource name another CleverTap account.
func (s *scenario) moveAccount() {
	g := newGate(s.w.t, s.w.openTime())
	s.mu.Lock()
	s.gate, s.gates = g, append(s.gates, g)
	s.mu.Unlock()
	s.applyAccount()
}

// applyAccount applies the account's resource, perhaps with other sizes.
func (s *scenario) applyAccount() {
	s.w.accountAt(s.account(), s.gate.server.URL, schemas.CleverTapAccountSpec{RecordsPerUpload: []int{1, 3, 3, 50}[s.rng.IntN(4)], Slots: 1 + s.rng.IntN(5)})
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
		s.exec(fmt.Sprintf(`INSERT INTO "%s" ("ID", "V", "AT") VALUES ('%s', %d, %s)`, s.tableName, r.key, r.version, stampSQL(r.at)))
	}
}

// pass is the scenario from its first write to its audit.
func (s *scenario) pass(choose func(*rand.Rand) []disturbance) {
	if s.disturbRuns(choose) {
		s.settle()
	}
}

// disturbRuns writes, runs and disturbs. It returns false if the scenario cannot continue.
func (s *scenario) disturbRuns(choose func(*rand.Rand) []disturbance) bool {
	s.write(4 + s.rng.IntN(12))
	if s.behind != nil && !s.takeBaseline() {
		return false
	}
	for range s.more + 2 + s.rng.IntN(3) {
		if s.w.broken() {
			return false
		}
		s.advance(time.Duration(s.rng.Int64N(int64(3 * time.Minute))))
		s.newestBefore = len(s.rows)
		s.write(s.rng.IntN(10))
		if !s.run(choose(s.rng)...) {
			return false
		}
	}
	return true
}

// start sends a command that begins a run and returns the run's name.
func (s *scenario) start(c schemas.Command) string {
	id := schemas.RunID(s.name, len(s.runs)+1)
	for _, g := range s.gates {
		g.begin(len(s.runs) + 1)
	}
	c.ID = fmt.Sprintf("%s of %s", c.Kind, id)
	if c.Replay != nil && c.Replay.How == schemas.ReplayDeclined {
		s.declined[len(s.runs)+1] = true
	}
	s.w.command(s.name, c)
	return id
}

// reaches waits until a run fulfils a condition, is held or has closed.
func (s *scenario) reaches(run string, is func(schemas.Run) bool) {
	s.w.board.await(run, func(r schemas.Run) bool { return is(r) || closed(r) || r.State == schemas.StateHeld })
}

func loading(r schemas.Run) bool { return r.State == schemas.StateLoading || r.Counts.Loaded > 0 }

// cancel cancels a run.
func (s *scenario) cancel(run string) {
	s.w.command(s.name, schemas.Command{ID: "cancel " + run, Kind: schemas.CommandCancel, Run: run})
}

// close waits for the end of a run and judges how it ended. A run that is held is
// approved, or declined once in a while. It returns false if the scenario cannot continue.
func (s *scenario) close(run string) bool {
	decline := !s.settling && s.rng.IntN(3) == 0
	answered := false
	r, ok := s.w.board.await(run, func(r schemas.Run) bool {
		if r.State == schemas.StateHeld && !answered {
			answered = true
			go s.answerHeld(run, decline)
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

func (s *scenario) answerHeld(run string, decline bool) {
	if decline {
		s.w.command(s.name, schemas.Command{ID: "decline " + run, Kind: schemas.CommandDecline, Run: run})
		return
	}
	all := int64(1 << 40)
	s.mu.Lock()
	s.mayRepeat = true
	s.mu.Unlock()
	s.w.command(s.name, schemas.Command{ID: "approve " + run, Kind: schemas.CommandApprove, Run: run, Repeats: &all})
}
