package extractor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// abortTries is how often a transaction is repeated in a row before the attempt
// is taken over anew.
const abortTries = 3

// transact writes records in one transaction. It is finished even when ctx has
// ended: cancelling it half way would leave its outcome unknown.
func (t *term) transact(ctx context.Context, records ...*kafka.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.Kafka.TransactionTimeout)
	defer cancel()
	for try := 1; ; try++ {
		began := time.Now()
		err := t.transactOnce(ctx, records)
		t.metrics.transaction(ctx, err, time.Since(began))
		// Only an abort is known to have left nothing behind.
		if err == nil || !errors.Is(err, kafka.ErrAborted) || errors.Is(err, kafka.ErrFenced) || try >= abortTries {
			if err != nil {
				return kafkaError{err}
			}
			return nil
		}
		t.log.WarnContext(ctx, "transaction aborted, it is repeated", slog.Any("error", err))
	}
}

func (t *term) transactOnce(ctx context.Context, records []*kafka.Record) error {
	if err := t.tx.Begin(); err != nil {
		return err
	}
	t.tx.Produce(records...)
	failpoint.Hit("extractor.in-transaction")
	return t.tx.Commit(ctx)
}

// report makes the record of a report of this attempt.
func (t *term) report(ctx context.Context, r schemas.Report) (*kafka.Record, error) {
	r.Import, r.Run, r.Number, r.Attempt = t.importName, t.active.Run, t.active.Number, t.active.Attempt
	r.Time, r.TraceID = time.Now().UTC(), telemetry.TraceID(ctx)
	rec, err := kafka.ControlRecord(t.topics.Reports(), t.importName, t.importName, r, "extract."+r.Kind, "extractor")
	if err != nil {
		return nil, kafkaError{err}
	}
	return rec, nil
}

// started reports the statement, and with its columns the row schema.
func (t *term) started(ctx context.Context, s schemas.Started, schema *schemas.RowSchema) error {
	rec, err := t.report(ctx, schemas.Report{Kind: schemas.ReportStarted, Started: &s})
	if err != nil {
		return err
	}
	records := []*kafka.Record{rec}
	if schema != nil {
		rec, err := kafka.ControlRecord(t.topics.Columns(), t.importName, schemas.ColumnsKey(t.subject), schema, "extract.columns", "extractor")
		if err != nil {
			return kafkaError{err}
		}
		records = append(records, rec)
	}
	failpoint.Hit("extractor.before-started")
	if err := t.transact(ctx, records...); err != nil {
		return fmt.Errorf("reporting the start: %w", err)
	}
	failpoint.Hit("extractor.after-started")
	t.history.started = &s
	return nil
}

// final ends the attempt: nothing of it follows.
func (t *term) final(ctx context.Context, ref *schemas.LedgerRef, early bool) error {
	f := schemas.Final{Extraction: t.counts(), Early: early, Ledger: ref}
	if s := t.history.started; s != nil {
		f.Clock, f.Lookback = s.Clock, s.Lookback
	}
	rec, err := t.report(ctx, schemas.Report{Kind: schemas.ReportFinal, Final: &f})
	if err != nil {
		return err
	}
	failpoint.Hit("extractor.before-final")
	if err := t.transact(ctx, rec); err != nil {
		return fmt.Errorf("reporting the end: %w", err)
	}
	failpoint.Hit("extractor.after-final")
	t.history.over = true
	return nil
}

// abandon ends an attempt that cannot go on.
func (t *term) abandon(ctx context.Context, f *failure) error {
	rec, err := t.report(ctx, schemas.Report{Kind: schemas.ReportAbandoned, Abandoned: &schemas.Abandoned{
		Extraction: t.counts(), Code: f.code, Reason: f.reason, Permanent: f.permanent,
	}})
	if err != nil {
		return err
	}
	if err := t.transact(ctx, rec); err != nil {
		return fmt.Errorf("reporting the end: %w", err)
	}
	t.history.over = true
	return nil
}

// counts are those of the committed chunks.
func (t *term) counts() schemas.Extraction {
	e := t.history.extraction
	if e.ByPartition == nil {
		e.ByPartition = make([]int64, t.partitions())
	}
	return e
}

func (t *term) partitions() int {
	spec := t.active.Spec
	if schemas.IsTrial(t.subject) {
		return schemas.ControlPartitions
	}
	if spec.Topic.Partitions > 0 {
		return spec.Topic.Partitions
	}
	return schemas.DefaultPartitions
}
