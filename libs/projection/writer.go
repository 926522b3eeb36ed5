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
	dry := schemas.IsDryRun(r.Run)
	if err := w.store.ZAdd(ctx, runsOf(dry, r.Import), r.Run, float64(number)); err != nil {
		return err
	}
	return w.store.ZAdd(ctx, runsOf(dry, ""), r.Run, runScore(r))
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

// Whole returns the mark with which a partition's part was last written as a
// whole, "" if Redis was emptied since or the writing never ended.
//
// There are two keys, one written before the first value and one after the last.
// They agree only if Redis was not emptied in between, whenever that happened.
func (w *Writer) Whole(ctx context.Context, partition int32) (string, error) {
	begun, _, err := w.store.Get(ctx, begunKey(partition))
	if err != nil {
		return "", err
	}
	done, _, err := w.store.Get(ctx, doneKey(partition))
	if err != nil || string(done) != string(begun) {
		return "", err
	}
	return string(done), nil
}

// Begin notes that a partition's part is written anew, under a mark that no
// other writing has.
func (w *Writer) Begin(ctx context.Context, partition int32, mark string) error {
	return w.store.Set(ctx, begunKey(partition), []byte(mark), 0)
}

// Done notes that the writing under the mark has ended.
func (w *Writer) Done(ctx context.Context, partition int32, mark string) error {
	return w.store.Set(ctx, doneKey(partition), []byte(mark), 0)
}

// Forget makes the owner of a partition write its part anew. How far the log is
// written stays: an owner that has been fenced still sees that it is behind.
func (w *Writer) Forget(ctx context.Context, partition int32) error {
	return w.store.Del(ctx, begunKey(partition), doneKey(partition))
}
