package projection

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Progress says how far a partition's part of the projection follows the log of run
// events: Redis shows every event below Offset, or a later event of the same
// run. The zero value says nothing.
//
// Each write stores a different text in Redis, even if the offset stays the
// same. A writer that does not find its own text therefore knows that Redis went
// back to an older state, or that somebody else wrote.
type Progress struct {
	Offset int64
	text   string
}

// NewProgress returns a Progress with a write id, which is unique to one write.
func NewProgress(offset int64, writeID string) Progress {
	return Progress{Offset: offset, text: fmt.Sprintf("%d %s", offset, writeID)}
}

// progressKey is kept beside writeBegunKey and writeDoneKey.
func progressKey(partition int32) string { return fmt.Sprintf("projection:%d:upto", partition) }

// Progress returns what the last writer stored. A writer calls it before anything
// else; it fails if the keys are another deployment's.
func (w *Writer) Progress(ctx context.Context, partition int32) (Progress, error) {
	if w.claim != nil {
		if err := w.claim(ctx); err != nil {
			return Progress{}, err
		}
	}
	value, _, err := w.store.Get(ctx, progressKey(partition))
	if err != nil {
		return Progress{}, err
	}
	p := Progress{text: string(value)}
	offset, _, _ := strings.Cut(p.text, " ")
	if n, err := strconv.ParseInt(offset, 10, 64); err == nil {
		p.Offset = n
	}
	return p, nil
}

// AdvanceProgress replaces from by to and reports whether it did. It does not if
// somebody else wrote after from was read: an owner that was fenced while it
// wrote must not overwrite what its successor stored. A second call with the same
// arguments changes nothing.
func (w *Writer) AdvanceProgress(ctx context.Context, partition int32, from, to Progress) (bool, error) {
	return w.store.Swap(ctx, progressKey(partition), from.text, to.text)
}
