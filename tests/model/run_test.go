package model

import (
	"slices"
	"time"

	"tapline.dev/schemas"
)

// plan is what happens during a run.
type plan struct {
	writers bool // rows are written and time passes while it runs
	cancel  bool // it is cancelled at some moment
	last    bool // it has to succeed
}

// view is what the writers know at a time.
type view struct {
	now   string // in the column's format
	shift int    // seconds that the column's zone is ahead of UTC
	nulls int    // rows at which the run has to fail
	ever  int    // rows without a stamp that were written so far
	live  []row
}

func (h *history) view() view {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, shift := h.now.In(h.kind.zone).Zone()
	return view{now: h.kind.frame(h.now), shift: shift, nulls: nullsLive(h.live, h.nulls), ever: h.nullsEver, live: slices.Clone(h.live)}
}

// run triggers a run, does beside it what is planned, and judges how it ended.
// It returns false if nothing can follow.
func (h *history) run(p plan) bool {
	for try := 0; ; try++ {
		r, ok := h.runOnce(p)
		if !ok {
			return false
		}
		if !p.last || succeeded(r) {
			return true
		}
		if try == 3 {
			h.w.violation(h, "%s does not succeed: %s, %+v", r.Run, r.State, r.Error)
			return false
		}
	}
}

func (h *history) runOnce(p plan) (schemas.Run, bool) {
	id := schemas.RunID(h.name, len(h.runs)+1)
	h.mu.Lock()
	h.begun = true
	h.mu.Unlock()
	before := h.view()
	h.w.command(h.name, schemas.Command{ID: "run " + id, Kind: schemas.CommandRun})
	if p.writers {
		for range 1 + h.rng.IntN(3) {
			<-time.After(time.Duration(h.rng.IntN(120)) * time.Millisecond) // the writers' own pace
			h.advance(time.Duration(h.rng.Int64N(int64(h.lookback))))
			h.write(1 + h.rng.IntN(3))
		}
	}
	if p.cancel {
		h.cancel(id)
	}
	r, ok := h.w.board.await(id, closed)
	if !ok {
		if h.w.broken() {
			return r, false
		}
		h.w.dump()
		h.w.violation(h, "%s does not close: it is %s with %+v", id, r.State, r.Counts)
		return r, false
	}
	h.runs = append(h.runs, r)
	h.judge(r, p, before, h.view())
	if r.State == schemas.StateFailed {
		h.repairNulls()
	}
	return r, true
}

// cancel cancels a run: at once, when it has begun, or when it loads.
func (h *history) cancel(id string) {
	moment := h.rng.IntN(3)
	if moment > 0 {
		_, ok := h.w.board.await(id, func(r schemas.Run) bool {
			return moment == 1 || r.State == schemas.StateLoading || closed(r)
		})
		if !ok {
			return // the run makes no progress; await reports that
		}
	}
	h.w.command(h.name, schemas.Command{ID: "cancel " + id, Kind: schemas.CommandCancel, Run: id})
}

func succeeded(r schemas.Run) bool {
	return r.State == schemas.StateSucceeded || r.State == schemas.StateSucceededWithRejects
}
