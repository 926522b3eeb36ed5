package rowlog

import (
	"context"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// readPartition calls fn with the person's rows or records of a stretch of their
// partition, and with those after it, which no report names yet.
func (w *inquiry) readPartition(ctx context.Context, name string, tp kafka.TP, in span, fn func(*kafka.Record, schemas.RowID)) error {
	if in.to < in.from {
		in.from = 0
	}
	from, cut, err := w.bounded(ctx, tp, in.from, whyOffsets)
	if err != nil {
		return err
	}
	if cut {
		w.answer.Complete = false
	}
	start, err := w.log.StartOffset(ctx, tp)
	if err != nil {
		return err
	}
	lost := name == "rows" && (start > 0 || cut)
	return readUntil(ctx, w.log, tp, from, func(rec *kafka.Record) error {
		if w.reached(name, rec); lost {
			w.answer.lostBefore, lost = rec.Timestamp, false
		}
		if string(rec.Key) != w.q.Identity {
			return nil
		}
		if id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID)); ok {
			fn(rec, id)
		}
		return nil
	})
}
