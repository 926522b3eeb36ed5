// Package delivered finds out which rows of an import of events CleverTap holds of
// attempts that did not succeed: those of a run that was cancelled, was stopped or
// failed, and the abandoned ones of a run that goes on. The next reading leaves
// these rows out, because CleverTap would store their events a second time.
//
// All of it is in the log. The receipts say which offsets of the records topic are
// loaded, and each record carries the fingerprint of its row. Where the log does not
// tell (the records were deleted, or an older version wrote them), the events are
// counted, and their rows are sent again.
package delivered

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
)

// Log is what is read.
type Log interface {
	OffsetAt(ctx context.Context, tp kafka.TP, t time.Time) (int64, error)
	ReadTo(ctx context.Context, tp kafka.TP, from int64, fn func(*kafka.Record) error) (int64, error)
	TopicID(ctx context.Context, topic string) (string, error)
}

// Question is what is asked.
type Question struct {
	Import string
	Topics schemas.Topics
	// Runs name the attempts, each run once. Loaded is how many events the run has
	// loaded as far as the asker knows.
	Runs []schemas.InterruptedRun
	// Limit bounds the rows that are remembered, of 16 bytes each.
	Limit int
	// Slack allows for clocks that differ between those who stamp the reports.
	Slack time.Duration
}

// Found is the answer.
type Found struct {
	Sets []Set
	// Untold counts the events that CleverTap holds, or may hold because a request
	// has no receipt yet, and whose rows the log does not tell.
	Untold int64
}

// Set are the rows that were loaded under one mapping.
type Set struct {
	Mapping string   // its hash
	Columns []string // that the fingerprints cover, in their order
	Rows    []ledger.Fingerprint
}

// Find reads the reports of the runs, and the records that these call loaded. If it
// fails, what it returns is what it has read, and counts the rest.
func Find(ctx context.Context, log Log, q Question) (Found, error) {
	o := newOutcomes(q.Import, q.Runs)
	since := q.Runs[0].StartedAt
	for _, r := range q.Runs {
		if r.StartedAt.Before(since) {
			since = r.StartedAt
		}
	}
	reports := kafka.TP{Topic: q.Topics.Reports(), Partition: schemas.ControlPartition(q.Import)}
	from, err := log.OffsetAt(ctx, reports, since.Add(-q.Slack))
	if err == nil {
		_, err = log.ReadTo(ctx, reports, from, func(rec *kafka.Record) error {
			if string(rec.Key) == q.Import {
				o.add(rec.Value)
			}
			return nil
		})
	}
	if err != nil {
		return newSets(o, 0).found(), fmt.Errorf("reading what earlier attempts have loaded: %w", err)
	}
	sets := newSets(o, q.Limit)
	if err := sets.readRecords(ctx, log, q.Topics.Records(q.Import)); err != nil {
		return sets.found(), fmt.Errorf("reading which rows earlier attempts have loaded: %w", err)
	}
	return sets.found(), nil
}

// sets collects the rows.
type sets struct {
	outcomes *outcomes
	limit    int
	rows     map[string]*Set
	told     map[int]int64 // rows by run
	all      int
}

func newSets(o *outcomes, limit int) *sets {
	return &sets{outcomes: o, limit: limit, rows: map[string]*Set{}, told: map[int]int64{}}
}

var errPast = errors.New("all that is wanted has been read")

// readRecords reads the records that are loaded. Those of a run whose topic was
// deleted and created again are gone, and its offsets mean other records.
func (s *sets) readRecords(ctx context.Context, log Log, topic string) error {
	if len(s.outcomes.loaded) == 0 {
		return nil
	}
	id, err := log.TopicID(ctx, topic)
	if errors.Is(err, kafka.ErrNoTopic) || err == nil && id == "" {
		return nil
	}
	if err != nil {
		return err
	}
	loaded := map[int32]spans{}
	for a, partitions := range s.outcomes.loaded {
		if s.outcomes.runs[a.number].RecordsTopic == id {
			for partition, offsets := range partitions {
				loaded[partition] = loaded[partition].with(offsets)
			}
		}
	}
	for partition, offsets := range loaded {
		if len(offsets) == 0 {
			continue
		}
		last := offsets[len(offsets)-1].to
		_, err := log.ReadTo(ctx, kafka.TP{Topic: topic, Partition: partition}, offsets[0].from, func(rec *kafka.Record) error {
			if offsets.has(rec.Offset) {
				s.add(rec)
			}
			if rec.Offset >= last {
				return errPast
			}
			return nil
		})
		if err != nil && !errors.Is(err, errPast) {
			return err
		}
	}
	return nil
}

// add takes in a record whose offset some attempt calls loaded.
func (s *sets) add(rec *kafka.Record) {
	id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
	a := attempt{id.Number, id.Attempt}
	// A record of another attempt lies in a topic that was deleted and created
	// again.
	if !ok || !s.outcomes.loaded[a][rec.Partition].has(rec.Offset) {
		return
	}
	f, ok := ledger.ParseFingerprint(kafka.HeaderValue(rec, schemas.HeaderFingerprint))
	started, begun := s.outcomes.started[a]
	if !ok || !begun || s.all >= s.limit {
		return
	}
	set := s.rows[started.Mapping]
	if set == nil {
		set = &Set{Mapping: started.Mapping, Columns: mapped(started)}
		s.rows[started.Mapping] = set
	}
	set.Rows = append(set.Rows, f)
	s.all++
	s.told[a.number]++
}

// mapped names the columns that the fingerprints of an attempt cover.
func mapped(started schemas.Started) (names []string) {
	for _, i := range started.Mapped {
		if i >= 0 && i < len(started.Columns) {
			names = append(names, started.Columns[i].Name)
		}
	}
	return names
}

// found sums up.
func (s *sets) found() (f Found) {
	for _, set := range s.rows {
		f.Sets = append(f.Sets, *set)
	}
	slices.SortFunc(f.Sets, func(a, b Set) int {
		if a.Mapping < b.Mapping {
			return -1
		}
		return 1
	})
	loaded, open := sum(s.outcomes.loaded), sum(s.outcomes.open)
	for number, run := range s.outcomes.runs {
		f.Untold += max(run.Loaded, loaded[number]) - s.told[number] + open[number]
	}
	return f
}
