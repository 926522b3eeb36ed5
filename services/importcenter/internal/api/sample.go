package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// DryRunRow is what became of one row.
type DryRunRow struct {
	Row     json.RawMessage `json:"row" doc:"As Snowflake gave it; null if it is too large to be shown"`
	Record  json.RawMessage `json:"record,omitempty" doc:"The exact bytes for CleverTap"`
	Profile string          `json:"profile,omitempty" doc:"new, updated or unknown"`
	Skipped string          `json:"skipped,omitempty" doc:"suppressed: the person must not be sent"`
	Rejects []DryRunCheck   `json:"rejects,omitempty" doc:"Every check that failed"`
	Omitted []DryRunCheck   `json:"omitted,omitempty" doc:"Properties that onInvalid leaves out, and notes that reject nothing"`
	Older   bool            `json:"older,omitempty" doc:"The query gives a newer row of the identity, so that a sync leaves this one out"`

	id      string
	changed string // the cursor, in the sample of a verification
}

// DryRunCheck is a check that failed.
type DryRunCheck struct {
	Stage    string `json:"stage"`
	Code     string `json:"code"`
	Column   string `json:"column"`
	Property string `json:"property"`
	Reason   string `json:"reason"`
}

// sample is what a dry run left in the log.
type sample struct {
	*schemas.Sample
	rows       []*DryRunRow // in their order; those that the extractor has rejected or holds back come last
	read       int64        // rows that were drawn; not all of them need be shown
	population int64        // rows that they were drawn from
	millis     int64        // of the slowest upload
}

// sampleSlack allows for clocks that differ.
const sampleSlack = 10 * time.Minute

// readSample puts together what the stages wrote: rows, records, rejects, and
// the reports on profiles.
func (h *handlers) readSample(ctx context.Context, s *schemas.Sample) (*sample, error) {
	out := &sample{Sample: s}
	byID, byOffset := map[string]*DryRunRow{}, map[int64]*DryRunRow{}
	err := h.scanSample(ctx, h.Topics.DryRunRows(), s, s.Run, func(r *kafka.Record) error {
		if id, ok := idOf(r, s.Attempt); ok {
			byID[id] = &DryRunRow{
				Row: r.Value, Older: kafka.HeaderValue(r, schemas.HeaderOlder) != nil,
				id: id, changed: string(kafka.HeaderValue(r, schemas.HeaderChanged)),
			}
			out.rows = append(out.rows, byID[id])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = h.scanSample(ctx, h.Topics.DryRunRecords(), s, s.Run, func(r *kafka.Record) error {
		if id, ok := idOf(r, s.Attempt); ok && byID[id] != nil {
			byID[id].Record, byOffset[r.Offset] = r.Value, byID[id]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = h.scanSample(ctx, h.Topics.DryRunRejects(), s, s.Run, func(r *kafka.Record) error {
		var reject schemas.Reject
		if err := json.Unmarshal(r.Value, &reject); err != nil {
			return fmt.Errorf("decoding a reject: %w", err)
		}
		if reject.Attempt != s.Attempt {
			return nil
		}
		if byID[reject.ID] == nil && reject.Stage == schemas.StageExtract {
			byID[reject.ID] = &DryRunRow{Row: reject.Row, id: reject.ID}
			out.rows = append(out.rows, byID[reject.ID])
		}
		if row := byID[reject.ID]; row != nil {
			row.add(reject)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = h.scanSample(ctx, h.Topics.Reports(), s, schemas.ImportOf(s.Run), func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return fmt.Errorf("decoding a report: %w", err)
		}
		if report.Run == s.Run && report.Attempt == s.Attempt {
			out.note(&report, byOffset)
			out.skip(&report, byID)
		}
		return nil
	})
	return out, err
}

// note stores what a report says about profiles, times and the population.
func (s *sample) note(r *schemas.Report, byOffset map[int64]*DryRunRow) {
	if r.Final != nil {
		s.population, s.read = r.Final.Population, r.Final.Read
	}
	if r.Receipt == nil {
		return
	}
	s.millis = max(s.millis, r.Receipt.Millis)
	for _, p := range r.Receipt.Profiles {
		if row := byOffset[p.Offset]; row != nil {
			row.Profile = p.Code
		}
	}
}

// skip marks the rows of suppressed people.
func (s *sample) skip(r *schemas.Report, byID map[string]*DryRunRow) {
	var positions []int64
	switch {
	case r.Mapped != nil:
		positions = r.Mapped.Suppressed
	case r.Receipt != nil:
		positions = r.Receipt.Suppressed
	}
	for _, position := range positions {
		if row := byID[schemas.RowID{Number: r.Number, Attempt: r.Attempt, Seq: position}.String()]; row != nil {
			row.Skipped = schemas.SkipSuppressed
		}
	}
}

// add notes a failed check; a later stage or a retry may report one again.
func (row *DryRunRow) add(r schemas.Reject) {
	check := DryRunCheck{Stage: r.Stage, Code: r.Code, Column: r.Column, Property: r.Property, Reason: r.Reason}
	list := &row.Rejects
	if r.Omitted {
		list = &row.Omitted
	}
	for _, known := range *list {
		if known == check {
			return
		}
	}
	*list = append(*list, check)
}

// scanSample reads what was written under a key of the control partition since
// the sample was taken.
func (h *handlers) scanSample(ctx context.Context, topic string, s *schemas.Sample, key string, fn func(*kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(s.Run)}
	from, err := h.Partitions.OffsetAt(ctx, tp, s.TakenAt.Add(-sampleSlack))
	if err != nil {
		return err
	}
	_, err = h.Partitions.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		if string(r.Key) != key {
			return nil
		}
		return fn(r)
	})
	return err
}

// idOf returns the id of a row or record, and false if it belongs to an earlier
// attempt.
func idOf(r *kafka.Record, attempt int) (string, bool) {
	text := kafka.HeaderValue(r, schemas.HeaderID)
	id, ok := schemas.ParseRowID(text)
	return string(text), ok && id.Attempt == attempt
}
