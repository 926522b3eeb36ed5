package extractor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/libs/failpoint"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
)

// download is a chunk as it came.
type download struct {
	index int
	data  []byte
}

// stream takes the result's remaining chunks through three stages at once:
// download, prepare, commit. At most four chunks are in memory.
func (t *term) stream(res result, p *plan) error {
	prep, err := t.newPreparer(p.reader)
	if err != nil {
		return err
	}
	defer prep.endSpans()
	downloads, chunks := make(chan download), make(chan *chunk)
	group, ctx := errgroup.WithContext(t.reading)
	downloading, stopDownloads := context.WithCancel(ctx)
	defer stopDownloads()
	// A stage that fails lets what is ahead of it be committed: every chunk that
	// came through is progress, and it need not be fetched again.
	var downloadErr, prepareErr error
	group.Go(func() error {
		defer close(downloads)
		downloadErr = t.download(downloading, res, downloads)
		return nil
	})
	group.Go(func() error {
		defer close(chunks)
		defer stopDownloads()
		for d := range downloads {
			var c *chunk
			if c, prepareErr = prep.prepare(ctx, d.index, d.data); prepareErr != nil {
				return nil
			}
			if !send(ctx, chunks, c) {
				return context.Cause(ctx)
			}
		}
		return nil
	})
	group.Go(func() error {
		for c := range chunks {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := t.commit(ctx, prep, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if prepareErr != nil {
		return prepareErr
	}
	if downloadErr != nil {
		return downloadErr
	}
	return t.verify(res, prep)
}

// download fetches the chunks that are not committed yet.
func (t *term) download(ctx context.Context, res result, to chan<- download) error {
	for i := t.history.extraction.Chunks; i < res.Chunks(); i++ {
		began := time.Now()
		data, err := res.Chunk(ctx, i)
		if err != nil {
			return err
		}
		t.metrics.downloaded(ctx, len(data), time.Since(began))
		if !send(ctx, to, download{i, data}) {
			return context.Cause(ctx)
		}
	}
	return nil
}

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// commit makes a chunk visible, and then what it says of the attempt true.
func (t *term) commit(ctx context.Context, prep *preparer, c *chunk) error {
	defer c.span.End()
	report, err := t.report(c.ctx, schemas.Report{Kind: schemas.ReportChunk, Chunk: &c.extraction})
	if err != nil {
		return err
	}
	records := c.records()
	records = append(records, report)
	failpoint.Hit("extractor.before-chunk") // its ledger value is written
	if err := t.transact(ctx, records...); err != nil {
		return err
	}
	failpoint.Hit("extractor.after-chunk")
	before := t.history.extraction
	t.history.extraction = c.extraction
	if !schemas.IsTrial(t.subject) {
		t.metrics.chunk(ctx, t.importName, before, c.extraction)
	}
	// After the transaction: until then a resume needs the old values.
	if prep.recorder != nil {
		if err := prep.recorder.Forget(ctx, c.ledger); err != nil {
			t.log.WarnContext(ctx, "old ledger values stay", slog.Any("error", err))
		}
	}
	return nil
}

// verify ends the attempt once every row of the result has been read.
//
// Drivers have ended results early and silently, so that the count decides.
func (t *term) verify(res result, prep *preparer) error {
	read := t.history.extraction.Read
	if read != res.Total() && !failpoint.Mistake("extractor.short-accepted") {
		return &failure{code: codeResultShort, reason: fmt.Sprintf("%d rows were read of a result of %d", read, res.Total())}
	}
	return t.final(t.reading, prep.ledgerRef(t), false)
}

// ledgerRef is what the next run needs to find this attempt's ledger.
func (p *preparer) ledgerRef(t *term) *schemas.LedgerRef {
	if p.recorder == nil {
		return nil
	}
	e := t.history.extraction
	return &schemas.LedgerRef{
		Number: t.active.Number, Attempt: t.active.Attempt, Chunks: e.Chunks,
		Entries: e.LedgerEntries, Complete: !e.LedgerPartial,
		Mapping: t.history.started.Mapping, Counts: t.history.started.Counts,
	}
}

// loadLedger readies the ledger of the run before and this attempt's own. Redis
// failing costs rows sent again, which the report says, and never a row.
func (t *term) loadLedger(p *preparer) {
	if !t.remembers() {
		return
	}
	ctx := t.reading
	cfg := t.ledgerConfig(p.reader)
	fresh := t.history.extraction.Chunks == 0
	if fresh {
		t.sweepLedger(ctx)
	}
	var previous *ledger.Previous
	if t.ledgerRef != nil {
		var complete bool
		var err error
		previous, complete, err = ledger.Load(ctx, t.ledger, t.importName, *t.ledgerRef, t.cfg.LedgerLimit)
		if err != nil || !complete {
			p.extraction.LedgerReadError = true
			t.log.WarnContext(ctx, "the ledger of the run before is not whole: rows are sent again", slog.Any("error", err))
		}
	}
	if t.outdated(p) {
		previous = nil
		p.extraction.LedgerSetAside = true
	}
	recorder, ok, err := ledger.Resume(ctx, t.ledger, cfg, t.history.extraction.Chunks, previous)
	if !ok {
		previous = nil
		p.extraction.LedgerReadError = true
		t.log.WarnContext(ctx, "the attempt's own ledger is not whole: rows are sent again", slog.Any("error", err))
	}
	p.previous, p.recorder = previous, recorder
}

// outdated tells whether CleverTap may hold something else than the ledger of the
// run before says. Events are kept: what CleverTap has of them it has for good.
func (t *term) outdated(p *preparer) bool {
	switch ref := t.ledgerRef; {
	case ref == nil || ref.Entries == 0 || !t.profiles():
		return false
	case ref.Spoiled && (ref.Mixed || !p.reader.distinct()):
		// A run that did not succeed has sent another version of a row, and the one
		// of the ledger may be back.
		return true
	}
	// Of which identities the chunks before have sent a version is not known any more.
	return t.history.extraction.Passed > 0
}

func (t *term) profiles() bool { return t.active.Spec.Destination.Type == schemas.TypeProfile }

// distinct tells whether each version of a row has a cursor of its own, so that
// its fingerprint never comes back.
func (r *reader) distinct() bool {
	c := r.cursor
	const millisecond = 3 // digits
	return c != nil && r.visible == len(r.columns) && c.Nulls != "always" &&
		strings.HasPrefix(c.Column.Type, "TIMESTAMP_") && c.Column.Scale >= millisecond
}

// remembers tells whether the run uses the ledger and leaves one: no window that
// a person named does, and no sample.
func (t *term) remembers() bool {
	return t.active.Mode == schemas.ModeFull || t.active.Mode == schemas.ModeIncremental
}

// sweepLedger removes the values of runs that no later run needs.
func (t *term) sweepLedger(ctx context.Context) {
	keep := []schemas.LedgerRef{{Number: t.active.Number, Attempt: t.active.Attempt}}
	if t.ledgerRef != nil {
		keep = append(keep, *t.ledgerRef)
	}
	if err := ledger.Sweep(ctx, t.ledger, t.importName, keep...); err != nil {
		t.log.WarnContext(ctx, "old ledger values stay", slog.Any("error", err))
	}
}
