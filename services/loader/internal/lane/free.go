package lane

import "time"

// maxWaiting is how many batches may be past the committed prefix if most of them are
// finished, and wait only until their requests can no longer be applied.
const maxWaiting = 16 * MaxOpen

// waitingBatch is a finished batch whose identities are locked until a time.
type waitingBatch struct {
	batch *Batch
	until time.Time
}

// Finish ends a batch: every record of it has a durable outcome. Its identities are
// free once no request with them can be applied any more, at until; the zero time
// is now.
func (l *Lane) Finish(b *Batch, until time.Time) {
	b.finished = true
	b.Items = nil // only the identities are still needed
	l.unfinished--
	if until.IsZero() {
		l.free(b)
		return
	}
	l.waiting = append(l.waiting, waitingBatch{b, until})
}

// FreeDue frees the identities of the finished batches that were locked until now at the
// latest. It returns whether there were any, and when the next ones are due.
func (l *Lane) FreeDue(now time.Time) (some bool, again time.Time) {
	rest := l.waiting[:0]
	for _, h := range l.waiting {
		if !now.Before(h.until) {
			l.free(h.batch)
			some = true
			continue
		}
		if again.IsZero() || h.until.Before(again) {
			again = h.until
		}
		rest = append(rest, h)
	}
	clear(l.waiting[len(rest):])
	l.waiting = rest
	return some, again
}

// Quiet reports whether nothing is in the lane, in flight or to be committed: until the next
// Push there is nothing to do for it.
func (l *Lane) Quiet() bool {
	return l.history != nil && l.inGroup && l.Pending() == 0 && len(l.open) == 0 && len(l.waiting) == 0
}

func (l *Lane) free(b *Batch) {
	b.free = true
	for _, identity := range b.identities {
		if n := l.locks[identity]; n > 1 {
			l.locks[identity] = n - 1
		} else {
			delete(l.locks, identity)
		}
	}
	b.identities = nil
}
