package ledger

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tapline.dev/libs/redis/redistest"
)

func multiset(entries []Fingerprint) map[Fingerprint]int {
	out := map[Fingerprint]int{}
	for _, e := range entries {
		out[e]++
	}
	return out
}

// history is a run over random rows, cut off at random places.
type history struct {
	t         *testing.T
	random    *rand.Rand
	store     Store
	cfg       Config
	chunks    [][]entry
	before    []Fingerprint
	lossy     bool
	last      Chunk
	unchanged map[Fingerprint]int // as committed
	known     bool                // every resume knew the ledger
}

func newHistory(t *testing.T, random *rand.Rand, store Store, cfg Config, lossy bool) *history {
	h := &history{t: t, random: random, store: store, cfg: cfg, lossy: lossy, unchanged: map[Fingerprint]int{}, known: true}
	var rows []entry
	for range random.IntN(2) * random.IntN(30) {
		rows = append(rows, entry{random.IntN(3), ""})
	}
	for second := range 1 + random.IntN(50) {
		for range random.IntN(4) {
			rows = append(rows, entry{10*(second+1) + random.IntN(3), at(second)})
		}
	}
	for _, e := range rows {
		if random.IntN(3) == 0 {
			h.before = append(h.before, fp(e.n))
		}
	}
	for len(rows) > 0 {
		n := random.IntN(min(len(rows), 8) + 1)
		h.chunks = append(h.chunks, rows[:n])
		rows = rows[n:]
	}
	return h
}

// run reads the chunks as the extractor does: it prepares some of them ahead of
// their transactions, and continues after the last transaction.
func (h *history) run() {
	for committed := 0; committed < len(h.chunks); {
		previous := newPrevious(slices.Clone(h.before))
		r, ok, err := Resume(h.t.Context(), h.store, h.cfg, committed, previous)
		if err != nil {
			h.t.Fatal(err)
		}
		if !ok {
			previous, h.known = nil, false
		}
		end := len(h.chunks)
		if h.random.IntN(3) > 0 {
			end = min(end, committed+h.random.IntN(10))
		}
		committed = h.attempt(r, previous, committed, end)
		if h.lossy && h.random.IntN(3) == 0 && committed > 0 {
			if err := h.store.Del(h.t.Context(), config(1).attempt().chunk(h.random.IntN(committed))); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

func (h *history) attempt(r *Recorder, previous *Previous, from, end int) (committed int) {
	ahead := min(len(h.chunks), end+h.random.IntN(3))
	for i := from; i < ahead; i++ {
		taken := map[Fingerprint]int{}
		for _, e := range h.chunks[i] {
			r.Add(fp(e.n), e.cursor, 0, false)
			if previous.Take(fp(e.n)) {
				taken[fp(e.n)]++
			}
		}
		c, err := r.Finish(h.t.Context(), i, h.maximum(i))
		if err != nil || c.Err != nil {
			h.t.Fatal(err, c.Err)
		}
		if i >= end {
			continue // its transaction does not come
		}
		h.last = c
		for f, n := range taken {
			h.unchanged[f] += n
		}
		if i == end-1 && i < len(h.chunks)-1 && h.random.IntN(2) == 0 {
			continue // cut off between the transaction and what follows it
		}
		if err := r.DeleteObsolete(h.t.Context(), c); err != nil {
			h.t.Fatal(err)
		}
	}
	return end
}

// maximum is the highest cursor of the chunks up to i.
func (h *history) maximum(i int) (highest string) {
	for _, chunk := range h.chunks[:i+1] {
		for _, e := range chunk {
			highest = max(highest, e.cursor)
		}
	}
	return highest
}

// want is what a ledger without a limit holds at the end: of the chunks with
// NULLs, and of those with a row that the next run reads, all rows that it would
// have read after that chunk.
func (h *history) want() map[Fingerprint]int {
	low := func(i int) string {
		maximum := h.maximum(i)
		if maximum == "" {
			return ""
		}
		low, err := h.cfg.Low(maximum)
		if err != nil {
			h.t.Fatal(err)
		}
		return low
	}
	want := map[Fingerprint]int{}
	for i, chunk := range h.chunks {
		next := low(len(h.chunks) - 1)
		if !slices.ContainsFunc(chunk, func(e entry) bool { return e.cursor == "" || e.cursor >= next }) {
			continue
		}
		for _, e := range chunk {
			if e.cursor == "" || e.cursor >= low(i) {
				want[fp(e.n)]++
			}
		}
	}
	return want
}

func (h *history) check() {
	h.t.Helper()
	read := map[Fingerprint]int{}
	for _, chunk := range h.chunks {
		for _, e := range chunk {
			read[fp(e.n)]++
		}
	}
	before := multiset(h.before)
	for f, n := range read {
		if got := h.unchanged[f]; got > before[f] || h.known && got != min(n, before[f]) {
			h.t.Errorf("%x: %d of %d rows were unchanged, and the run before read %d (ledger known %v)", f, got, n, before[f], h.known)
		}
	}
	p, complete, err := Load(h.t.Context(), h.store, "customers", ref(1, len(h.chunks), h.last), 1000, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if !h.lossy && !complete {
		h.t.Error("values are missing")
	}
	var got map[Fingerprint]int
	if p != nil {
		got = multiset(p.entries)
	}
	for f, n := range got {
		if n > read[f] {
			h.t.Errorf("%x: the ledger holds %d and %d were read", f, n, read[f])
		}
	}
	if want := h.want(); complete && !h.last.Partial && !maps.Equal(got, want) {
		h.t.Errorf("the ledger holds\n%v, want\n%v", got, want)
	}
	if err := Sweep(h.t.Context(), h.store, "customers", config(2).Ref()); err != nil {
		h.t.Fatal(err)
	}
	if left := stored(h.t, h.store, 1); len(left) > 0 {
		h.t.Errorf("swept, and chunks %v are left", left)
	}
}

func TestRandomHistories(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	first := rand.Uint64() >> 1
	for seed := first; seed < first+200 && !t.Failed(); seed++ {
		random := rand.New(rand.NewPCG(seed, 1))
		cfg := config(1)
		if random.IntN(3) == 0 {
			cfg.Limit = 1 + random.IntN(40)
		}
		h := newHistory(t, random, store, cfg, random.IntN(3) == 0)
		if len(h.chunks) == 0 {
			continue
		}
		h.run()
		h.check()
		if t.Failed() {
			t.Logf("seed %d: limit %d, lossy %v, %d chunks", seed, cfg.Limit, h.lossy, len(h.chunks))
		}
	}
}
