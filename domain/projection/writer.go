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

// ttlOf returns how long a run stays from now on. 0 means that the run has not
// ended and does not expire; a negative value means that its time is over. The
// time counts from the end of the run, so that writing a run again does not keep
// it longer.
func ttlOf(r schemas.Run, now time.Time) time.Duration {
	switch {
	case !schemas.Terminal(r.State):
		return 0
	case r.FinishedAt == nil:
		return RunTTL
	}
	left := r.FinishedAt.Add(RunTTL).Sub(now)
	if left < time.Millisecond { // the unit in which Redis expires keys
		return -1
	}
	return left
}

// trimPage bounds how many runs are trimmed when one run finishes. A finished
// run adds one.
const trimPage = 16

// trim removes runs whose hashes have expired from the sorted sets, because
// members of a sorted set do not expire. The score only selects candidates; a
// run is removed if its hash is gone. The score alone cannot decide: a run that
// waited for its account may have begun long before it ended. trim reads the set
// of all imports' runs, so that runs of an idle or deleted import are removed as
// well.
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
		// The set that trim reads comes last: if a step before it fails, trim finds
		// the run again.
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

// CompleteWrite returns the id of the last complete write of a partition's part. It
// returns "" if Redis was emptied since, or if that write never ended.
//
// There are two keys: one is written before the first value and one after the
// last. They agree only if Redis was not emptied in between.
func (w *Writer) CompleteWrite(ctx context.Context, partition int32) (string, error) {
	begun, _, err := w.store.Get(ctx, writeBegunKey(partition))
	if err != nil {
		return "", err
	}
	done, _, err := w.store.Get(ctx, writeDoneKey(partition))
	if err != nil || string(done) != string(begun) {
		return "", err
	}
	return string(done), nil
}

// BeginWrite notes that a partition's part is being rewritten, with an id that is unique
// to this write.
func (w *Writer) BeginWrite(ctx context.Context, partition int32, writeID string) error {
	return w.store.Set(ctx, writeBegunKey(partition), []byte(writeID), 0)
}

// EndWrite notes that the write with the id has ended.
func (w *Writer) EndWrite(ctx context.Context, partition int32, writeID string) error {
	return w.store.Set(ctx, writeDoneKey(partition), []byte(writeID), 0)
}

// Invalidate makes the owner of a partition rewrite its part. It leaves the progress as it
// is, so that an owner that has been fenced still sees that it is behind.
func (w *Writer) Invalidate(ctx context.Context, partition int32) error {
	return w.store.Del(ctx, writeBegunKey(partition), writeDoneKey(partition))
}
