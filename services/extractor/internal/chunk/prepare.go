package chunk

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// overhead is what a record weighs beside its key and value: headers, batch and
// framing.
const overhead = 1024

// MaxRow is how large a row can be with its key, where Kafka takes records of
// this size.
func MaxRow(messageBytes int64) int { return int(messageBytes) - overhead }

// Config is what rows are prepared for.
type Config struct {
	Attempt attempt.Attempt
	Topics  schemas.Topics
	MaxRow  int
	Spans   *telemetry.Parts
	Log     *slog.Logger
	// Suppressed are the people whose rows are left out; nil of a trial, whose rows are
	// shown.
	Suppressed *suppression.Checker
	// ReplayOf is the reject that a row is read again for, by the row's key; nil outside of
	// replays.
	ReplayOf func(key []byte) *schemas.RejectRef
}

// Ledgers is what a run knows of the rows of the run before and of attempts without
// success, and what it notes for the next one. All are nil in a run that does
// neither.
type Ledgers struct {
	Previous *ledger.Previous
	Recorder *ledger.Recorder
	// Others are what attempts without success have loaded under other mappings.
	Others []Other
}

// Other are rows that were loaded under another mapping than the run's.
type Other struct {
	Hasher *ledger.Hasher // of that mapping
	Rows   *ledger.Previous
}

// Preparer prepares the chunks of one result. It runs ahead of the commits, so
// that its counts are those of the chunk that it prepared last. It is for one
// goroutine.
type Preparer struct {
	cfg         Config
	reader      *plan.Reader
	ledgers     Ledgers
	decoder     *rowjson.Decoder
	hasher      *ledger.Hasher
	counts      schemas.Extraction
	clock       string
	futureAfter string        // a row with a later cursor is from the future
	topic       string        // of the rows
	ids         schemas.RowID // of which only the position changes
	// trial is the key of all rows of a trial, which lie in one partition.
	trial          []byte
	trialPartition int32
	expect         int // rows of a chunk, from the one before
	open           *telemetry.Part
	// prints is set if the rows carry their fingerprint.
	prints bool

	// Identities of which this run sends a version; nil where rows have no order or
	// the ledger holds nothing.
	sentIdentities map[uint64]struct{}
	seed           maphash.Seed
	scratch        []byte
}

// NewPreparer goes on after the chunks that counts are of. clock is the run's, in
// the cursor's time basis.
func NewPreparer(cfg Config, r *plan.Reader, m Ledgers, counts schemas.Extraction, clock string) (*Preparer, error) {
	d, err := rowjson.NewLooseDecoder(r.Columns, r.Visible, r.Held)
	if err != nil {
		return nil, failure.Permanent(failure.CodeColumnType, "%s", err)
	}
	p := &Preparer{
		cfg: cfg, reader: r, ledgers: m, decoder: d, hasher: ledger.NewHasher(r.Hash, r.Mapped),
		prints: !cfg.Attempt.Trial() && !cfg.Attempt.Profiles(),
		counts: clone(counts), clock: clock, topic: cfg.Topics.RowsOf(cfg.Attempt.Subject), ids: cfg.Attempt.RowID(0),
	}
	if cfg.Attempt.Trial() {
		p.trial, p.trialPartition = []byte(cfg.Attempt.Subject), schemas.ControlPartition(cfg.Attempt.Subject)
	}
	if r.Cursor != nil {
		if p.futureAfter, err = statement.Plus(clock, r.Cursor.Future); err != nil {
			return nil, failure.Permanent(failure.CodeCursorInvalid, "%s", err)
		}
	}
	if m.Previous.Highest() != "" && cfg.Attempt.Profiles() {
		p.sentIdentities, p.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	}
	return p, nil
}

func clone(e schemas.Extraction) schemas.Extraction {
	e.ByPartition = slices.Clone(e.ByPartition)
	e.RejectsByCode = maps.Clone(e.RejectsByCode)
	e.Skipped = maps.Clone(e.Skipped)
	e.Placeholders = maps.Clone(e.Placeholders)
	return e
}

// Prepare reads a chunk's rows. The chunk's span is the caller's to end.
func (p *Preparer) Prepare(ctx context.Context, index int, data []byte) (*Chunk, error) {
	if p.cfg.Suppressed != nil {
		if err := p.cfg.Suppressed.Comparable(); err != nil {
			return nil, failure.Permanent(failure.CodeNotComparable, "%s", err)
		}
	}
	ctx, span := StartSpan(ctx, p.cfg.Spans, p.cfg.Attempt, p.topic, index)
	p.open = span
	c := &Chunk{
		Span: span,
		rows: make([]kafka.Record, 0, p.expect), headers: make([]kafka.Header, 0, 3*p.expect),
	}
	rows, err := p.decoder.Rows(data, func(row *rowjson.Row) (bool, error) { return p.row(c, row) })
	if err != nil {
		return nil, unreadable(index, err)
	}
	p.counts.Chunks = index + 1
	if err := p.writeLedger(ctx, c, index); err != nil {
		return nil, err
	}
	c.Counts = clone(p.counts)
	span.SetAttributes(attribute.Int64("tapline.rows", rows), attribute.Int("messaging.batch.message_count", len(c.rows)), attribute.Int("tapline.bytes", len(data)))
	p.open, p.expect = nil, len(c.rows)
	return c, nil
}

// writeLedger writes the chunk's part of the ledger. That comes before the chunk's
// transaction: if the transaction is not committed, no run uses this part.
func (p *Preparer) writeLedger(ctx context.Context, c *Chunk, index int) error {
	if p.ledgers.Recorder == nil {
		return nil
	}
	var err error
	if c.Ledger, err = p.ledgers.Recorder.Finish(ctx, index, p.counts.Maximum); err != nil {
		return err
	}
	if c.Ledger.Err != nil && ctx.Err() == nil {
		p.cfg.Log.WarnContext(ctx, "the ledger was not written: the next run sends rows again", slog.Any("error", c.Ledger.Err))
	}
	p.counts.LedgerEntries, p.counts.LedgerPartial = c.Ledger.Entries, c.Ledger.Partial
	return nil
}

func unreadable(index int, err error) error {
	if f := new(failure.Error); errors.As(err, &f) {
		return err
	}
	return failure.Permanent(failure.CodeResultUnreadable, "chunk %d: %s", index, err)
}

// Close ends the span of a chunk that could not be prepared.
func (p *Preparer) Close() {
	if p.open != nil {
		p.open.Fail("unprepared")
		p.open.End()
	}
}
