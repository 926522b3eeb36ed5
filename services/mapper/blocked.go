package mapper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
)

// A partition whose rows cannot be mapped is polled again after minPause, and after
// twice as long each further time, up to maxPause.
const (
	minPause = time.Second
	maxPause = time.Minute
)

// Reasons for which an import is blocked, besides the errors of its rule. Each is a
// constant, because the text of another error may quote a value that was read.
var (
	errNotReadable = errors.New("the control records of the import cannot be read now")
	errNotWritable = errors.New("the import's topics cannot be written to")
)

// blockedError says that the rows of a partition cannot be mapped until their
// import is repaired: what it needs is missing, refused or cannot be read.
//
// Invariant 11: nothing that is wrong with one import stops another.
type blockedError struct {
	tp     kafka.TP
	offset int64
	reason error
	detail error // for the log; nil where it could quote a value
}

func (e *blockedError) Error() string {
	return fmt.Sprintf("mapping %s[%d] at %d: %v", e.tp.Topic, e.tp.Partition, e.offset, e.reason)
}

func (e *blockedError) Unwrap() error { return e.reason }

// asBlocked turns an error in something that an import needs into a blockedError.
// It returns the error unchanged if ctx has ended, because the service then stops.
func asBlocked(ctx context.Context, row *kafka.Record, err error) error {
	if ctx.Err() != nil {
		return err
	}
	blocked := &blockedError{tp: tpOf(row), offset: row.Offset, reason: errNotReadable, detail: err}
	for _, reason := range []error{runs.ErrUnreadable, errNoColumns, errBadColumns, errNoClock, errBadAccount, errNotComparable} {
		if errors.Is(err, reason) {
			blocked.reason, blocked.detail = reason, nil
		}
	}
	return blocked
}

func tpOf(row *kafka.Record) kafka.TP { return kafka.TP{Topic: row.Topic, Partition: row.Partition} }

// addAll adds the rows of one poll and returns the partitions that are blocked.
func (b *batch) addAll(ctx context.Context, rows []*kafka.Record) (map[kafka.TP]*blockedError, error) {
	blocked := map[kafka.TP]*blockedError{}
	for _, row := range rows {
		if blocked[tpOf(row)] != nil {
			continue
		}
		err := b.add(ctx, row)
		if why, ok := errors.AsType[*blockedError](err); ok {
			blocked[why.tp] = why
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("mapping %s[%d] at %d: %w", row.Topic, row.Partition, row.Offset, err)
		}
	}
	wrong, err := b.m.unwritable(ctx, b.order)
	if err != nil {
		return nil, err
	}
	for _, l := range b.order {
		for _, tp := range l.writesTo {
			if wrong[tp] != nil && blocked[l.from] == nil {
				blocked[l.from] = &blockedError{tp: l.from, offset: l.report.From, reason: errNotWritable, detail: wrong[tp]}
			}
		}
	}
	return blocked, nil
}

// pausedPartitions are the paused partitions of one membership, whose import has to be
// repaired. Such an import must not stop other imports, and its rows must not be
// skipped.
type pausedPartitions struct {
	group       *kafka.GroupTransactor
	byPartition map[kafka.TP]pausedPartition
}

type pausedPartition struct {
	pause time.Duration
	until time.Time // zero once the partition is polled again
}

func newPausedPartitions(group *kafka.GroupTransactor) *pausedPartitions {
	return &pausedPartitions{group: group, byPartition: map[kafka.TP]pausedPartition{}}
}

// resume resumes the partitions whose pause is over, and returns when the next pause
// is over.
func (w *pausedPartitions) resume(now time.Time) (next time.Time) {
	for tp, waiting := range w.byPartition {
		switch {
		case waiting.until.IsZero():
		case !waiting.until.After(now):
			w.group.Resume(tp)
			w.byPartition[tp] = pausedPartition{pause: waiting.pause}
		case next.IsZero() || waiting.until.Before(next):
			next = waiting.until
		}
	}
	return next
}

// add pauses partitions. Pausing rewinds the whole poll: the rows of the other partitions
// are polled again at once.
func (w *pausedPartitions) add(ctx context.Context, tps []kafka.TP) error {
	if err := w.group.Pause(ctx, tps...); err != nil {
		return err
	}
	for _, tp := range tps {
		pause := nextPause(w.byPartition[tp].pause)
		w.byPartition[tp] = pausedPartition{pause: pause, until: time.Now().Add(pause)}
	}
	return nil
}

func nextPause(pause time.Duration) time.Duration { return min(max(2*pause, minPause), maxPause) }

// mapped forgets the partitions whose rows have been committed.
func (w *pausedPartitions) mapped(rows []*kafka.Record) {
	if len(w.byPartition) == 0 {
		return
	}
	for _, row := range rows {
		delete(w.byPartition, tpOf(row))
	}
}

// poll resumes what has been paused long enough and waits for rows, at most until
// the next time something is tried again.
func (m *member) poll(ctx context.Context) ([]*kafka.Record, error) {
	wait, cancel := ctx, func() {}
	next, topics := m.paused.resume(time.Now()), m.resubscribe(time.Now())
	if next.IsZero() || !topics.IsZero() && topics.Before(next) {
		next = topics
	}
	if !next.IsZero() {
		wait, cancel = context.WithDeadline(ctx, next)
	}
	defer cancel()
	rows, err := m.group.Poll(wait, m.s.cfg.BatchRows)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	if failed, ok := errors.AsType[*kafka.FetchError](err); ok && m.s.topics.ImportOf(failed.TP.Topic) != "" {
		m.unsubscribe(ctx, failed)
		return nil, nil
	}
	return rows, err
}

// pauseBlocked rewinds the poll and pauses the blocked partitions.
func (m *member) pauseBlocked(ctx context.Context, blocked map[kafka.TP]*blockedError) error {
	if err := m.paused.add(ctx, slices.Collect(maps.Keys(blocked))); err != nil {
		return err
	}
	for tp, why := range blocked {
		m.s.metrics.blockedRows(ctx, m.s.topics.ImportOf(tp.Topic))
		m.s.deps.Telemetry.Logger.WarnContext(ctx, "the rows of a partition cannot be mapped; the partition is paused",
			slog.String("topic", tp.Topic), slog.Int("partition", int(tp.Partition)), slog.Int64("offset", why.offset),
			slog.String("reason", why.reason.Error()), slog.Duration("again_in", m.paused.byPartition[tp].pause), slog.Any("error", why.detail))
	}
	return nil
}
