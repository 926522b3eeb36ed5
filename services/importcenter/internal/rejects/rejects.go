// Package rejects finds and counts rejects. Those of runs it finds with an index, a file
// that is built from the rejects topic, can be deleted at any time and is then built
// again. Those of dry runs, which are kept for an hour, it finds by reading their topic
// backwards in bounded windows.
package rejects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// window is how many offsets are read at a time.
const window = 5_000

// reader reads a stretch of one partition, forwards.
type reader interface {
	ReadTo(ctx context.Context, tp kafka.TP, from int64, fn func(*kafka.Record) error) (next int64, err error)
	EndOffset(ctx context.Context, tp kafka.TP) (int64, error)
	StartOffset(ctx context.Context, tp kafka.TP) (int64, error)
}

// Query says which rejects are wanted. Empty fields match everything, but an
// import is always given: it names the partition.
type Query struct {
	Import string
	Run    string
	Code   string
	Stage  string
	Column string
	Since  time.Time // inclusive
	Until  time.Time // exclusive
	// Before is the offset below which to read; 0 begins at the end.
	Before int64
	// Scan bounds how many offsets are looked at; 0 looks at all.
	Scan int64
}

func (q Query) matches(r schemas.Reject) bool {
	return r.Import == q.Import &&
		(q.Run == "" || r.Run == q.Run) &&
		(q.Code == "" || r.Code == q.Code) &&
		(q.Stage == "" || r.Stage == q.Stage) &&
		(q.Column == "" || r.Column == q.Column) &&
		(q.Since.IsZero() || !r.Time.Before(q.Since)) &&
		(q.Until.IsZero() || r.Time.Before(q.Until))
}

// errWindow ends a forward reading at the end of its window.
var errWindow = errors.New("end of the window")

// ErrStop is what take returns when it wants no more.
var ErrStop = errors.New("enough")

// Walk calls take with each matching reject, newest first, and returns the
// offset to go on at: 0 when there are no more.
func Walk(ctx context.Context, r reader, topic string, q Query, take func(schemas.Reject) error) (int64, error) {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(q.Import)}
	start, err := r.StartOffset(ctx, tp)
	if err != nil {
		return 0, fmt.Errorf("finding the start of the rejects: %w", err)
	}
	high, err := r.EndOffset(ctx, tp)
	if err != nil {
		return 0, fmt.Errorf("finding the end of the rejects: %w", err)
	}
	if q.Before > 0 {
		// A token from before a topic was created again may lie beyond its end.
		high = min(high, q.Before)
	}
	low := start
	if q.Scan > 0 {
		low = max(low, high-q.Scan)
	}
	for high > low {
		from := max(low, high-window)
		found, err := readWindow(ctx, r, tp, from, high)
		if err != nil {
			return 0, err
		}
		for i := len(found) - 1; i >= 0; i-- {
			if !q.matches(found[i].reject) {
				continue
			}
			err := take(found[i].reject)
			if errors.Is(err, ErrStop) {
				return more(found[i].offset, start), nil
			}
			if err != nil {
				return 0, err
			}
		}
		high = from
	}
	return more(high, start), nil
}

// more returns the offset to go on at, or 0 at the start of the log.
func more(offset, start int64) int64 {
	if offset <= start {
		return 0
	}
	return offset
}

type located struct {
	offset int64
	reject schemas.Reject
}

func readWindow(ctx context.Context, r reader, tp kafka.TP, from, high int64) ([]located, error) {
	var found []located
	_, err := r.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		if rec.Offset >= high {
			return errWindow
		}
		var reject schemas.Reject
		if err := json.Unmarshal(rec.Value, &reject); err != nil {
			return fmt.Errorf("decoding the reject at offset %d of partition %d: %w", rec.Offset, rec.Partition, err)
		}
		found = append(found, located{rec.Offset, reject})
		return nil
	})
	if err != nil && !errors.Is(err, errWindow) {
		return nil, fmt.Errorf("reading the rejects: %w", err)
	}
	return found, nil
}
