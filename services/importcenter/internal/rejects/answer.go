package rejects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const (
	// waitForIndex bounds how long an answer waits until the index has the newest records. An
	// index that is more than waitableLag offsets behind is not waited for.
	waitForIndex = 3 * time.Second
	waitableLag  = 50_000
	// chunk is how many rejects Each finds at a time.
	chunk = 20_000
)

// Item is a reject as a list shows it.
type Item struct {
	Ref   schemas.RejectRef
	State string
	// Replay is the run that took it last, "" if none did. Again says that its row was
	// rejected again.
	Replay string
	Again  bool
	Reject schemas.Reject
}

// Count counts the selected rejects by code, stage, column and state.
func (x *Index) Count(ctx context.Context, s Selection) ([]Group, Completeness, error) {
	return x.CountBy(ctx, s, ByCode, ByStage, ByColumn, ByState)
}

// CountBy counts the selected rejects by what is asked for, the largest groups first.
func (x *Index) CountBy(ctx context.Context, s Selection, by ...By) ([]Group, Completeness, error) {
	st, how, err := x.upToDate(ctx, s.Import)
	if err != nil {
		return nil, how, err
	}
	groups, err := s.count(st, x.deps.Known, by)
	return groups, how, unavailable(err)
}

// Page returns up to limit of the selected rejects, the newest first or the oldest
// first. Beyond is where the page before has ended, -1 for the first page. Next is the
// Beyond of the next page, -1 if there is none.
func (x *Index) Page(ctx context.Context, s Selection, oldestFirst bool, beyond int64, limit int) (items []Item, next int64, how Completeness, err error) {
	st, how, err := x.upToDate(ctx, s.Import)
	if err != nil {
		return nil, -1, how, err
	}
	in := span{schemas.ControlPartition(s.Import), 0, math.MaxInt64 - blockOffsets}
	switch {
	case beyond >= 0 && oldestFirst:
		in.low = beyond + 1
	case beyond >= 0:
		in.high = beyond - 1
	}
	hits, err := s.find(st, x.deps.Known, in, !oldestFirst, limit+1)
	if err != nil {
		return nil, -1, how, unavailable(err)
	}
	next = -1
	if len(hits) > limit {
		hits = hits[:limit]
		next = hits[limit-1].ref.Offset
	}
	if !oldestFirst {
		slices.Reverse(hits)
	}
	err = x.read(ctx, s.Import, hits, func(i Item) error {
		items = append(items, i)
		return nil
	})
	if !oldestFirst {
		slices.Reverse(items)
	}
	return items, next, how, err
}

// read calls fn with the reject at each hit; the hits are in ascending order. A reject that
// retention has deleted meanwhile is left out.
func (x *Index) read(ctx context.Context, importName string, hits []hit, fn func(Item) error) error {
	offsets := make([]int64, len(hits))
	for i, h := range hits {
		offsets[i] = h.ref.Offset
	}
	now := x.deps.Known(importName)
	tp := kafka.TP{Topic: x.deps.Topics.Rejects(), Partition: schemas.ControlPartition(importName)}
	err := x.deps.Source.Pick(ctx, tp, offsets, func(rec *kafka.Record) error {
		for hits[0].ref.Offset < rec.Offset {
			hits = hits[1:]
		}
		var reject schemas.Reject
		if err := json.Unmarshal(rec.Value, &reject); err != nil {
			return fmt.Errorf("decoding the reject at offset %d of partition %d: it is not what the index was built from", rec.Offset, rec.Partition)
		}
		h := hits[0]
		return fn(Item{h.ref, h.cell.stateOf(now), h.cell.Replay, h.cell.Again, reject})
	})
	if err != nil {
		return fmt.Errorf("reading the rejects: %w", err)
	}
	return nil
}

// Each calls fn with each selected reject in the order of offsets, until fn returns an
// error, which it returns. If the index is not complete it returns ErrUnavailable, because
// the caller would act on a part of the rejects.
func (x *Index) Each(ctx context.Context, s Selection, fn func(schemas.RejectRef, schemas.Reject) error) error {
	how, err := x.EachItem(ctx, s, func(i Item) error { return fn(i.Ref, i.Reject) })
	if err == nil && !how.Complete {
		return fmt.Errorf("%w: it is still being built", ErrUnavailable)
	}
	return err
}

// EachItem is Each with what the index knows of every reject. It covers what the topic
// held when it was called.
func (x *Index) EachItem(ctx context.Context, s Selection, fn func(Item) error) (Completeness, error) {
	_, how, err := x.upToDate(ctx, s.Import)
	if err != nil {
		return how, err
	}
	in := span{schemas.ControlPartition(s.Import), 0, how.IndexedUpTo - 1}
	tp := kafka.TP{Topic: x.deps.Topics.Rejects(), Partition: in.partition}
	for in.low <= in.high {
		st, at, _, err := x.now(tp)
		switch {
		case err != nil:
			return how, err
		case at < how.IndexedUpTo: // what is left would end early, and look like the end
			return how, errAnew
		}
		hits, err := s.find(st, x.deps.Known, in, false, chunk)
		if err != nil {
			return how, unavailable(err)
		}
		if len(hits) == 0 {
			return how, nil
		}
		if err := x.read(ctx, s.Import, hits, fn); err != nil {
			return how, err
		}
		in.low = hits[len(hits)-1].ref.Offset + 1
	}
	return how, nil
}

var errAnew = fmt.Errorf("%w: it is being built anew", ErrUnavailable)

// unavailable turns the error of a store that was closed meanwhile into ErrUnavailable.
func unavailable(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return errAnew
	}
	return err
}

// upToDate waits, for waitForIndex at most, until the index holds what was committed at the
// call, and returns how much of it the index holds.
func (x *Index) upToDate(ctx context.Context, importName string) (*store, Completeness, error) {
	partitions := []int32{schemas.ControlPartition(importName)}
	if importName == "" {
		partitions = partitions[:0]
		for p := range int32(schemas.ControlPartitions) {
			partitions = append(partitions, p)
		}
	}
	how := Completeness{Complete: true}
	var all, done int64
	var cut []int32 // partitions of which retention has deleted something
	reached := map[kafka.TP]int64{}
	for _, p := range partitions {
		tp := kafka.TP{Topic: x.deps.Topics.Rejects(), Partition: p}
		start, err := x.deps.Source.StartOffset(ctx, tp)
		if err != nil {
			return nil, how, fmt.Errorf("finding the start of the rejects: %w", err)
		}
		end, err := x.deps.Source.StableOffset(ctx, tp)
		if err != nil {
			return nil, how, fmt.Errorf("finding the end of the rejects: %w", err)
		}
		at, err := x.reach(ctx, tp, start, end)
		if err != nil {
			return nil, how, err
		}
		replays, err := x.replaysReached(ctx, p)
		if err != nil {
			return nil, how, err
		}
		if start > 0 {
			cut = append(cut, p)
		}
		how.IndexedUpTo, reached[tp] = at, at
		how.Complete = how.Complete && at >= end && replays
		all, done = all+max(end-start, 0), done+min(max(at-start, 0), max(end-start, 0))
	}
	how.Share = 1
	if all > 0 {
		how.Share = float64(done) / float64(all)
	}
	if len(partitions) > 1 {
		how.IndexedUpTo = -1
	}
	st, err := x.storeWith(reached)
	if err != nil {
		return nil, how, err
	}
	how.Why = x.why()
	how.From, err = st.from(cut)
	return st, how, unavailable(err)
}

// replaysReached reports whether the index has every report of what replays have taken.
func (x *Index) replaysReached(ctx context.Context, partition int32) (bool, error) {
	tp := kafka.TP{Topic: x.deps.Topics.Reports(), Partition: partition}
	end, err := x.deps.Source.StableOffset(ctx, tp)
	if err != nil {
		return false, fmt.Errorf("finding the end of the reports: %w", err)
	}
	at, err := x.reach(ctx, tp, 0, end)
	return at >= end, err
}

// reach waits until the position of a partition is at end.
func (x *Index) reach(ctx context.Context, tp kafka.TP, start, end int64) (int64, error) {
	late := time.NewTimer(waitForIndex)
	defer late.Stop()
	for {
		st, at, moved, err := x.now(tp)
		if err == nil && (at >= end || end-max(at, start) > waitableLag) {
			return at, nil
		}
		select {
		case <-moved:
		case <-late.C:
			if st == nil {
				return at, err
			}
			return at, nil
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

// from is when the oldest reject was made that each of the partitions still holds.
func (s *store) from(partitions []int32) (*time.Time, error) {
	var oldest *time.Time
	err := s.view(func(tx *bolt.Tx) error {
		for _, p := range partitions {
			made, err := oldestOf(tx, p)
			if err != nil {
				return err
			}
			if oldest == nil || made.After(*oldest) {
				oldest = &made
			}
		}
		return nil
	})
	return oldest, err
}

// oldestOf is when the first reject of a partition was made; now if it has none.
func oldestOf(tx *bolt.Tx, partition int32) (time.Time, error) {
	k, raw := tx.Bucket(blockBucket).Cursor().Seek(blockKey(partition, 0))
	if k == nil {
		return time.Now().UTC(), nil
	}
	at, base := parseBlockKey(k)
	if at != partition {
		return time.Now().UTC(), nil
	}
	var b block
	if err := b.decode(base, raw); err != nil {
		return time.Time{}, err
	}
	if len(b.entries) == 0 {
		return time.Time{}, errBlock
	}
	c, ok := parseCell(string(tx.Bucket(idsBucket).Get(idKey(b.entries[0].cell))))
	if !ok {
		return time.Time{}, errBlock
	}
	return time.Unix(c.Hour*3600, b.entries[0].nanos).UTC(), nil
}
