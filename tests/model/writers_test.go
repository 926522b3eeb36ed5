package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// stamped reports whether a row has a cursor.
func (h *history) stamped(r row) bool { return !r.null || h.nulls == nullsCoalesce }

// advance moves the history's clock.
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

// note records the stamps that a run may see.
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

// twin returns an event that may be written again unchanged.
func (h *history) twin() (row, bool) {
	if len(h.live) == 0 {
		return row{}, false
	}
	r := h.live[h.rng.IntN(len(h.live))]
	honest := r.null && h.nulls == nullsAlways || !r.null && !r.at.Before(h.earliest())
	return r, h.kind.none || honest
}

// earliest returns the lowest stamp that the lookback allows.
func (h *history) earliest() time.Time { return h.now.Add(-h.delay - h.lookback) }

// stamp draws the cursor of a row that commits now.
func (h *history) stamp() (at time.Time, null bool) {
	draw := h.rng.IntN(100)
	switch {
	case h.kind.none:
		return h.now, false
	case draw < 8 && (h.nulls == nullsAlways || h.nulls == nullsCoalesce), draw < 3 && h.nulls == nullsFail:
		null = true
		h.nullsEver++
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

// look records the highest stamp that readers can have seen.
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

// nullsLive counts the rows at which a run has to fail.
func nullsLive(live []row, policy string) int {
	n := 0
	for _, r := range live {
		if r.null && policy == nullsFail {
			n++
		}
	}
	return n
}

// repairNulls stamps the rows at which a run fails.
func (h *history) repairNulls() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if nullsLive(h.live, h.nulls) == 0 {
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
