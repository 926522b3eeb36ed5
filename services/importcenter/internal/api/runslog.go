package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// maxLogRuns bounds how many runs are kept in memory while the log is read for a page
// of them. The log holds runs of 90 days; the newest are kept.
const maxLogRuns = 50_000

// runFromLog returns the newest event of a run. Counts in events are
// cumulative, so the newest one is the run.
func (h *handlers) runFromLog(ctx context.Context, importName, id string) (run schemas.Run, found bool, err error) {
	err = h.scan(ctx, h.Topics.Runs(), importName, func(r *kafka.Record) error {
		var event schemas.Run
		if err := json.Unmarshal(r.Value, &event); err != nil {
			return fmt.Errorf("decoding a run event: %w", err)
		}
		if event.Run == id {
			run, found = event, true
		}
		return nil
	})
	return run, found, err
}

// runsFromLog answers a query of runs from the runs topic: the newest event of a run is
// the run. Events before since are of runs that began before it, unless the run goes on.
func (h *handlers) runsFromLog(ctx context.Context, q projection.Query, since time.Time) (projection.Page, error) {
	newest := newestRuns{byName: map[string]schemas.Run{}}
	partitions := make([]int32, 0, schemas.ControlPartitions)
	for p := range int32(schemas.ControlPartitions) {
		if q.Import == "" || p == schemas.ControlPartition(q.Import) {
			partitions = append(partitions, p)
		}
	}
	for _, p := range partitions {
		tp, from := kafka.TP{Topic: h.Topics.Runs(), Partition: p}, int64(0)
		if !since.IsZero() {
			var err error
			if from, err = h.Partitions.OffsetAt(ctx, tp, since); err != nil {
				return projection.Page{}, err
			}
		}
		_, err := h.Partitions.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
			var event schemas.Run
			if err := json.Unmarshal(r.Value, &event); err != nil {
				return fmt.Errorf("decoding a run event: %w", err)
			}
			if q.Import == "" || event.Import == q.Import {
				newest.add(event)
			}
			return nil
		})
		if err != nil {
			return projection.Page{}, err
		}
	}
	return projection.PageOf(newest.all(), q)
}

// newestRuns keeps the newest event of each run, of the maxLogRuns that were seen last.
type newestRuns struct {
	byName map[string]schemas.Run
	order  []string
}

func (n *newestRuns) add(r schemas.Run) {
	if _, known := n.byName[r.Run]; !known {
		n.order = append(n.order, r.Run)
	}
	n.byName[r.Run] = r
	if len(n.order) > maxLogRuns {
		delete(n.byName, n.order[0])
		n.order = n.order[1:]
	}
}

func (n *newestRuns) all() []schemas.Run {
	runs := make([]schemas.Run, 0, len(n.byName))
	for _, r := range n.byName {
		runs = append(runs, r)
	}
	return runs
}
