package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
)

// ClockSlack allows for clocks that differ between the scheduler, which says when
// a run began, and whoever stamps its records.
const ClockSlack = 2 * time.Hour

// history is what the reports say of an attempt.
type history struct {
	over       bool
	held       bool             // and not approved since
	started    *schemas.Started // the newest
	extraction schemas.Extraction
	use        schemas.SnowflakeUse
}

// Open reads the reports of an attempt to their end. It comes after tx has fenced
// older owners, so that nothing of theirs can follow.
func Open(ctx context.Context, deps Deps, a attempt.Attempt, tx *kafka.Transactor) (*Journal, error) {
	j := &Journal{deps: deps, attempt: a, tx: tx}
	if a.Trial() && tx.First() {
		// A trial has a transactional id of its own, and lives for hours: what nobody has
		// used before has written nothing. An apply of a thousand imports asks a thousand
		// questions, each of which would read the answers of the others.
		return j, nil
	}
	tp := kafka.TP{Topic: deps.Topics.Reports(), Partition: schemas.ControlPartition(a.Import)}
	var from int64
	if !a.Run.StartedAt.IsZero() {
		var err error
		if from, err = deps.Reader.OffsetAt(ctx, tp, a.Run.StartedAt.Add(-ClockSlack)); err != nil {
			return nil, fmt.Errorf("finding the attempt's reports: %w", err)
		}
	}
	_, err := deps.Reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		if string(rec.Key) == a.Import {
			j.history.apply(rec.Value, a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the attempt's reports: %w", err)
	}
	return j, nil
}

func (h *history) apply(value []byte, a attempt.Attempt) {
	// Most reports of a run are the loader's: look before decoding them whole.
	var head struct {
		Kind    string `json:"kind"`
		Run     string `json:"run"`
		Attempt int    `json:"attempt"`
	}
	if json.Unmarshal(value, &head) != nil || head.Run != a.Run.Run || head.Attempt != a.Run.Attempt {
		return
	}
	switch head.Kind {
	case schemas.ReportFinal, schemas.ReportAbandoned, schemas.ReportPreview, schemas.ReportConnection, schemas.ReportTables:
		h.over = true
	case schemas.ReportStarted, schemas.ReportChunk, schemas.ReportHeld:
		var r schemas.Report
		if json.Unmarshal(value, &r) != nil {
			return
		}
		if r.Snowflake != nil {
			h.use = *r.Snowflake
		}
		if r.Started != nil {
			h.started = r.Started
		}
		if r.Held != nil && r.Held.Approvals == a.Run.Approval.NumberOf() {
			h.held = true
		}
		if r.Chunk != nil {
			h.extraction = *r.Chunk
		}
	}
}
