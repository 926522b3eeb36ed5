package rejects

import (
	"bytes"
	"encoding/json"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// taken is a report that is not in the index yet. A report that is not about a replay has
// only its topic, partition and offset here.
type taken struct {
	tp         kafka.TP
	next       int64
	importName string
	run        string
	rejects    []schemas.RejectRange
}

// takenMark is in every report of what a replay has taken. The topic has a report for
// each upload too, which need not be decoded.
var takenMark = []byte(`"taken"`)

// takenIn reads a report. What a replay took from a topic that is deleted is not about the
// rejects that have their offsets now.
func takenIn(rec *kafka.Record, topic string) taken {
	t := taken{tp: kafka.TP{Topic: rec.Topic, Partition: rec.Partition}, next: rec.Offset + 1}
	var report schemas.Report
	if rec.Attrs.IsControl() || !bytes.Contains(rec.Value, takenMark) || json.Unmarshal(rec.Value, &report) != nil || report.Taken == nil || !report.Taken.Of(topic) {
		return t
	}
	t.importName, t.run, t.rejects = report.Import, report.Run, report.Taken.Refs
	return t
}

// takeReplays adds reports to the index, in order within each partition. It returns those
// that must wait, because they name rejects that have not been read yet: the two topics are
// read independently.
func (x *Index) takeReplays(w *writing, reports []taken, next map[kafka.TP]int64) ([]taken, error) {
	var held []taken
	waiting := map[kafka.TP]bool{}
	for _, t := range reports {
		for _, in := range t.rejects {
			if next[kafka.TP{Topic: x.deps.Topics.Rejects(), Partition: in.Partition}] <= in.To {
				waiting[t.tp] = true
			}
		}
		if waiting[t.tp] {
			held = hold(held, t)
			continue
		}
		for _, in := range t.rejects {
			if err := w.took(t.importName, t.run, in); err != nil {
				return nil, err
			}
		}
		next[t.tp] = t.next
	}
	return held, nil
}

// hold appends a report. Of consecutive reports that are not about replays it keeps the
// last one only, whose offset is the position to continue at.
func hold(held []taken, t taken) []taken {
	if n := len(held); n > 0 && len(held[n-1].rejects) == 0 && len(t.rejects) == 0 && held[n-1].tp == t.tp {
		held[n-1] = t
		return held
	}
	return append(held, t)
}
