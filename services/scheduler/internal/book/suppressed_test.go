package book_test

import (
	"testing"

	"tapline.dev/schemas"
)

// TestSuppressedRows: they count as skipped at whichever stage, spoil no run, and the
// ledger reports whether rows of it were not sent.
func TestSuppressedRows(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	suppressed := map[string]int64{schemas.SkipSuppressed: 2}
	end := func(run string, skipped map[string]int64, reports ...schemas.Report) {
		f := final(6)
		f.Final.Read, f.Final.Skipped = 6+skipped[schemas.SkipSuppressed], skipped
		f.Final.Ledger = &schemas.LedgerRef{Number: 1, Attempt: 1, Complete: true}
		d.reports(run, 1, append([]schemas.Report{f}, reports...)...)
	}
	d.command(schemas.CommandRun, "k1", nil)
	end("a.1", suppressed, mapped(6), loaded(0, 5))
	r := d.want("a.1", schemas.StateSucceeded)
	if c := r.Counts; c.Read != 8 || c.ExtractSkipped != 2 || c.Extracted != 6 || r.SkippedByReason[schemas.SkipSuppressed] != 2 {
		t.Errorf("by the extractor: %+v, %v", c, r.SkippedByReason)
	}
	if l := d.state().Ledger; l == nil || l.Suppressed {
		t.Errorf("the ledger is %+v: it holds no suppressed row", l)
	}
	d.command(schemas.CommandRun, "k2", nil)
	end("a.2", nil,
		schemas.Report{Mapped: &schemas.Mapped{Mapped: 5, Skipped: map[string]int64{schemas.SkipSuppressed: 1}, Suppressed: []int64{3}}},
		schemas.Report{Receipt: &schemas.Receipt{
			Ranges: []schemas.Range{{Prev: 5, From: 6, To: 10}}, Records: 5,
			Skipped: []schemas.OffsetOutcome{{Offset: 7, Code: schemas.SkipSuppressed}}, Suppressed: []int64{5},
		}})
	r = d.want("a.2", schemas.StateSucceeded)
	if c := r.Counts; c.MapSkipped != 1 || c.LoadSkipped != 1 || c.Loaded != 4 || r.SkippedByReason[schemas.SkipSuppressed] != 2 {
		t.Errorf("by mapper and loader: %+v, %v", c, r.SkippedByReason)
	}
	if l := d.state().Ledger; l == nil || !l.Suppressed {
		t.Errorf("the ledger is %+v and does not say that it holds suppressed rows", l)
	}
}
