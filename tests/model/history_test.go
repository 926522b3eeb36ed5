package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tapline.dev/schemas"
)

// Policies for a NULL cursor.
const (
	nullsNever    = "never" // writers write none
	nullsFail     = "fail"
	nullsAlways   = "always"
	nullsCoalesce = "coalesce"
)

// row is a row of the table.
type row struct {
	key     string
	version int
	at      time.Time // as the column tells it
	null    bool
}

func (r row) content() string { return fmt.Sprintf("%s#%d", r.key, r.version) }

// history is one import, its table and its writers.
type history struct {
	w          *world
	seed       uint64
	name       string
	kind       kind
	nulls      string
	nullsEver  int // rows without a stamp that were written, gone ones too
	event      bool
	lookback   time.Duration
	future     time.Duration
	delay      time.Duration // how far the source lags: stamps are old, but in order
	lateCheck  bool
	partitions int
	rng        *rand.Rand

	mu      sync.Mutex
	now     time.Time
	live    []row     // of a profile import one for each key
	newest  time.Time // highest stamp, not of the future, that was visible
	version int
	writes  map[string]int // how often a content was written
	stamps  []string       // of all writes, as the column tells them
	begun   bool           // a run has begun: from here on writers keep their promise

	runs      []schemas.Run // closed
	watermark string
}

func newHistory(w *world, seed uint64) *history {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := kinds()
	h := &history{
		w: w, seed: seed, name: fmt.Sprintf("h%d", seed), rng: rng, kind: all[int(seed)%len(all)],
		event: rng.IntN(3) == 0, partitions: 1 + rng.IntN(2), writes: map[string]int{},
		lookback: []time.Duration{time.Second, time.Minute, 15 * time.Minute, 2 * time.Hour}[rng.IntN(4)],
		future:   []time.Duration{time.Second, 5 * time.Minute}[rng.IntN(2)],
		nulls:    []string{nullsNever, nullsFail, nullsAlways, nullsCoalesce}[rng.IntN(4)],
		now:      start(rng),
	}
	if h.kind.none || h.kind.pair {
		h.nulls = nullsNever
	}
	h.lateCheck = rng.IntN(4) == 0
	if rng.IntN(4) == 0 && !h.kind.none {
		h.delay = h.lookback * time.Duration(3+rng.IntN(20))
	}
	return h
}

// start draws when a history begins: often shortly before clocks change.
func start(rng *rand.Rand) time.Time {
	at := []time.Time{
		time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC), // Berlin goes back
		time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC),   // New York goes back
		time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC),   // Berlin goes on
		time.Date(2026, 3, 8, 6, 0, 0, 0, time.UTC),    // New York goes on
		time.Date(2026, 6, 30, 23, 0, 0, 0, time.UTC),
		time.Date(2025, 12, 31, 23, 30, 0, 0, time.UTC),
	}[rng.IntN(6)]
	return at.Add(time.Duration(rng.Int64N(int64(2 * time.Hour))))
}

func (h *history) String() string {
	what := "profiles"
	if h.event {
		what = "events"
	}
	out := fmt.Sprintf("%s by %s, nulls %s, lookback %s", what, h.kind.name, h.nulls, h.lookback)
	if h.delay > 0 {
		out += fmt.Sprintf(", %s behind", h.delay)
	}
	return out
}

func (h *history) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *history) table() string { return "T_" + strings.ToUpper(h.name) }

func (h *history) createTable() string {
	columns := `"ID" VARCHAR, "V" DECIMAL(38,0)`
	if !h.kind.none {
		columns += `, "AT" ` + h.kind.duck
	}
	if h.kind.pair {
		columns += `, "AT2" ` + h.kind.duck
	}
	if h.nulls == nullsCoalesce {
		columns += `, "MADE" ` + h.kind.duck
	}
	return fmt.Sprintf(`CREATE TABLE "%s" (%s)`, h.table(), columns)
}

func (h *history) spec() schemas.ImportSpec {
	spec := schemas.ImportSpec{
		Source:      schemas.Source{ConnectionRef: "warehouse", Table: h.table(), Cursor: h.kind.definition(), LateCheck: h.lateCheck},
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Mapping:     []schemas.Property{{From: "V", To: "v"}},
		Topic:       schemas.TopicSettings{Partitions: h.partitions},
	}
	if h.event {
		spec.Destination.Type, spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: h.eventName()}
	}
	if c := spec.Source.Cursor; c != nil {
		c.Lookback, c.Future = schemas.Duration(h.lookback), schemas.Duration(h.future)
		switch h.nulls {
		case nullsAlways:
			c.Nulls.Policy = "always"
		case nullsCoalesce:
			c.Nulls.Coalesce = "MADE"
		}
	}
	return spec
}

func (h *history) eventName() string { return "Bought " + h.name }

// pass is the history from its first write to its audit.
func (h *history) pass() {
	h.write(h.rng.IntN(14))
	for range 3 + h.rng.IntN(5) {
		if h.w.broken() {
			return
		}
		switch what := h.rng.IntN(10); {
		case what < 3:
			h.write(1 + h.rng.IntN(6))
		case what < 5:
			h.advance(time.Duration(h.rng.Int64N(int64(3 * h.lookback))))
		default:
			h.advance(time.Duration(h.rng.Int64N(int64(h.lookback))))
			h.write(h.rng.IntN(5))
			if !h.run(plan{writers: h.rng.IntN(2) == 0, cancel: h.rng.IntN(6) == 0}) {
				return
			}
		}
	}
	h.settle()
}

// settle ends the history: the clock advances past all future stamps, and two more runs
// read what is there.
func (h *history) settle() {
	h.mu.Lock()
	for _, r := range h.live {
		if !h.isFar(r) && r.at.After(h.now) {
			h.now = r.at
		}
	}
	h.now = h.now.Add(26 * time.Hour)
	h.mu.Unlock()
	h.repairNulls()
	for range 2 {
		if h.w.broken() || !h.run(plan{last: true}) {
			return
		}
	}
	if r := h.runs[len(h.runs)-1]; r.Attempt == 1 && r.Counts.Extracted > 0 && !unread(r) && !aside(r) && !h.forgot(len(h.runs)) {
		h.w.violation(h, "%s sends %d rows again that have not changed", r.Run, r.Counts.Extracted)
	}
	h.audit()
}
