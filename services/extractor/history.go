package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// historySlack allows for clocks that differ between the scheduler, which says
// when a run began, and whoever stamps its reports.
const historySlack = 2 * time.Hour

// history is what the log says of an attempt.
type history struct {
	over       bool
	started    *schemas.Started // the newest
	extraction schemas.Extraction
}

// complete reports whether the result's size was reported, and not only the
// statement's id.
func (h *history) complete() bool { return h.started != nil && len(h.started.Columns) > 0 }

// readHistory reads the reports of an attempt to their end. It comes after
// fencing, so that nothing of an older owner can follow.
func (s *Service) readHistory(ctx context.Context, importName string, a *schemas.ActiveRun) (*history, error) {
	tp := kafka.TP{Topic: s.topics.Reports(), Partition: schemas.ControlPartition(importName)}
	var from int64
	if !a.StartedAt.IsZero() {
		var err error
		if from, err = s.reader.OffsetAt(ctx, tp, a.StartedAt.Add(-historySlack)); err != nil {
			return nil, err
		}
	}
	h := &history{}
	_, err := s.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		if string(rec.Key) == importName {
			h.apply(rec.Value, a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the attempt's reports: %w", err)
	}
	return h, nil
}

func (h *history) apply(value []byte, a *schemas.ActiveRun) {
	// Most reports of a run are the loader's: look before decoding them whole.
	var head struct {
		Kind    string `json:"kind"`
		Run     string `json:"run"`
		Attempt int    `json:"attempt"`
	}
	if json.Unmarshal(value, &head) != nil || head.Run != a.Run || head.Attempt != a.Attempt {
		return
	}
	switch head.Kind {
	case schemas.ReportFinal, schemas.ReportAbandoned, schemas.ReportPreview:
		h.over = true
	case schemas.ReportStarted, schemas.ReportChunk:
		var r schemas.Report
		if json.Unmarshal(value, &r) != nil {
			return
		}
		if r.Started != nil {
			h.started = r.Started
		}
		if r.Chunk != nil {
			h.extraction = *r.Chunk
		}
	}
}
