package extractor

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/ledger"
)

// download is a chunk as it came.
type download struct {
	index int
	data  []byte
	taken int64 // of the budget
}

// prepared is a chunk that is ready to be committed.
type prepared struct {
	*chunk.Chunk
	taken int64
}

// stream takes the result's remaining chunks through three stages at once:
// download, prepare, commit. At most four chunks are in memory, and no more than the
// process's budget allows.
func (x *extraction) stream(ctx context.Context, res result, prep *chunk.Preparer, recorder *ledger.Recorder) error {
	downloads, chunks := make(chan download), make(chan prepared)
	memory := x.budget.share()
	defer memory.giveAll()
	group, ctx := errgroup.WithContext(ctx)
	downloading, stopDownloads := context.WithCancel(ctx)
	defer stopDownloads()
	// If a stage fails, the chunks that have passed it are still committed: each is
	// progress, and need not be fetched again.
	var downloadErr, prepareErr error
	group.Go(func() error {
		defer close(downloads)
		downloadErr = x.download(downloading, res, memory, downloads)
		return nil
	})
	group.Go(func() error {
		defer close(chunks)
		defer stopDownloads()
		for d := range downloads {
			var c *chunk.Chunk
			if c, prepareErr = prep.Prepare(ctx, d.index, d.data); prepareErr != nil {
				return nil
			}
			if !send(ctx, chunks, prepared{c, d.taken}) {
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
			if err := x.commit(ctx, recorder, c.Chunk); err != nil {
				return err
			}
			memory.give(c.taken)
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
	return x.verify(res)
}

// rowBytes is more than most rows take in a chunk. It keeps the first chunk of a small
// result from waiting for room that it does not need.
const rowBytes = 1 << 10

// download fetches the chunks that are not committed yet.
func (x *extraction) download(ctx context.Context, res result, memory *share, to chan<- download) error {
	// How large a chunk is is known only once it is there; chunks of a result are alike.
	expect := min(int64(x.cfg.Snowflake.ChunkMegabytes)<<20, res.Total()*rowBytes)
	for i := x.journal.Counts().Chunks; i < res.Chunks(); i++ {
		taken, err := memory.take(ctx, expect)
		if err != nil {
			return err
		}
		began, end := time.Now(), x.metrics.snowflake.begin(x.connection(), phaseDownload)
		data, err := res.Chunk(ctx, i)
		end()
		if err != nil {
			return err
		}
		expect = int64(len(data))
		taken = memory.resize(taken, expect)
		x.metrics.downloaded(ctx, x.connection(), len(data), time.Since(began))
		if !send(ctx, to, download{i, data, taken}) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// connection names the connection in metrics.
func (x *extraction) connection() string { return x.attempt.Run.Spec.Source.ConnectionRef }

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// commit commits a chunk's transaction. Afterwards it counts the chunk in the metrics
// and removes the ledger values that are no longer needed.
func (x *extraction) commit(ctx context.Context, recorder *ledger.Recorder, c *chunk.Chunk) error {
	defer c.Span.End()
	before := x.journal.Counts()
	if err := x.journal.Chunk(ctx, c.Records(), c.Counts); err != nil {
		c.Span.Fail("uncommitted")
		return err
	}
	if !x.attempt.Trial() {
		x.metrics.chunk(ctx, x.attempt.Import, before, c.Counts)
	}
	// After the transaction: until then a resume needs the old values.
	if recorder != nil {
		if err := recorder.DeleteObsolete(ctx, c.Ledger); err != nil {
			x.log.WarnContext(ctx, "old ledger values could not be deleted", slog.Any("error", err))
		}
	}
	return nil
}

// verify refuses a result of which not every row was read. Drivers have ended
// results early and silently, so that the count decides.
func (x *extraction) verify(res result) error {
	read := x.journal.Counts().Read
	if read != res.Total() {
		return failure.Transient(failure.CodeResultShort, "%d rows were read of a result of %d", read, res.Total())
	}
	return nil
}
