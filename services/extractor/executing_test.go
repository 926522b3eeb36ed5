package extractor

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestHeartbeatsNameTheStatement: while Snowflake executes the query, heartbeats say which
// statement and what it does.
func TestHeartbeatsNameTheStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "a@example.com", "2026-11-23 09:00:00"})
	w.activate(nil)
	var named *schemas.Statement
	w.db.onQuery = func(ctx context.Context, _ string, _ func(string)) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		for named == nil {
			_, err := w.reader.ReadTo(ctx, kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition(importName)}, 0, func(r *kafka.Record) error {
				var report schemas.Report
				if err := json.Unmarshal(r.Value, &report); err != nil {
					return err
				}
				if report.Kind == schemas.ReportHeartbeat && report.Statement != nil {
					named = report.Statement
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	w.extract(w.start())
	w.last(schemas.ReportFinal)
	if named == nil || named.QueryID != "01-fake" || !named.Queued || named.QueueSeconds != 7 {
		t.Errorf("heartbeats name %+v", named)
	}
}
