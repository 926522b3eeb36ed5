package extractor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// pastRuns is what a run knows of the import's earlier runs: the ledger of the rows
// read, and for imports that look for late rows, how many there were in each hour.
//
// A failure of Redis causes rows to be sent again, which the reports say, and loses none.
type pastRuns struct {
	store   ledger.Store
	limit   int // of entries
	attempt attempt.Attempt
	journal *journal.Journal
	log     *slog.Logger
	reader  *kafka.Reader
	topics  schemas.Topics
}

// loadLedgers readies the ledger of the run before and this attempt's own, and notes in e
// if one of them is incomplete. rows are what attempts without success have loaded.
func (h *pastRuns) loadLedgers(ctx context.Context, r *plan.Reader, e *schemas.Extraction, rows *loadedRows) chunk.Ledgers {
	if e.Chunks == 0 {
		h.sweep(ctx)
	}
	var previous *ledger.Previous
	if h.attempt.Ledger != nil {
		var complete bool
		var err error
		previous, complete, err = ledger.Load(ctx, h.store, h.attempt.Import, *h.attempt.Ledger, h.limit, h.outcomesSince)
		if err != nil || !complete {
			e.LedgerReadError = true
			h.log.WarnContext(ctx, "the ledger of the run before is incomplete: rows are sent again", slog.Any("error", err))
		}
	}
	if h.outdated(r, *e) {
		previous = nil
		e.LedgerSetAside = true
	}
	cfg := h.own()
	if r.Cursor != nil {
		cfg.Low = r.Cursor.Low
	}
	previous = previous.With(rows.same)
	recorder, ok, err := ledger.Resume(ctx, h.store, cfg, e.Chunks, previous)
	again, others := rows.unknown, rows.others
	if e.Chunks > 0 {
		// The first chunks may have left some of these out. The attempt's own ledger does
		// not say which, because it knows rows under its own mapping only.
		again, others = again+rows.ofOthers(), nil
	}
	if !ok {
		previous = nil
		e.LedgerReadError = true
		again = rows.unknown + rows.count() - e.LeftOut
		h.log.WarnContext(ctx, "the attempt's own ledger is incomplete: rows are sent again", slog.Any("error", err))
	}
	e.SentAgain = max(e.SentAgain, again)
	return chunk.Ledgers{Previous: previous, Recorder: recorder, Others: others}
}

// outcomesSince reads which rows of the run before were rejected or skipped as suppressed
// after its ledger was written.
func (h *pastRuns) outcomesSince(ctx context.Context, since time.Time) (told ledger.Told, err error) {
	told.Rejected = h.rejects(ctx, since)
	if h.attempt.Ledger.Suppressed {
		told.Suppressed, err = h.suppressedRows(ctx, since)
	}
	return told, err
}

// suppressedRows lists the rows that mapper and loader have skipped in the run before
// because their person was suppressed meanwhile. If they cannot be read, the ledger
// cannot be used: it would count rows as sent that were never sent.
func (h *pastRuns) suppressedRows(ctx context.Context, since time.Time) (map[int64]struct{}, error) {
	out := map[int64]struct{}{}
	tp := kafka.TP{Topic: h.topics.Reports(), Partition: schemas.ControlPartition(h.attempt.Import)}
	from, err := h.reader.OffsetAt(ctx, tp, since.Add(-journal.ClockSlack))
	if err != nil {
		return nil, err
	}
	_, err = h.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		var r struct {
			Number, Attempt int
			Mapped, Receipt *struct{ Suppressed []int64 }
		}
		if string(rec.Key) != h.attempt.Import || json.Unmarshal(rec.Value, &r) != nil || r.Number != h.attempt.Ledger.Number || r.Attempt != h.attempt.Ledger.Attempt {
			return nil
		}
		for _, stage := range []*struct{ Suppressed []int64 }{r.Mapped, r.Receipt} {
			if stage == nil {
				continue
			}
			for _, position := range stage.Suppressed {
				out[position] = struct{}{}
			}
		}
		return nil
	})
	return out, err
}

// rejects lists the rows that the run before has rejected, at whichever stage. All of
// them were written before that run was closed. If they cannot be read, rows that are
// still rejected count as unchanged. The same rows are sent in both cases.
func (h *pastRuns) rejects(ctx context.Context, since time.Time) map[int64]struct{} {
	out := map[int64]struct{}{}
	tp := kafka.TP{Topic: h.topics.Rejects(), Partition: schemas.ControlPartition(h.attempt.Import)}
	from, err := h.reader.OffsetAt(ctx, tp, since.Add(-journal.ClockSlack))
	if err == nil {
		_, err = h.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
			var reject struct {
				ID string `json:"id"`
			}
			if string(rec.Key) != h.attempt.Import || json.Unmarshal(rec.Value, &reject) != nil {
				return nil
			}
			id, ok := schemas.ParseRowID([]byte(reject.ID))
			if ok && id.Number == h.attempt.Ledger.Number && id.Attempt == h.attempt.Ledger.Attempt && len(out) < h.limit {
				out[id.Seq] = struct{}{}
			}
			return nil
		})
	}
	if err != nil && ctx.Err() == nil {
		h.log.WarnContext(ctx, "the rejects of the run before cannot be read: rows that are still rejected count as unchanged", slog.Any("error", err))
	}
	return out
}

// outdated reports whether CleverTap may hold another version of a profile than the
// ledger of the run before says. For events the answer is no: CleverTap keeps every
// event that it has received.
func (h *pastRuns) outdated(r *plan.Reader, e schemas.Extraction) bool {
	switch ref := h.attempt.Ledger; {
	case ref == nil || ref.Entries == 0 || !h.attempt.Profiles():
		return false
	case ref.Outdated && (ref.OutdatedMapping || !r.Distinct()):
		// A run that did not succeed has sent another version of a row. If the row has
		// since changed back to the version in the ledger, it has to be sent again.
		return true
	}
	// The earlier chunks of this attempt have sent versions of some identities, and it is
	// no longer known of which.
	return e.SentBeforeLedger > 0
}

// ref is what the next run needs to find this attempt's ledger.
func (h *pastRuns) ref() *schemas.LedgerRef {
	e, started := h.journal.Counts(), h.journal.Started()
	ref := h.own().Ref()
	ref.Chunks, ref.Entries, ref.Complete = e.Chunks, e.LedgerEntries, !e.LedgerPartial
	ref.Mapping, ref.Counts = started.Mapping, started.Counts
	return &ref
}

// own names the ledger of this attempt.
func (h *pastRuns) own() ledger.Config {
	run := h.attempt.Run
	return ledger.Config{Import: h.attempt.Import, Epoch: run.Epoch, Number: run.Number, Attempt: run.Attempt, Limit: h.limit, Began: run.StartedAt}
}

// sweep removes the values of runs that no later run needs.
func (h *pastRuns) sweep(ctx context.Context) {
	keep := []schemas.LedgerRef{h.own().Ref()}
	if h.attempt.Ledger != nil {
		keep = append(keep, *h.attempt.Ledger)
	}
	if err := ledger.Sweep(ctx, h.store, h.attempt.Import, keep...); err != nil {
		h.log.WarnContext(ctx, "old ledger values could not be deleted", slog.Any("error", err))
	}
}

// lookForLate compares the rows of each hour of the cursor, as they were counted
// just now, with what the run before counted. The hours behind the watermark that
// have grown are read again.
//
// The rows are counted before the statement that reads them, never after it: a row that
// is committed in between is then found by the next run at the latest. Counted
// afterwards, it would pass for a row that was read.
//
// The counts are kept under a name of their own, which the start's report carries,
// so that an owner that has been replaced, and counts late, overwrites nothing.
func (h *pastRuns) lookForLate(ctx context.Context, c *statement.Cursor, now map[int64]int64) (again []statement.Span, late *schemas.Late, counts string) {
	run := h.attempt.Run
	counts = rand.Text()
	ref := h.own().Ref()
	ref.Counts = counts
	if err := ledger.SaveCounts(ctx, h.store, h.attempt.Import, ref, now); err != nil && ctx.Err() == nil {
		h.log.WarnContext(ctx, "the next run cannot look for late rows", slog.Any("error", err))
	}
	if run.WatermarkFrom == "" {
		return nil, nil, counts // everything is read
	}
	if h.attempt.Ledger == nil {
		return nil, &schemas.Late{Unknown: true}, counts
	}
	before, err := ledger.LoadCounts(ctx, h.store, h.attempt.Import, *h.attempt.Ledger)
	if err != nil && ctx.Err() == nil {
		h.log.WarnContext(ctx, "late rows are not looked for: the counts of the run before could not be read", slog.Any("error", err))
	}
	if before == nil {
		return nil, &schemas.Late{Unknown: true}, counts
	}
	grown, spans := c.Grown(before, now, run.WatermarkFrom)
	return spans, &grown, counts
}

// countBuckets counts the rows of each hour of the cursor; of a DATE, of each day.
func countBuckets(ctx context.Context, src source, p *plan.Plan, r *plan.Reader) (map[int64]int64, error) {
	res, err := src.Query(ctx, p.Counts(r), nil)
	if err != nil {
		return nil, err
	}
	decoder, err := rowjson.NewDecoder(res.Columns(), len(res.Columns()))
	if err != nil || len(res.Columns()) != 2 {
		return nil, failure.Permanent(failure.CodeCursorInvalid, "the rows cannot be counted by their cursor")
	}
	counts := map[int64]int64{}
	for i := range res.Chunks() {
		data, err := res.Chunk(ctx, i)
		if err != nil {
			return nil, err
		}
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			begin, beginErr := strconv.ParseInt(string(row.Value(0)), 10, 64)
			n, countErr := strconv.ParseInt(string(row.Value(1)), 10, 64)
			if beginErr == nil && countErr == nil {
				counts[r.Cursor.BucketNumber(begin)] += n
			} // a bucket number beyond 64 bits belongs to no valid time
			return true, nil
		})
		if err != nil {
			return nil, failure.Permanent(failure.CodeResultUnreadable, "chunk %d: %s", i, err)
		}
	}
	return counts, nil
}
