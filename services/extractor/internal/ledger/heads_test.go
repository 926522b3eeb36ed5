package ledger

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/libs/redis/redistest"
)

// stored lists the chunks whose values lie in the store.
func stored(t *testing.T, store Store, attempt int) (chunks []int) {
	t.Helper()
	for k, err := range store.Scan(t.Context(), config(attempt).attempt().prefix()) {
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimPrefix(k, config(attempt).attempt().prefix()))
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, n)
	}
	slices.Sort(chunks)
	return chunks
}

// NULLs come first, and must not keep what comes after them: the ledger would
// fill with rows below the watermark, and have no room for the newest.
func TestNullsDoNotStopPruning(t *testing.T) {
	t.Parallel()
	rows := [][]entry{{{3, at(10)}}, {{4, at(20)}, {5, at(30)}}, {{6, at(39)}}, {{7, at(45)}}}
	for name, c := range map[string]struct {
		heads [][]entry
		first int // of the values that stay after the chunks with a NULL cursor
	}{
		"none":                       {nil, 2},
		"one":                        {[][]entry{{{1, ""}}}, 3},
		"one beside a cursor":        {[][]entry{{{1, ""}, {2, at(0)}}}, 3},
		"two chunks":                 {[][]entry{{{1, ""}}, {{1, ""}, {2, at(0)}}}, 4},
		"behind a chunk all refused": {[][]entry{{}, {{1, ""}, {2, at(0)}}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := redistest.New(t).Client(t)
			cfg := config(1)
			cfg.Limit = 6 // what is held at once, of 9 rows
			all := slices.Concat(c.heads, rows)
			last := record(t, NewRecorder(store, cfg), 0, all...)
			var want []int
			entries := map[Fingerprint]int{}
			for i, chunk := range all {
				if i >= len(c.heads) && i < c.first {
					continue
				}
				want = append(want, i)
				for _, e := range chunk {
					entries[fp(e.n)]++
				}
			}
			if got := stored(t, store, 1); !slices.Equal(got, want) {
				t.Errorf("the values of chunks %v are left, want %v", got, want)
			}
			p, complete, err := Load(t.Context(), store, "customers", ref(1, len(all), last), 1000, nil)
			if err != nil || !complete || last.Partial {
				t.Fatalf("complete %v, partial %v, %v", complete, last.Partial, err)
			}
			if got := multiset(p.entries); !maps.Equal(got, entries) || last.Entries != int64(len(p.entries)) {
				t.Errorf("holds %v of %d, want %v", got, last.Entries, entries)
			}
		})
	}
}

// NULLs beyond the limit are never behind the lookback.
func TestLimitWithinNulls(t *testing.T) {
	t.Parallel()
	cfg := config(1)
	cfg.Limit = 2
	r := NewRecorder(redistest.New(t).Client(t), cfg)
	if last := record(t, r, 0, []entry{{1, ""}, {2, ""}}, []entry{{3, ""}}, []entry{{4, at(0)}}, []entry{{5, at(59)}}); !last.Partial {
		t.Errorf("left %+v, want partial", last)
	}
}

// Nor is a value that was not written before them.
func TestLostWriteBeforeNulls(t *testing.T) {
	t.Parallel()
	r := NewRecorder(brokenStore{}, config(1))
	if c, err := r.Finish(t.Context(), 0, ""); err != nil || !c.Partial {
		t.Fatalf("left %+v, %v", c, err)
	}
	r.store = redistest.New(t).Client(t)
	if last := record(t, r, 1, []entry{{1, ""}}, []entry{{2, at(0)}}, []entry{{3, at(59)}}); !last.Partial {
		t.Errorf("left %+v, want partial", last)
	}
}

// The row that did not fit is within the lookback, though those that did are not.
func TestLimitKeepsWhatItLacks(t *testing.T) {
	t.Parallel()
	cfg := config(1)
	cfg.Limit = 2
	r := NewRecorder(redistest.New(t).Client(t), cfg)
	if last := record(t, r, 0, []entry{{1, at(0)}}, []entry{{2, at(1)}, {3, at(2)}, {4, at(10)}}, []entry{{5, at(15)}}); !last.Partial {
		t.Errorf("left %+v, want partial", last)
	}
	if last := record(t, r, 3, []entry{{6, at(25)}}); last.Partial {
		t.Errorf("left %+v, want a whole one", last)
	}
}

// What a first resume did not know a second one does not know either.
func TestResumeTwiceWithoutAValue(t *testing.T) {
	t.Parallel()
	store := redistest.New(t).Client(t)
	record(t, NewRecorder(store, config(1)), 0, []entry{{1, ""}}, []entry{{2, ""}}, []entry{{3, at(0)}})
	if err := store.Del(t.Context(), config(1).attempt().chunk(1)); err != nil {
		t.Fatal(err)
	}
	for chunks := 3; chunks < 6; chunks++ {
		r, ok, err := Resume(t.Context(), store, config(1), chunks, newPrevious([]Fingerprint{fp(2)}))
		if err != nil || ok {
			t.Fatalf("after %d chunks: ok %v, %v", chunks, ok, err)
		}
		last := record(t, r, chunks, []entry{{chunks, at(chunks)}})
		if _, complete, err := Load(t.Context(), store, "customers", ref(1, chunks+1, last), 100, nil); !last.Partial || complete || err != nil {
			t.Errorf("after %d chunks: partial %v, complete %v, %v", chunks, last.Partial, complete, err)
		}
	}
}

func TestValuesOfOtherVersions(t *testing.T) {
	t.Parallel()
	v := value{nullChunks: 1, from: 3, maximum: at(1), began: 7, rows: []entryRow{{position: 5, rejected: true}}, entries: make([]byte, fingerprintSize)}
	got, err := decode(v.encode())
	if err != nil || got.began != 7 || len(got.rows) != 1 || got.rows[0] != v.rows[0] || !got.rejected(0, nil) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	// One of the release before has no rows: an upgrade sends nothing again.
	old := append([]byte{oldVersion, 0, 1, 3, 0, 0}, make([]byte, 2*fingerprintSize)...)
	if got, err := decode(old); err != nil || len(got.entries) != 2*fingerprintSize || got.rejected(0, map[int64]struct{}{0: {}}) {
		t.Errorf("one of the release before is read as %+v, %v", got, err)
	}
	for name, b := range map[string][]byte{
		"a version of before that": append([]byte{oldVersion - 1}, old[1:]...),
		"a later version":          append([]byte{valueVersion + 1}, old[1:]...),
		"entries without rows":     append(v.encode(), make([]byte, fingerprintSize)...),
		"cut short":                v.encode()[:10],
	} {
		if _, err := decode(b); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}
