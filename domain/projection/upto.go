package projection

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Upto says how far a partition's part of the projection follows the log of run
// events: Redis shows every event below Offset, or a later event of the same
// run. The zero value says nothing.
//
// Each write stores a different text in Redis, even if the offset stays the
// same. A writer that does not find its own text therefore knows that Redis went
// back to an older state, or that somebody else wrote.
type Upto struct {
	Offset int64
	text   string
}

// NewUpto returns an Upto with a stamp that is unique to one write.
func NewUpto(offset int64, stamp string) Upto {
	return Upto{Offset: offset, text: fmt.Sprintf("%d %s", offset, stamp)}
}

// uptoKey stands beside begunKey and doneKey.
func uptoKey(partition int32) string { return fmt.Sprintf("projection:%d:upto", partition) }

// Upto returns what the last writer stored. A writer calls it before anything
// else; it fails if the keys are another deployment's.
func (w *Writer) Upto(ctx context.Context, partition int32) (Upto, error) {
	if w.claim != nil {
		if err := w.claim(ctx); err != nil {
			return Upto{}, err
		}
	}
	value, _, err := w.store.Get(ctx, uptoKey(partition))
	if err != nil {
		return Upto{}, err
	}
	u := Upto{text: string(value)}
	offset, _, _ := strings.Cut(u.text, " ")
	if n, err := strconv.ParseInt(offset, 10, 64); err == nil {
		u.Offset = n
	}
	return u, nil
}

// Advance replaces from by to and reports whether it did. It does not if
// somebody else wrote after from was read: an owner that was fenced while it
// wrote must not overwrite what its successor stored. Repeating Advance is
// harmless.
func (w *Writer) Advance(ctx context.Context, partition int32, from, to Upto) (bool, error) {
	return w.store.Swap(ctx, uptoKey(partition), from.text, to.text)
}
