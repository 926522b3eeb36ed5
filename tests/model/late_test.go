package model

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestLateRowsAreFound: rows commit far behind the watermark of an import that looks for
// them, with each kind of cursor. The next run reads their hours again and notes it, and
// the run after it reads only its window.
func TestLateRowsAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	now := time.Date(2026, 5, 1, 12, 30, 0, 0, time.UTC)
	var all []*history
	for i, k := range kinds() {
		if k.none {
			continue
		}
		h := &history{
			w: w, name: fmt.Sprintf("late%d", i), kind: k, nulls: nullsNever, lookback: time.Minute, future: time.Minute,
			lateCheck: true, partitions: 1, now: now, writes: map[string]int{}, rng: newHistory(w, uint64(i)).rng,
		}
		all = append(all, h)
		w.add(h)
		h.put(row{key: "old", version: 1, at: now.Add(-30 * day)}, row{key: "neighbour", version: 1, at: now.Add(-30 * day)}, row{key: "new", version: 1, at: now})
	}
	w.startAll()
	for _, h := range all {
		if r := w.once(h.name, 1); r.State != schemas.StateSucceeded || r.Counts.Loaded != 3 {
			t.Fatalf("%s: the first run is %+v, %+v", h.kind.name, r, r.Error)
		}
		h.put(row{key: "late", version: 1, at: now.Add(-30 * day)}, row{key: "later", version: 1, at: now.Add(-20 * day)})
		r := w.once(h.name, 2)
		// The neighbours in the late row's hour, which no ledger remembers, come with it.
		if r.State != schemas.StateSucceeded || r.Counts.Loaded != 4 || r.Counts.Unchanged != 1 {
			t.Errorf("%s: the second run is %+v, %+v", h.kind.name, r, r.Error)
		}
		if notes := strings.Join(r.Notes, "; "); !strings.Contains(notes, "2 rows had appeared behind the watermark") || !strings.Contains(notes, "A lookback of ") {
			t.Errorf("%s: its notes are %q", h.kind.name, notes)
		}
		if r := w.once(h.name, 3); r.State != schemas.StateSucceeded || r.Counts.Read != 1 || r.Counts.Unchanged != 1 || len(r.Notes) > 0 {
			t.Errorf("%s: the third run is %+v, %+v", h.kind.name, r, r.Error)
		}
	}
	w.redis.Flush()
	h := all[0]
	if r := w.once(h.name, 4); !noted(r, "late rows were not looked for") {
		t.Errorf("without Redis the notes are %q", r.Notes)
	}
}

// put writes rows without changing them.
func (h *history) put(rows ...row) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range rows {
		r.at = h.kind.cut(r.at)
		h.change(h.insert(r))
	}
}
