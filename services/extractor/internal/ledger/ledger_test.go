package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/statement"
)

func fp(n int) (f Fingerprint) {
	binary.BigEndian.PutUint16(f[:], uint16(n*7919))
	binary.BigEndian.PutUint64(f[8:], uint64(n))
	return f
}

func at(second int) string {
	return schemas.FormatInstant(time.Date(2026, 11, 23, 10, 0, second, 0, time.UTC))
}

func config(attempt int) Config {
	return Config{Import: "customers", Epoch: 3, Number: 7, Attempt: attempt, Limit: 1000, Low: func(maximum string) (string, error) {
		return statement.Minus(maximum, 10*time.Second)
	}}
}

type entry struct {
	n      int
	cursor string
}

// record writes chunks and returns what the last one left.
func record(t *testing.T, r *Recorder, first int, chunks ...[]entry) Chunk {
	t.Helper()
	var last Chunk
	maximum := ""
	for i, rows := range chunks {
		for _, e := range rows {
			r.Add(fp(e.n), e.cursor, 0, false)
			maximum = max(maximum, e.cursor)
		}
		var err error
		if last, err = r.Finish(t.Context(), first+i, maximum); err != nil {
			t.Fatal(err)
		}
		if last.Err != nil {
			t.Fatal(last.Err)
		}
		if err := r.DeleteObsolete(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func ref(attempt, chunks int, c Chunk) schemas.LedgerRef {
	r := config(attempt).Ref()
	r.Chunks, r.Entries, r.Complete = chunks, c.Entries, !c.Partial
	return r
}

func TestPreviousIsAMultiset(t *testing.T) {
	t.Parallel()
	var all []Fingerprint
	want := map[int]int{}
	for n := range 5000 {
		for range n % 4 {
			all = append(all, fp(n))
			want[n]++
		}
	}
	p := newPrevious(all)
	for n := range 5000 {
		got := 0
		for p.Take(fp(n)) {
			got++
		}
		if got != want[n] {
			t.Fatalf("fingerprint %d was taken %d times, want %d", n, got, want[n])
		}
	}
	if (*Previous)(nil).Take(fp(1)) || newPrevious(nil).Take(fp(1)) {
		t.Error("an empty ledger held something")
	}
}

func TestWindowIsKeptAndOldChunksForgotten(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	r := NewRecorder(store, config(1))
	last := record(t, r, 0,
		[]entry{{1, at(0)}, {2, at(5)}},
		[]entry{{3, at(20)}, {4, at(30)}},             // 3 is at the edge of the lookback
		[]entry{{5, at(40)}, {5, at(40)}, {6, at(9)}}, // low is 30: 6 is too old, chunk 0 and 1's 3 as well
	)
	if last.Partial || last.Entries != 4 {
		t.Errorf("left %+v", last)
	}
	if b, err := store.MGet(t.Context(), config(1).attempt().chunk(0)); err != nil || b[0] != nil {
		t.Errorf("chunk 0 is still there (%v)", err)
	}
	p, complete, err := Load(t.Context(), store, "customers", ref(1, 3, last), 1000, nil)
	if err != nil || !complete {
		t.Fatalf("complete %v, %v", complete, err)
	}
	for n, want := range map[int]bool{1: false, 2: false, 3: true, 4: true, 5: true, 6: false} {
		if got := p.Take(fp(n)); got != want {
			t.Errorf("take %d: %v, want %v", n, got, want)
		}
	}
	if !p.Take(fp(5)) || p.Take(fp(5)) {
		t.Error("the twin does not count twice")
	}
}

func TestNullsAndNoCursorStay(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	r := NewRecorder(store, config(1))
	last := record(t, r, 0, []entry{{1, ""}, {2, at(0)}}, []entry{{3, at(59)}})
	p, _, err := Load(t.Context(), store, "customers", ref(1, 2, last), 1000, nil)
	if err != nil || !p.Take(fp(1)) {
		t.Errorf("a NULL was let go (%v)", err)
	}

	cfg := config(2)
	cfg.Low = nil
	last = record(t, NewRecorder(store, cfg), 0, []entry{{1, ""}}, []entry{{2, ""}})
	p, complete, err := Load(t.Context(), store, "customers", ref(2, 2, last), 1000, nil)
	if err != nil || !complete || !p.Take(fp(1)) || !p.Take(fp(2)) {
		t.Errorf("rows without a cursor were let go (%v, %v)", complete, err)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	cfg := config(1)
	cfg.Limit = 3
	r := NewRecorder(store, cfg)
	last := record(t, r, 0, []entry{{1, at(0)}, {2, at(0)}}, []entry{{3, at(1)}, {4, at(1)}})
	if !last.Partial || last.Entries != 3 {
		t.Errorf("left %+v, want 3 entries and partial", last)
	}
	// Once the full chunks are old the ledger is whole again.
	if last = record(t, r, 2, []entry{{5, at(50)}}, []entry{{6, at(51)}}); last.Partial || last.Entries != 2 {
		t.Errorf("left %+v, want the two new ones", last)
	}
	if _, complete, err := Load(t.Context(), store, "customers", ref(1, 4, last), 1, nil); err != nil || complete {
		t.Errorf("a ledger beyond the reader's limit is complete (%v)", err)
	}
}

func TestLostValues(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	last := record(t, NewRecorder(store, config(1)), 0, []entry{{1, at(0)}}, []entry{{2, at(1)}}, []entry{{3, at(2)}})
	if err := store.Del(t.Context(), config(1).attempt().chunk(1)); err != nil {
		t.Fatal(err)
	}
	p, complete, err := Load(t.Context(), store, "customers", ref(1, 3, last), 1000, nil)
	if err != nil || complete || !p.Take(fp(1)) || p.Take(fp(2)) || !p.Take(fp(3)) {
		t.Errorf("complete %v, %v", complete, err)
	}
	if err := store.Del(t.Context(), config(1).attempt().chunk(2)); err != nil {
		t.Fatal(err)
	}
	p, complete, err = Load(t.Context(), store, "customers", ref(1, 3, last), 1000, nil)
	if err != nil || complete || p.Take(fp(1)) {
		t.Errorf("without the last value: complete %v, %v", complete, err)
	}
	if err := store.Set(t.Context(), config(1).attempt().chunk(2), []byte("not a value"), 0); err != nil {
		t.Fatal(err)
	}
	if _, complete, err = Load(t.Context(), store, "customers", ref(1, 3, last), 1000, nil); err != nil || complete {
		t.Errorf("with a broken value: complete %v, %v", complete, err)
	}
}

// A resume must know what of the previous ledger was used, or drop it: of two equal rows,
// one before the crash and one after it, the second would be lost otherwise.
func TestResume(t *testing.T) {
	t.Parallel()
	before := func() *Previous { return newPrevious([]Fingerprint{fp(1), fp(2)}) }
	chunks := [][]entry{{{9, at(0)}}, {{1, at(20)}}, {{3, at(21)}}}

	t.Run("takes out what was used", func(t *testing.T) {
		t.Parallel()
		store := redistest.New(t).Client(t)
		record(t, NewRecorder(store, config(1)), 0, chunks...)
		p := before()
		r, ok, err := Resume(t.Context(), store, config(1), 3, p)
		if err != nil || !ok {
			t.Fatalf("ok %v, %v", ok, err)
		}
		if p.Take(fp(1)) || !p.Take(fp(2)) {
			t.Error("want 1 used and 2 left")
		}
		last := record(t, r, 3, []entry{{4, at(22)}})
		if last.Entries != 3 || last.Partial {
			t.Errorf("left %+v", last)
		}
		q, complete, err := Load(t.Context(), store, "customers", ref(1, 4, last), 100, nil)
		if err != nil || !complete || !q.Take(fp(1)) || !q.Take(fp(3)) || !q.Take(fp(4)) {
			t.Errorf("the resumed ledger is not whole (%v, %v)", complete, err)
		}
	})
	for _, missing := range []int{1, 2} {
		t.Run(fmt.Sprintf("drops all without chunk %d", missing), func(t *testing.T) {
			t.Parallel()
			store := redistest.New(t).Client(t)
			record(t, NewRecorder(store, config(1)), 0, chunks...)
			if err := store.Del(t.Context(), config(1).attempt().chunk(missing)); err != nil {
				t.Fatal(err)
			}
			r, ok, err := Resume(t.Context(), store, config(1), 3, before())
			if err != nil || ok {
				t.Fatalf("ok %v, %v", ok, err)
			}
			if last := record(t, r, 3, []entry{{4, at(59)}}); !last.Partial {
				t.Error("the ledger claims to be whole")
			}
		})
	}
	t.Run("at the start", func(t *testing.T) {
		t.Parallel()
		if _, ok, err := Resume(t.Context(), redistest.New(t).Client(t), config(1), 0, before()); !ok || err != nil {
			t.Errorf("ok %v, %v", ok, err)
		}
	})
}

func TestSweepKeepsTheNamed(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	for attempt := 1; attempt <= 12; attempt++ {
		record(t, NewRecorder(store, config(attempt)), 0, []entry{{1, at(0)}})
	}
	other, older := config(1), config(1)
	other.Import, older.Epoch = "customers-eu", 2
	record(t, NewRecorder(store, other), 0, []entry{{1, at(0)}})
	record(t, NewRecorder(store, older), 0, []entry{{1, at(0)}})
	if err := store.Set(t.Context(), "ledger:customers:6.1:0", []byte("of an earlier version"), 0); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(t.Context(), store, "customers", config(1).Ref(), config(5).Ref()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for k, err := range store.Scan(t.Context(), "ledger") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, k)
	}
	slices.Sort(got)
	want := []string{"ledger/customers-eu/3/7.1:0", "ledger/customers/3/7.1:0", "ledger/customers/3/7.5:0"}
	if !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

type brokenStore struct{ Store }

var errDown = errors.New("down")

func (brokenStore) Set(context.Context, string, []byte, time.Duration) error { return errDown }
func (brokenStore) MGet(context.Context, ...string) ([][]byte, error)        { return nil, errDown }

func TestStoreDown(t *testing.T) {
	t.Parallel()
	r := NewRecorder(brokenStore{}, config(1))
	r.Add(fp(1), at(0), 0, false)
	c, err := r.Finish(t.Context(), 0, at(0))
	if err != nil || !errors.Is(c.Err, errDown) || !c.Partial {
		t.Errorf("left %+v, %v", c, err)
	}
	if _, _, err := Load(t.Context(), brokenStore{}, "customers", schemas.LedgerRef{Chunks: 1, Entries: 1}, 10, nil); !errors.Is(err, errDown) {
		t.Errorf("load: %v", err)
	}
	if _, ok, err := Resume(t.Context(), brokenStore{}, config(1), 1, nil); ok || !errors.Is(err, errDown) {
		t.Errorf("resume: %v, %v", ok, err)
	}
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	of := func(mapping byte, cursor string, columns []int, values ...string) Fingerprint {
		h := NewHasher([16]byte{mapping}, columns)
		return h.Of(func(i int) []byte { return []byte(values[i]) }, cursor)
	}
	base := of(1, at(0), []int{0, 1}, "12", "3", "x")
	if base != of(1, at(0), []int{0, 1}, "12", "3", "y") {
		t.Error("a column that is not mapped counts")
	}
	for name, other := range map[string]Fingerprint{
		"values run together": of(1, at(0), []int{0, 1}, "1", "23", "x"),
		"another cursor":      of(1, at(1), []int{0, 1}, "12", "3", "x"),
		"another mapping":     of(2, at(0), []int{0, 1}, "12", "3", "x"),
	} {
		if base == other {
			t.Errorf("%s: equal fingerprints", name)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	all := make([]Fingerprint, 1_000_000)
	for i := range all {
		binary.BigEndian.PutUint64(all[i][:], uint64(i)*0x9E3779B97F4A7C15)
	}
	p := newPrevious(slices.Clone(all))
	i := 0
	for b.Loop() {
		p.Take(all[i%len(all)])
		i += 7919
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	want := map[int64]int64{-3: 1, 0: 7, 17_751_000: 1 << 40, 17_751_001: 1}
	ref, late, eighth := config(1).Ref(), config(1).Ref(), config(1).Ref()
	ref.Counts, late.Counts, eighth.Counts, eighth.Number = "A", "B", "A", 8
	if err := SaveCounts(t.Context(), store, "customers", ref, want); err != nil {
		t.Fatal(err)
	}
	// An owner that has been replaced counts later, and is not heard.
	if err := SaveCounts(t.Context(), store, "customers", late, map[int64]int64{0: 8}); err != nil {
		t.Fatal(err)
	}
	got, err := LoadCounts(t.Context(), store, "customers", ref)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("counts are %v, %v, want %v", got, err, want)
	}
	if got, err := LoadCounts(t.Context(), store, "customers", eighth); err != nil || got != nil {
		t.Errorf("counts that are not there are %v, %v", got, err)
	}
	if err := Sweep(t.Context(), store, "customers"); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadCounts(t.Context(), store, "customers", ref); err != nil || got != nil {
		t.Errorf("counts that were swept are %v, %v", got, err)
	}
}
