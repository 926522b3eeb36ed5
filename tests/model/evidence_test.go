package model

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// keepEvidence writes what the reports topic tells of a scenario's import, and what CleverTap
// applied, into the directory of the logs.
func (w *world) keepEvidence(s *scenario) {
	if *logDir == "" {
		return
	}
	var b strings.Builder
	for p := range int32(schemas.ControlPartitions) {
		_, err := w.reader.ReadTo(w.t.Context(), kafka.TP{Topic: w.topics.Reports(), Partition: p}, 0, func(r *kafka.Record) error {
			if string(r.Key) == s.name {
				fmt.Fprintf(&b, "%d@%d %s %s\n", p, r.Offset, r.Timestamp.Format("05.000"), r.Value)
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	for p := range int32(s.spec.Topic.Partitions) {
		_, err := w.reader.ReadTo(w.t.Context(), kafka.TP{Topic: w.topics.Records(s.name), Partition: p}, 0, func(r *kafka.Record) error {
			content, _ := contentOf(r.Value)
			fmt.Fprintf(&b, "record %d@%d %s %s %s\n", p, r.Offset, r.Timestamp.Format("05.000"), kafka.HeaderValue(r, schemas.HeaderID), content)
			return nil
		})
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	for i, g := range s.gates {
		g.mu.Lock()
		for _, a := range g.applied {
			fmt.Fprintf(&b, "gate %d %s run %d %s v%d-%d %s\n", i, a.at.Format("05.000"), a.run, a.identity, a.first, a.last, a.how)
		}
		g.mu.Unlock()
	}
	if err := os.WriteFile(filepath.Join(*logDir, s.name+".evidence.txt"), []byte(b.String()), 0o600); err != nil {
		w.t.Errorf("keeping evidence: %v", err)
	}
}
