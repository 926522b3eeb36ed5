package rejects

import (
	"context"
	"slices"
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

// Selection says which rejects are wanted. Empty fields match everything, but an
// import is always given: it names the partition.
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

// matches tells whether the reject at ref is wanted, its state apart.
func (s Selection) matches(ref schemas.RejectRef, r schemas.Reject) bool {
	return r.Import == s.Import &&
		(s.Run == "" || r.Run == s.Run) &&
		(s.Code == "" || r.Code == s.Code) &&
		(s.Stage == "" || r.Stage == s.Stage) &&
		(s.Column == "" || r.Column == s.Column) &&
		(s.Since.IsZero() || !r.Time.Before(s.Since)) &&
		(s.Until.IsZero() || r.Time.Before(s.Until)) &&
		(len(s.Refs) == 0 || slices.Contains(s.Refs, ref))
}

// Group counts the rejects that share what it names.
type Group struct {
	Code   string
	Stage  string
	Column string
	State  string
	Count  int64
}

// Completeness says how much of the topic an answer is made from.
type Completeness struct {
	// Complete says that the answer covers everything that the topic held when it
	// was asked.
	Complete bool
	// IndexedUpTo is the offset below which the partition was read.
	IndexedUpTo int64
}

// Counter counts rejects by group.
type Counter interface {
	Count(ctx context.Context, s Selection) ([]Group, Completeness, error)
}

// Iterator calls fn with each selected reject in the order of offsets, until fn
// returns an error, which it returns.
type Iterator interface {
	Each(ctx context.Context, s Selection, fn func(schemas.RejectRef, schemas.Reject) error) error
}
