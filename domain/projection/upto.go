package projection

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Upto says how far into the log of run events a partition's part of the
// projection goes: Redis shows every event below Offset, or a later one of the
// same run. The zero value says nothing.
//
// The text that Redis holds is another one after every writing, also when the
// offset stays the same. So a writer that finds another text than its own knows
// that Redis went back to an older time, or that somebody else wrote.
type Upto struct {
	Offset int64
	text   string
}

// NewUpto is one with a stamp that no other writing has.
func NewUpto(offset int64, stamp string) Upto {
	return Upto{Offset: offset, text: fmt.Sprintf("%d %s", offset, stamp)}
}

// uptoKey stands beside begunKey and doneKey.
func uptoKey(partition int32) string { return fmt.Sprintf("projection:%d:upto", partition) }

// Upto returns what the last writer left. It comes first of everything that a
// writer does, and fails where the keys are another deployment's.
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

// Advance replaces from by to and reports whether that succeeded. It did not if
// somebody else wrote since from was read: an owner that was fenced while it wrote
// must not set back what its successor noted. To repeat it is harmless.
func (w *Writer) Advance(ctx context.Context, partition int32, from, to Upto) (bool, error) {
	return w.store.Swap(ctx, uptoKey(partition), from.text, to.text)
}
