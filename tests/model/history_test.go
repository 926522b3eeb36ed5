package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

// row is what the table holds.
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
	event      bool
	lookback   time.Duration
	future     time.Duration
	delay      time.Duration // the source is so far behind: stamps are old, but in order
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

// start is when a history begins: often shortly before clocks change.
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

// settle ends the history: what has a future stamp comes to its time, and two
// more runs read what is there.
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

// stamped tells whether a row's cursor is one.
func (h *history) stamped(r row) bool { return !r.null || h.nulls == nullsCoalesce }

// advance lets time pass.
func (h *history) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// write commits n rows in one transaction. Its instant is the clock's.
func (h *history) write(n int) {
	if n == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	statements := []string{"BEGIN TRANSACTION"}
	for range n {
		statements = append(statements, h.writeOne())
	}
	statements = append(statements, "COMMIT")
	h.change(statements...)
	h.note()
}

// note keeps the stamps that a run may see.
func (h *history) note() {
	for _, r := range h.live {
		if h.stamped(r) {
			h.stamps = append(h.stamps, h.kind.frame(r.at))
		}
	}
	slices.Sort(h.stamps)
	h.stamps = slices.Compact(h.stamps)
}

func (h *history) change(statements ...string) {
	ctx := h.w.t.Context()
	if err := h.w.snowflake.Change(ctx, strings.Join(statements, ";\n")); err != nil {
		h.w.violation(h, "the harness cannot write: %v", err)
	}
}

func (h *history) writeOne() string {
	if h.event {
		return h.appendEvent()
	}
	h.look()
	key := fmt.Sprintf("%s-k%d", h.name, h.rng.IntN(12))
	h.version++
	r := row{key: key, version: h.version}
	r.at, r.null = h.stamp()
	at := slices.IndexFunc(h.live, func(old row) bool { return old.key == key })
	if at < 0 {
		h.live = append(h.live, r)
		h.writes[r.content()]++
		return h.insert(r)
	}
	if h.rng.IntN(8) == 0 {
		r.version = h.live[at].version // touched: only the stamp is new
	}
	h.live[at] = r
	h.writes[r.content()]++
	return h.update(r)
}

func (h *history) appendEvent() string {
	r := row{key: fmt.Sprintf("%s-k%d", h.name, h.rng.IntN(6))}
	if twin, ok := h.twin(); ok && h.rng.IntN(3) == 0 {
		r = twin
	} else {
		h.version++
		r.version = h.version
		r.at, r.null = h.stamp()
	}
	h.live = append(h.live, r)
	h.writes[r.content()]++
	return h.insert(r)
}

// twin is an event that may be written once more just as it is.
func (h *history) twin() (row, bool) {
	if len(h.live) == 0 {
		return row{}, false
	}
	r := h.live[h.rng.IntN(len(h.live))]
	honest := r.null && h.nulls == nullsAlways || !r.null && !r.at.Before(h.earliest())
	return r, h.kind.none || honest
}

// earliest is the lowest stamp that keeps the promise of the lookback.
func (h *history) earliest() time.Time { return h.now.Add(-h.delay - h.lookback) }

// stamp draws an Updated On for a row that commits now.
func (h *history) stamp() (at time.Time, null bool) {
	draw := h.rng.IntN(100)
	switch {
	case h.kind.none:
		return h.now, false
	case draw < 8 && (h.nulls == nullsAlways || h.nulls == nullsCoalesce), draw < 3 && h.nulls == nullsFail:
		null = true
	case draw < 14 && h.delay == 0:
		return h.kind.cut(h.now.Add(time.Duration(h.rng.Int64N(int64(3 * h.future))))), false
	case draw < 17:
		return h.kind.cut(h.kind.last), false
	case draw < 30 && !h.begun:
		// Before the first run any stamp will do.
		return h.kind.cut(time.Date(1900+h.rng.IntN(125), 2, 28, 23, 59, 59, 0, time.UTC)), false
	}
	late := time.Duration(0)
	switch h.rng.IntN(10) {
	case 0, 1, 2:
	case 3:
		late = h.lookback
	case 4: // a tie with whatever else is late in this way
		late = h.lookback / 2
	case 5: // just where the watermark of a run would be that has read what is visible
		if newest := h.look(); !newest.IsZero() {
			return h.kind.cut(newest.Add(-h.lookback)), null
		}
	default:
		late = time.Duration(h.rng.Int64N(int64(h.lookback)))
	}
	at = h.kind.cut(h.now.Add(-h.delay - late))
	if !h.kind.coarse && at.Before(h.earliest()) {
		at = at.Add(h.kind.grain)
	}
	return at, null
}

// look keeps the highest stamp that readers can have seen.
func (h *history) look() time.Time {
	for _, r := range h.live {
		if h.stamped(r) && !r.at.After(h.now) && r.at.After(h.newest) {
			h.newest = r.at
		}
	}
	return h.newest
}

func (h *history) isFar(r row) bool { return !h.kind.none && r.at.Year() > 2200 }

// values are the columns after ID and V.
func (h *history) values(r row) []string {
	if h.kind.none {
		return nil
	}
	at := h.kind.sql(h.rng, r.at)
	switch {
	case h.kind.pair:
		out := []string{at, h.kind.sql(h.rng, r.at.Add(-time.Duration(h.rng.Int64N(int64(time.Hour)))))}
		if h.rng.IntN(2) == 0 {
			slices.Reverse(out)
		}
		return out
	case h.nulls == nullsCoalesce && r.null:
		return []string{"NULL", at}
	case h.nulls == nullsCoalesce:
		return []string{at, "NULL"}
	case r.null:
		return []string{"NULL"}
	}
	return []string{at}
}

func (h *history) insert(r row) string {
	values := append([]string{"'" + r.key + "'", fmt.Sprint(r.version)}, h.values(r)...)
	return fmt.Sprintf(`INSERT INTO "%s" VALUES (%s)`, h.table(), strings.Join(values, ", "))
}

func (h *history) update(r row) string {
	set := []string{fmt.Sprintf(`"V" = %d`, r.version)}
	names := []string{"AT", "AT2"}
	if h.nulls == nullsCoalesce {
		names[1] = "MADE"
	}
	for i, v := range h.values(r) {
		set = append(set, fmt.Sprintf(`"%s" = %s`, names[i], v))
	}
	return fmt.Sprintf(`UPDATE "%s" SET %s WHERE "ID" = '%s'`, h.table(), strings.Join(set, ", "), r.key)
}

// nullsLive counts the rows at which a run has to fail; the caller holds mu.
func (h *history) nullsLive() int {
	n := 0
	for _, r := range h.live {
		if r.null && h.nulls == nullsFail {
			n++
		}
	}
	return n
}

// repairNulls stamps the rows at which a run fails.
func (h *history) repairNulls() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nullsLive() == 0 {
		return
	}
	at := h.kind.cut(h.now.Add(-h.delay))
	for i := range h.live {
		if h.live[i].null {
			h.live[i].null, h.live[i].at = false, at
		}
	}
	h.change(fmt.Sprintf(`UPDATE "%s" SET "AT" = %s WHERE "AT" IS NULL`, h.table(), h.kind.sql(h.rng, at)))
	h.note()
}
