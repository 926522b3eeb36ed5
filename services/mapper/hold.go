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

// A partition whose rows cannot be mapped is tried again after minHold, and after
// twice as long each further time, up to maxHold.
const (
	minHold = time.Second
	maxHold = time.Minute
)

// blockedError says that the rows of a partition cannot be mapped until
// their import is repaired, through no fault of Kafka's: what their import needs is missing or cannot be
// read. The reason is a constant, because a parser's error may quote what it read.
type blockedError struct {
	tp     kafka.TP
	offset int64
	reason error
}

func (e *blockedError) Error() string {
	return fmt.Sprintf("mapping %s[%d] at %d: %v", e.tp.Topic, e.tp.Partition, e.offset, e.reason)
}

func (e *blockedError) Unwrap() error { return e.reason }

// blocking turns an error that is the row's import's into a blockedError.
func blocking(row *kafka.Record, err error) error {
	for _, reason := range []error{runs.ErrUnreadable, errNoColumns, errBadColumns, errNoClock, errBadAccount} {
		if errors.Is(err, reason) {
			return &blockedError{tp: tpOf(row), offset: row.Offset, reason: reason}
		}
	}
	return err
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
	return blocked, nil
}

// holds are the partitions of one membership that wait for their import to be
// repaired. One import must not stop the others, and its own rows must not be
// passed over either.
type holds struct {
	member *kafka.GroupTransactor
	of     map[kafka.TP]hold
}

type hold struct {
	pause time.Duration
	until time.Time // zero once the partition is tried again
}

func newHolds(member *kafka.GroupTransactor) *holds {
	return &holds{member: member, of: map[kafka.TP]hold{}}
}

// poll resumes the partitions whose time has come and waits for rows, at most
// until the time of the next one.
func (h *holds) poll(ctx context.Context, limit int) ([]*kafka.Record, error) {
	wait, cancel := ctx, func() {}
	if next := h.resume(time.Now()); !next.IsZero() {
		wait, cancel = context.WithDeadline(ctx, next)
	}
	defer cancel()
	rows, err := h.member.Poll(wait, limit)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return rows, err
}

func (h *holds) resume(now time.Time) (next time.Time) {
	for tp, held := range h.of {
		switch {
		case held.until.IsZero():
		case !held.until.After(now):
			h.member.Resume(tp)
			h.of[tp] = hold{pause: held.pause}
		case next.IsZero() || held.until.Before(next):
			next = held.until
		}
	}
	return next
}

// add pauses partitions. The whole poll is given back: the rows of the other
// partitions are polled again at once.
func (h *holds) add(ctx context.Context, tps []kafka.TP) error {
	if err := h.member.Pause(ctx, tps...); err != nil {
		return err
	}
	for _, tp := range tps {
		pause := longer(h.of[tp].pause)
		h.of[tp] = hold{pause: pause, until: time.Now().Add(pause)}
	}
	return nil
}

func longer(pause time.Duration) time.Duration { return min(max(2*pause, minHold), maxHold) }

// mapped forgets the holds of partitions whose rows have been committed.
func (h *holds) mapped(rows []*kafka.Record) {
	if len(h.of) == 0 {
		return
	}
	for _, row := range rows {
		delete(h.of, tpOf(row))
	}
}

func (s *Service) hold(ctx context.Context, held *holds, blocked map[kafka.TP]*blockedError) error {
	if err := held.add(ctx, slices.Collect(maps.Keys(blocked))); err != nil {
		return err
	}
	for tp, why := range blocked {
		s.metrics.held(ctx, tp.Topic, why.reason.Error())
		s.deps.Telemetry.Logger.WarnContext(ctx, "the rows of a partition cannot be mapped and wait",
			slog.String("topic", tp.Topic), slog.Int("partition", int(tp.Partition)), slog.Int64("offset", why.offset),
			slog.String("reason", why.reason.Error()), slog.Duration("again_in", held.of[tp].pause))
	}
	return nil
}
