// Package journal writes down what an attempt does and reads back what was
// written: its reports, and the rows that are visible only together with them.
package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
)

// abortTries is how often a transaction that aborts is tried before the attempt is
// taken over anew.
const abortTries = 3

// Deps is what a journal writes and reads with.
type Deps struct {
	Kafka    kafka.Config
	Topics   schemas.Topics
	Reader   *kafka.Reader
	Producer *kafka.Producer // for what stands outside transactions
	Log      *slog.Logger
	// Transacted is called after each transaction.
	Transacted func(ctx context.Context, err error, took time.Duration)
}

// Journal is what the log says of one attempt. Its methods may be called from
// several goroutines; the transactions must come from one.
type Journal struct {
	deps    Deps
	attempt attempt.Attempt
	tx      *kafka.Transactor

	mu      sync.Mutex
	history history
	// statement tells what Snowflake executes for the attempt; nil while it executes nothing.
	statement func() *schemas.Statement
}

// Error marks what goes wrong between this process and Kafka. It leaves the
// attempt open.
type Error struct{ error }

func (e Error) Unwrap() error { return e.error }

// Failed reports whether err is such an error.
func Failed(err error) bool {
	var e Error
	return errors.As(err, &e)
}

// Over reports whether the attempt's last report is written.
func (j *Journal) Over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.history.over
}

// Held reports whether the attempt has stopped before its first row and nobody has
// approved its result since.
func (j *Journal) Held() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.history.held
}

// Started is the newest report of the start; nil before the first.
func (j *Journal) Started() *schemas.Started {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.history.started
}

// Complete reports whether the result's size was reported, and not only the
// statement's id.
func (j *Journal) Complete() bool {
	started := j.Started()
	return started != nil && len(started.Columns) > 0
}

// Spend adds what statements have used at Snowflake; later reports contain the sum.
func (j *Journal) Spend(u schemas.SnowflakeUse) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.history.use = j.history.use.Plus(u)
}

// spent is what the attempt's statements have used, nil if that is not known.
func (j *Journal) spent() *schemas.SnowflakeUse {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.history.use == (schemas.SnowflakeUse{}) {
		return nil
	}
	u := j.history.use
	return &u
}

// Counts are those of the committed chunks. Slices and maps in them are shared with the
// journal, which replaces them and never changes their contents.
func (j *Journal) Counts() schemas.Extraction {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.history.extraction
	if e.ByPartition == nil {
		e.ByPartition = make([]int64, j.attempt.Partitions())
	}
	return e
}

// Start reports the statement, and with its columns the row schema.
func (j *Journal) Start(ctx context.Context, s schemas.Started, schema *schemas.RowSchema) error {
	records, err := j.records(ctx, nil, schemas.Report{Kind: schemas.ReportStarted, Started: &s})
	if err != nil {
		return err
	}
	if schema != nil {
		rec, err := control.Record(j.deps.Topics.Columns(), j.attempt.Import, schemas.ColumnsKey(j.attempt.Subject), schema, schemas.EventColumns, "extractor")
		if err != nil {
			return Error{err}
		}
		records = append(records, rec)
	}
	failpoint.Hit("extractor.before-started")
	if err := j.transact(ctx, records); err != nil {
		return fmt.Errorf("reporting the start: %w", err)
	}
	failpoint.Hit("extractor.after-started")
	j.mu.Lock()
	j.history.started = &s
	j.mu.Unlock()
	return nil
}

// Baseline makes the parts of a baseline visible, and removes those of earlier ones.
func (j *Journal) Baseline(ctx context.Context, parts []*kafka.Record) error {
	if err := j.transact(ctx, parts); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	return nil
}

// Chunk makes a chunk's rows and rejects visible, and with them the counts e of
// all chunks so far.
func (j *Journal) Chunk(ctx context.Context, rows []*kafka.Record, e schemas.Extraction) error {
	records, err := j.records(ctx, rows, schemas.Report{Kind: schemas.ReportChunk, Chunk: &e})
	if err != nil {
		return err
	}
	failpoint.Hit("extractor.before-chunk") // its ledger value is written
	if err := j.transact(ctx, records); err != nil {
		return err
	}
	failpoint.Hit("extractor.after-chunk")
	j.mu.Lock()
	j.history.extraction = e
	j.mu.Unlock()
	return nil
}

// Take is Chunk for a replay: the transaction also holds which rejects the chunk takes.
func (j *Journal) Take(ctx context.Context, rows []*kafka.Record, e schemas.Extraction, t schemas.Taken) error {
	rec, err := j.report(ctx, schemas.Report{Kind: schemas.ReportTaken, Taken: &t})
	if err != nil {
		return err
	}
	return j.Chunk(ctx, append(rows, rec), e)
}

// Hold reports that the result waits for an approval.
func (j *Journal) Hold(ctx context.Context, h schemas.Held) error {
	records, err := j.records(ctx, nil, schemas.Report{Kind: schemas.ReportHeld, Held: &h})
	if err != nil {
		return err
	}
	failpoint.Hit("extractor.before-held")
	if err := j.transact(ctx, records); err != nil {
		return fmt.Errorf("reporting that the result is held: %w", err)
	}
	failpoint.Hit("extractor.after-held")
	return nil
}

// Final ends the attempt: nothing of it follows.
func (j *Journal) Final(ctx context.Context, ref *schemas.LedgerRef, early bool) error {
	f := schemas.Final{Extraction: j.Counts(), Early: early, Ledger: ref}
	if s := j.Started(); s != nil {
		f.Clock, f.Lookback = s.Clock, s.Lookback
	}
	failpoint.Hit("extractor.before-final")
	if err := j.end(ctx, nil, schemas.Report{Kind: schemas.ReportFinal, Final: &f}); err != nil {
		return err
	}
	failpoint.Hit("extractor.after-final")
	return nil
}

// Abandon ends an attempt that cannot go on.
func (j *Journal) Abandon(ctx context.Context, f *failure.Error) error {
	return j.end(ctx, nil, schemas.Report{Kind: schemas.ReportAbandoned, Abandoned: &schemas.Abandoned{
		Extraction: j.Counts(), Code: f.Code, Reason: cut(f.Reason), Permanent: f.Permanent,
	}})
}

// Answer ends the attempt of a trial that asks a question, such as a preview, with the
// rows that belong to the answer.
func (j *Journal) Answer(ctx context.Context, rows []*kafka.Record, answer schemas.Report) error {
	return j.end(ctx, rows, answer)
}

func (j *Journal) end(ctx context.Context, rows []*kafka.Record, last schemas.Report) error {
	records, err := j.records(ctx, rows, last)
	if err != nil {
		return err
	}
	if err := j.transact(ctx, records); err != nil {
		return fmt.Errorf("reporting the end: %w", err)
	}
	j.mu.Lock()
	j.history.over = true
	j.mu.Unlock()
	return nil
}

// Note writes a report outside transactions: that the attempt is alive, or that
// it waits.
func (j *Journal) Note(ctx context.Context, r schemas.Report) error {
	if r.Waiting != nil {
		w := *r.Waiting
		w.Reason = cut(w.Reason)
		r.Waiting = &w
	}
	rec, err := j.report(ctx, r)
	if err != nil {
		return err
	}
	return j.deps.Producer.Produce(ctx, rec)
}

// maxReason bounds the sentence of a report, in bytes.
const maxReason = 1024

// cut is a text of at most maxReason bytes, and whole characters.
func cut(s string) string {
	if len(s) <= maxReason {
		return s
	}
	return strings.ToValidUTF8(s[:maxReason-len("…")], "") + "…"
}

// records are rows with the report that counts them.
func (j *Journal) records(ctx context.Context, rows []*kafka.Record, r schemas.Report) ([]*kafka.Record, error) {
	rec, err := j.report(ctx, r)
	if err != nil {
		return nil, err
	}
	return append(rows, rec), nil
}

func (j *Journal) report(ctx context.Context, r schemas.Report) (*kafka.Record, error) {
	r.Import, r.Run, r.Number, r.Attempt = j.attempt.Import, j.attempt.Run.Run, j.attempt.Run.Number, j.attempt.Run.Attempt
	// Before the attempt has a span, the report belongs to the run's trace.
	r.Time, r.TraceID = time.Now().UTC(), cmp.Or(telemetry.TraceID(ctx), j.attempt.Run.TraceID)
	switch r.Kind {
	case schemas.ReportStarted, schemas.ReportHeld, schemas.ReportFinal, schemas.ReportAbandoned:
		r.Snowflake = j.spent()
	case schemas.ReportHeartbeat:
		r.Statement = j.executing()
	}
	rec, err := control.Record(j.deps.Topics.Reports(), j.attempt.Import, j.attempt.Import, r, schemas.EventReport(r.Kind), "extractor")
	if err != nil {
		return nil, Error{err}
	}
	return rec, nil
}

// transact writes records in one transaction. It is finished even when ctx has
// ended: cancelling it half way would leave its outcome unknown.
func (j *Journal) transact(ctx context.Context, records []*kafka.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.deps.Kafka.TransactionTimeout)
	defer cancel()
	for try := 1; ; try++ {
		began := time.Now()
		err := j.transactOnce(ctx, records)
		j.deps.Transacted(ctx, err, time.Since(began))
		// Only an abort is known to have left nothing behind.
		if err == nil || !errors.Is(err, kafka.ErrAborted) || errors.Is(err, kafka.ErrFenced) || try >= abortTries {
			if err != nil {
				return Error{err}
			}
			return nil
		}
		j.deps.Log.WarnContext(ctx, "transaction aborted, it is repeated", slog.Any("error", err))
	}
}

func (j *Journal) transactOnce(ctx context.Context, records []*kafka.Record) error {
	if err := j.tx.Begin(); err != nil {
		return err
	}
	j.tx.Produce(records...)
	failpoint.Hit("extractor.in-transaction")
	return j.tx.Commit(ctx)
}
