package tests

import (
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// reports returns every report of a run, in order.
func reports(t *testing.T, c *harness.Cluster, run string) (out []schemas.Report) {
	t.Helper()
	importName, _, err := schemas.ParseRunID(run)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := kafka.OpenReader(c.Kafka(), kafka.Deps{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	tp := kafka.TP{Topic: schemas.NewTopics(c.Kafka().Prefix).Reports(), Partition: schemas.ControlPartition(importName)}
	_, err = reader.ReadTo(t.Context(), tp, 0, func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return err
		}
		if report.Run == run {
			out = append(out, report)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// chunks returns the number of chunks of a run.
func chunks(t *testing.T, c *harness.Cluster, run string) (n int) {
	t.Helper()
	for _, r := range reports(t, c, run) {
		if r.Kind == schemas.ReportChunk {
			n++
		}
	}
	return n
}
