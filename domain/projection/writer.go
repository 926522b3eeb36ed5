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
	claim func(context.Context) error // nil claims nothing
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
	_, number, err := schemas.ParseRunID(r.Run)
	if err != nil {
		return err
	}
	ttl := ttlOf(r, time.Now())
	if ttl < 0 {
		return w.dropRuns(ctx, r.Run)
	}
	if err := w.store.HSetAll(ctx, RunKey(r.Run), fields, ttl); err != nil {
		return err
	}
	dry := schemas.IsDryRun(r.Run)
	if err := w.store.ZAdd(ctx, runsOf(dry, r.Import), r.Run, float64(number)); err != nil {
		return err
	}
	if err := w.store.ZAdd(ctx, runsOf(dry, ""), r.Run, runScore(r)); err != nil {
		return err
	}
	if ttl == 0 {
		return nil
	}
	return w.trim(ctx, runsOf(dry, ""))
}

// ttlOf is how long a run stays from now on: 0 for good, as it goes on, and below
// 0 not at all. It counts from the end of the run, so that to write one again does
// not keep it longer.
func ttlOf(r schemas.Run, now time.Time) time.Duration {
	switch {
	case !schemas.Terminal(r.State):
		return 0
	case r.FinishedAt == nil:
		return RunTTL
	}
	left := r.FinishedAt.Add(RunTTL).Sub(now)
	if left < time.Millisecond { // Redis counts in those
		return -1
	}
	return left
}

// trimPage bounds what one finished run trims; it adds but one.
const trimPage = 16

// trim takes runs whose hashes have expired out of the sorted sets, which do not
// expire. Whether a run is there decides, and not its score: one that waited for
// its account may have begun long before it ended. The set of all runs alone is
// looked at, so that those of an import that is idle or deleted go as well.
func (w *Writer) trim(ctx context.Context, key string) error {
	oldest := time.Now().Add(-RunTTL)
	names, err := w.store.ZBelow(ctx, key, float64(oldest.UnixMilli()), trimPage)
	if err != nil || len(names) == 0 {
		return err
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = RunKey(name)
	}
	hashes, err := w.store.HGetAllOf(ctx, keys...)
	if err != nil {
		return err
	}
	var gone []string
	for i, name := range names {
		if len(hashes[i]) == 0 {
			gone = append(gone, name)
		}
	}
	return w.dropRuns(ctx, gone...)
}

func (w *Writer) dropRuns(ctx context.Context, runs ...string) error {
	for _, run := range runs {
		importName, _, err := schemas.ParseRunID(run)
		if err != nil {
			return err
		}
		dry := schemas.IsDryRun(run)
		// The set that trim looks at comes last: until then it is found again.
		if err := w.store.ZRem(ctx, runsOf(dry, importName), run); err != nil {
			return err
		}
		if err := w.store.Del(ctx, RunKey(run)); err != nil {
			return err
		}
		if err := w.store.ZRem(ctx, runsOf(dry, ""), run); err != nil {
			return err
		}
	}
	return nil
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
