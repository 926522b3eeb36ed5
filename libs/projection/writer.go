package projection

import (
	"context"
	"time"

	"tapline.dev/schemas"
)

// Writer writes runs and listings. The owner of an import's control partition
// is its only writer.
type Writer struct {
	store Store
}

// NewWriter returns a writer to the store.
func NewWriter(store Store) *Writer { return &Writer{store: store} }

// PutRun writes a run. The hash comes first, so that a listing never finds a
// name without a value.
func (w *Writer) PutRun(ctx context.Context, r schemas.Run) error {
	fields, err := Encode(r)
	if err != nil {
		return err
	}
	var ttl time.Duration
	if schemas.Terminal(r.State) {
		ttl = RunTTL
	}
	_, number, err := schemas.ParseRunID(r.Run)
	if err != nil {
		return err
	}
	if err := w.store.HSetAll(ctx, RunKey(r.Run), fields, ttl); err != nil {
		return err
	}
	if err := w.store.ZAdd(ctx, runsOfKey(r.Import), r.Run, float64(number)); err != nil {
		return err
	}
	return w.store.ZAdd(ctx, runsKey, r.Run, runScore(r))
}

// PutListing writes an import.
func (w *Writer) PutListing(ctx context.Context, l schemas.Listing) error {
	fields, err := Encode(l)
	if err != nil {
		return err
	}
	if err := w.store.HSetAll(ctx, ImportKey(l.Import), fields, 0); err != nil {
		return err
	}
	return w.store.ZAdd(ctx, importsKey, l.Import, 0)
}

// DropListing takes a deleted import out of the listing; its runs stay.
func (w *Writer) DropListing(ctx context.Context, importName string) error {
	if err := w.store.ZRem(ctx, importsKey, importName); err != nil {
		return err
	}
	return w.store.Del(ctx, ImportKey(importName))
}

// Sentinel returns the mark of a partition, "" when Redis was emptied. A writer
// that rewrites everything sets a mark of its own before the first value and
// looks for it after the last: if it is gone, so may be some of the values.
func (w *Writer) Sentinel(ctx context.Context, partition int32) (string, error) {
	mark, _, err := w.store.Get(ctx, SentinelKey(partition))
	return string(mark), err
}

// SetSentinel writes the mark of a partition.
func (w *Writer) SetSentinel(ctx context.Context, partition int32, mark string) error {
	return w.store.Set(ctx, SentinelKey(partition), []byte(mark), 0)
}
