package model

import (
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// judge compares a closed run with its history.
func (h *history) judge(r schemas.Run, p plan, before, after view) {
	h.judgeState(r, p, before, after)
	h.judgeCounts(r)
	if r.WatermarkFrom != h.watermark {
		h.w.violation(h, "%s began at %q, and the run before it left %q", r.Run, r.WatermarkFrom, h.watermark)
	}
	if unread(r) && !h.w.trouble.losses {
		h.w.violation(h, "%s: %v, and nothing was lost", r.Run, r.Notes)
	}
	if aside(r) && h.w.trouble == (trouble{}) && !h.interrupted(r) {
		h.w.violation(h, "%s: %v, and every run before it was whole", r.Run, r.Notes)
	}
	if !succeeded(r) {
		if r.WatermarkTo != "" {
			h.w.violation(h, "%s is %s and moved the watermark to %q", r.Run, r.State, r.WatermarkTo)
		}
		return
	}
	h.judgeWatermark(r, p, before, after)
	h.watermark = r.WatermarkTo
}

func unread(r schemas.Run) bool  { return noted(r, "could not be read") }
func aside(r schemas.Run) bool   { return noted(r, "was set aside") }
func partial(r schemas.Run) bool { return noted(r, "is incomplete") }

// interrupted reports whether the run before this one sent rows and did not succeed.
func (h *history) interrupted(r schemas.Run) bool {
	for i := len(h.runs) - 2; i >= 0 && !succeeded(h.runs[i]); i-- {
		if h.runs[i].Counts.Extracted > 0 {
			return true
		}
	}
	return false
}

func noted(r schemas.Run, text string) bool {
	return slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, text) })
}

func (h *history) judgeState(r schemas.Run, p plan, before, after view) {
	switch r.State {
	case schemas.StateSucceeded:
		if before.nulls > 0 && !p.writers {
			h.w.violation(h, "%s succeeded over %d NULLs", r.Run, before.nulls)
		}
	case schemas.StateCancelled:
		if !p.cancel {
			h.w.violation(h, "%s was cancelled by nobody", r.Run)
		}
	case schemas.StateFailed:
		if r.Error == nil || r.Error.Code != "cursor_null" || before.nulls == 0 && before.ever == after.ever {
			h.w.violation(h, "%s failed for no reason of the history: %+v", r.Run, r.Error)
		}
	default:
		h.w.violation(h, "%s ended as %s: %v", r.Run, r.State, r.RejectsByCode)
	}
	if r.Attempt > 1 && !h.w.trouble.crashes {
		h.w.violation(h, "%s took %d attempts without any trouble", r.Run, r.Attempt)
	}
}

// judgeCounts checks that every row is counted exactly once.
func (h *history) judgeCounts(r schemas.Run) {
	c := r.Counts
	switch {
	case c.Read != c.Extracted+c.Unchanged+c.StillRejected+c.Future+c.ExtractRejected,
		c.Extracted != c.Mapped+c.MapRejected+c.MapSkipped,
		c.Mapped != c.Loaded+c.LoadRejected+c.LoadSkipped:
		h.w.violation(h, "the counts of %s do not add up: %+v", r.Run, c)
	case succeeded(r) && r.Attempt == 1 && c.Read != r.Total:
		h.w.violation(h, "%s read %d rows of a result of %d", r.Run, c.Read, r.Total)
	case succeeded(r) && r.Attempt == 1 && c.MapSkipped+c.LoadSkipped > 0:
		h.w.violation(h, "%s skipped rows: %v", r.Run, r.SkippedByReason)
	case c.Resent > 0 && !h.w.trouble.crashes:
		h.w.violation(h, "%s sent %d records again without any trouble", r.Run, c.Resent)
	}
}

// judgeWatermark compares the watermark with the rule max(W, min(T, M) - L): it must be
// equal if nothing was written during the run, and never greater.
func (h *history) judgeWatermark(r schemas.Run, p plan, before, after view) {
	if h.kind.none {
		if r.WatermarkTo != "" || r.Mode != schemas.ModeFull {
			h.w.violation(h, "%s has no cursor, the watermark %q and the mode %s", r.Run, r.WatermarkTo, r.Mode)
		}
		return
	}
	clock := max(before.now, after.now)
	if before.shift != after.shift {
		clock = minus(clock, -time.Hour)
	}
	h.mu.Lock()
	highest := ""
	for _, at := range h.stamps {
		if at <= clock {
			highest = max(highest, at)
		}
	}
	h.mu.Unlock()
	want := r.WatermarkFrom
	if highest != "" {
		want = max(want, minus(min(clock, highest), h.lookback+h.kind.margin()))
	}
	if r.WatermarkTo > want {
		h.w.violation(h, "%s moved the watermark to %s, beyond %s", r.Run, r.WatermarkTo, want)
	}
	if p.writers {
		return
	}
	if exact := h.exactMark(r.WatermarkFrom, before); r.WatermarkTo != exact {
		h.w.violation(h, "%s moved the watermark from %s to %s, and not to %s", r.Run, r.WatermarkFrom, r.WatermarkTo, exact)
	}
}

func (h *history) exactMark(from string, v view) string {
	highest := ""
	for _, r := range v.live {
		if at := h.kind.frame(r.at); h.stamped(r) && at <= v.now {
			highest = max(highest, at)
		}
	}
	if highest == "" {
		return from
	}
	return max(from, minus(highest, h.lookback+h.kind.margin()))
}

// minus returns the instant a duration before another one.
func minus(instant string, span time.Duration) string {
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return "no instant: " + instant
	}
	return schemas.FormatInstant(t.Add(-span))
}
