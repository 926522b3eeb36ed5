// Package rowlog reads from the topics what became of rows: of all rows of a run, and of
// the rows of one person. It reads only the offsets that the reports of the runs name, in
// bounded memory, and keeps nothing between two questions.
package rowlog

import (
	"context"
	"errors"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// slack allows for clocks that differ between those who stamp records.
const slack = 2 * time.Minute

// Log reads ranges of offsets of a partition.
type Log interface {
	ReadTo(ctx context.Context, tp kafka.TP, from int64, fn func(*kafka.Record) error) (next int64, err error)
	EndOffset(ctx context.Context, tp kafka.TP) (int64, error)
	StartOffset(ctx context.Context, tp kafka.TP) (int64, error)
	OffsetAt(ctx context.Context, tp kafka.TP, t time.Time) (int64, error)
}

// errPast ends a reading after the last wanted offset.
var errPast = errors.New("all that is wanted has been read")

// readUntil reads a partition until fn wants no more.
func readUntil(ctx context.Context, log Log, tp kafka.TP, from int64, fn func(*kafka.Record) error) error {
	if _, err := log.ReadTo(ctx, tp, from, fn); err != nil && !errors.Is(err, errPast) {
		return err
	}
	return nil
}

// Results of rows.
const (
	Loaded   = "loaded"
	Rejected = "rejected"
	Skipped  = "skipped"
)

// Row is what became of one row.
type Row struct {
	Ref      string    `json:"ref" doc:"Names the row: the topic, partition and offset where it lies, such as records-3-18273"`
	ID       string    `json:"id" doc:"Run number, attempt and position in Snowflake's result, such as 42.1.1017"`
	Result   string    `json:"result" enum:"loaded,rejected,skipped"`
	Stage    string    `json:"stage,omitempty" doc:"extract, map or load: where it was rejected or skipped"`
	Code     string    `json:"code,omitempty" doc:"The code of the reject, or why it was skipped"`
	Reason   string    `json:"reason,omitempty" doc:"In a sentence"`
	Column   string    `json:"column,omitempty"`
	Property string    `json:"property,omitempty"`
	Identity string    `json:"identity,omitempty" doc:"As CleverTap gets it; absent where the import maps a CleverTap ID, or the row has none"`
	ObjectID string    `json:"cleverTapId,omitempty" doc:"Where the import maps it"`
	Event    string    `json:"event,omitempty" doc:"The name of the event"`
	Upload   string    `json:"upload,omitempty" doc:"The request to CleverTap that its result comes from"`
	Time     time.Time `json:"time" doc:"When the result was known"`
	Gone     bool      `json:"gone,omitempty" doc:"The topics hold the row no longer, so that only its result is known"`
}

// kindOf returns the kind of a report from its header, without decoding its value.
func kindOf(rec *kafka.Record) string {
	_, kind, _ := schemas.ParseEventType(kafka.HeaderValue(rec, "ce_type"))
	return kind
}
