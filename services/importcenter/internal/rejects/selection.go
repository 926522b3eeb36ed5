package rejects

import (
	"context"
	"time"

	"tapline.dev/schemas"
)

// States of a reject.
const (
	StateOpen      = "open"      // nothing has been done about it
	StateReplaying = "replaying" // taken by a replay that is not over
	StateReplayed  = "replayed"  // taken by a replay that is over
	StateDismissed = "dismissed" // a person has given it up
)

// Selection says which rejects are wanted. Empty fields match everything. An import is
// given whenever rejects are listed, because it names their partition.
type Selection struct {
	Import string
	Run    string
	Code   string
	Stage  string
	Column string
	State  string
	Since  time.Time // inclusive
	Until  time.Time // exclusive
	Refs   []schemas.RejectRef
}

// Completeness says how much of the topic an answer is made from.
type Completeness struct {
	// Complete says that the answer covers every reject that was committed when it was
	// asked.
	Complete bool
	// IndexedUpTo is the offset of the import's partition below which the answer covers
	// everything; -1 if the answer is about several partitions.
	IndexedUpTo int64
	// Share is how much of what the topic holds is covered, from 0 to 1.
	Share float64
	// Why is why the index stands still, "" if it does not.
	Why string
	// From is when the oldest reject was made that the topic still holds, if retention has
	// deleted earlier ones.
	From *time.Time
}

// Counter counts rejects by code, stage, column and state.
type Counter interface {
	Count(ctx context.Context, s Selection) ([]Group, Completeness, error)
}

// Iterator calls fn with each selected reject in the order of offsets, until fn
// returns an error, which it returns.
type Iterator interface {
	Each(ctx context.Context, s Selection, fn func(schemas.RejectRef, schemas.Reject) error) error
}
