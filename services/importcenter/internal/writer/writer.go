// Package writer is the one way to write control records: fence every other
// replica, read the log to its end, decide, write in one transaction.
package writer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
)

// transactionalID is shared by all replicas: the one that opened it last is the
// one that writes.
const transactionalID = "importcenter"

// maxTries bounds how often a step starts again: because another replica wrote in
// between, or because the broker lost the transaction.
const maxTries = 5

// DefaultTimeout bounds a write while Kafka does not answer.
const DefaultTimeout = 30 * time.Second

const (
	// commitTimeout bounds the commit alone, which goes on after the caller has
	// cancelled.
	commitTimeout = 30 * time.Second
)

// view is the part of the log that decisions are made from.
type view interface {
	ReadToEnd(ctx context.Context) error
}

// Writer serialises the writes of all replicas. It is safe for concurrent use.
type Writer struct {
	cfg     kafka.Config
	deps    kafka.Deps
	view    view
	timeout time.Duration

	turn chan struct{} // holds one token
	mu   sync.Mutex
	tx   *kafka.Transactor
}

// New returns a Writer that reads v to its end before each decision, and tries a write for
// the timeout at most.
func New(cfg kafka.Config, deps kafka.Deps, v view, timeout time.Duration) *Writer {
	w := &Writer{cfg: cfg, deps: deps, view: v, timeout: timeout, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// Write calls decide with the view at the log's end and writes the records that
// it returns, all of them or none. decide is called again if another replica
// wrote meanwhile, so it may not keep results of an earlier call.
func (w *Writer) Write(ctx context.Context, decide func(ctx context.Context) ([]*kafka.Record, error)) error {
	select {
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	var err error
	unclear := false
	for range maxTries {
		err = w.step(ctx, decide)
		unclear = unclear || errors.Is(err, kafka.ErrOutcomeUnknown)
		// Starting again is safe whether or not the transaction was committed:
		// decide runs again on the log as it then is, and writes nothing that is
		// already there.
		if _, failed := errors.AsType[*transactionError](err); !failed || ctx.Err() != nil {
			break
		}
	}
	if unclear && err != nil && !errors.Is(err, kafka.ErrOutcomeUnknown) && ctx.Err() != nil {
		// An earlier try may have written, and this try failed before it read the log again.
		return errors.Join(kafka.ErrOutcomeUnknown, err)
	}
	return err
}

// transactionError is an error of Kafka's, not of the decision.
type transactionError struct{ err error }

func (e *transactionError) Error() string { return e.err.Error() }

func (e *transactionError) Unwrap() error { return e.err }

func (w *Writer) step(ctx context.Context, decide func(context.Context) ([]*kafka.Record, error)) error {
	tx, err := w.transactor(ctx)
	if err != nil {
		return &transactionError{err}
	}
	if err := w.view.ReadToEnd(ctx); err != nil {
		return err
	}
	records, err := decide(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	if err := w.commit(ctx, tx, records); err != nil {
		w.drop()
		return &transactionError{fmt.Errorf("writing control records: %w", err)}
	}
	return nil
}

func (w *Writer) commit(ctx context.Context, tx *kafka.Transactor, records []*kafka.Record) error {
	failpoint.Hit("importcenter.before-write")
	if err := tx.Begin(); err != nil {
		return err
	}
	tx.Produce(records...)
	failpoint.Hit("importcenter.in-write")
	// A caller that cancels must not leave the outcome open, so the commit does not
	// depend on its context.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	failpoint.Hit("importcenter.after-write")
	return nil
}

func (w *Writer) transactor(ctx context.Context) (*kafka.Transactor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tx != nil {
		return w.tx, nil
	}
	tx, err := kafka.OpenTransactor(ctx, w.cfg, w.deps, transactionalID)
	if err != nil {
		return nil, fmt.Errorf("fencing other replicas: %w", err)
	}
	w.tx = tx
	return tx, nil
}

func (w *Writer) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tx != nil {
		w.tx.Close()
		w.tx = nil
	}
}

// Close closes the producer that holds the transactional id.
func (w *Writer) Close() { w.drop() }
