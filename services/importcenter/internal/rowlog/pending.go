package rowlog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// pending are offsets of a rows or records topic that are still to be read: one record,
// or the stretch of rows of which a mapper has skipped some.
type pending struct {
	at        Position
	kind      string
	partition int32
	from, to  int64
	attempt   int
	result    string
	code      string
	upload    string
	time      time.Time
	mapped    *schemas.Mapped
	rows      []Row
}

// flush reads what is pending and gives it to take.
func (w *walker) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	wanted := w.pending
	w.pending = nil
	for _, kind := range []string{inRecords, inRows} {
		if err := w.fill(ctx, kind, wanted); err != nil {
			return fmt.Errorf("reading the %s of the run: %w", kind, err)
		}
	}
	if err := w.reasons(ctx, wanted); err != nil {
		return fmt.Errorf("reading why records were rejected: %w", err)
	}
	for i := range wanted {
		p := &wanted[i]
		for j, row := range p.rows {
			at := p.at
			at.Index += j
			if at.Offset == w.q.From.Offset && at.Index < w.q.From.Index {
				continue
			}
			w.next = at
			if err := w.take(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill reads the rows of what is pending in one topic, each partition once.
func (w *walker) fill(ctx context.Context, kind string, wanted []pending) error {
	topic := w.topics.Records(w.q.Run.Import)
	if kind == inRows {
		topic = w.topics.Rows(w.q.Run.Import)
	}
	byPartition := map[int32][]*pending{}
	for i := range wanted {
		if p := &wanted[i]; p.kind == kind {
			byPartition[p.partition] = append(byPartition[p.partition], p)
		}
	}
	for partition, in := range byPartition {
		if int(partition) >= w.q.Partitions {
			w.markGone(in)
			continue
		}
		if err := w.fillPartition(ctx, kafka.TP{Topic: topic, Partition: partition}, in); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) fillPartition(ctx context.Context, tp kafka.TP, in []*pending) error {
	slices.SortFunc(in, func(a, b *pending) int { return int(a.from - b.from) })
	last := in[0].to
	for _, p := range in {
		last = max(last, p.to)
	}
	i := 0
	err := readUntil(ctx, w.log, tp, in[0].from, func(rec *kafka.Record) error {
		for i < len(in) && in[i].to < rec.Offset {
			i++
		}
		// Stretches of rows may overlap: those of two attempts that one poll held.
		for _, p := range in[i:] {
			if p.from > rec.Offset {
				break
			}
			if p.to >= rec.Offset {
				w.read(p, rec)
			}
		}
		if rec.Offset >= last {
			return errPast
		}
		return nil
	})
	w.markGone(in)
	return err
}

// markGone notes the records of which only the result is known.
func (w *walker) markGone(in []*pending) {
	for _, p := range in {
		if p.kind == inRecords && len(p.rows) == 0 {
			p.rows = []Row{w.row(p, p.from)}
			p.rows[0].Gone = true
		}
	}
}

func (w *walker) row(p *pending, offset int64) Row {
	stage := schemas.StageLoad
	if p.kind == inRows {
		stage = schemas.StageMap
	}
	row := Row{Ref: Ref{p.kind, p.partition, offset}.String(), Result: p.result, Code: p.code, Upload: p.upload, Time: p.time}
	if p.result != Loaded {
		row.Stage, row.Reason = stage, meaning(p.code)
	}
	return row
}

// read takes in a record that is pending. One of another run or attempt lies in a topic
// that was deleted and created again.
func (w *walker) read(p *pending, rec *kafka.Record) {
	_, number, _ := schemas.ParseRunID(w.q.Run.Run)
	id, ok := rowID(rec, number)
	if !ok || id.Attempt != p.attempt {
		return
	}
	row := w.row(p, rec.Offset)
	row.ID = id.String()
	if p.kind == inRecords {
		row.ofRecord(rec.Value)
		p.rows = append(p.rows, row)
		return
	}
	if row.Code = w.q.Rule.skipped(p.mapped, id, rec.Value); row.Code != "" {
		row.Reason = meaning(row.Code)
		row.ofRow(&w.q.Spec, rec.Value)
		p.rows = append(p.rows, row)
	}
}

// meaning is what a reject's code or the reason of a skip says in a sentence.
func meaning(code string) string {
	if text, ok := skipMeaning[code]; ok {
		return text
	}
	info, _ := schemas.LookupError(code)
	return info.Meaning
}

// reasons reads the rejects of the loader, which hold CleverTap's own words.
func (w *walker) reasons(ctx context.Context, wanted []pending) error {
	type place struct {
		partition int32
		offset    int64
	}
	open := map[place]*Row{}
	var first, last time.Time
	for i := range wanted {
		p := &wanted[i]
		if p.kind != inRecords || p.result != Rejected {
			continue
		}
		open[place{p.partition, p.from}] = &p.rows[0]
		if first.IsZero() || p.time.Before(first) {
			first = p.time
		}
		if p.time.After(last) {
			last = p.time
		}
	}
	if len(open) == 0 {
		return nil
	}
	tp := kafka.TP{Topic: w.topics.Rejects(), Partition: schemas.ControlPartition(w.q.Run.Import)}
	// The loader writes the rejects of an upload just before its receipt.
	from, err := w.log.OffsetAt(ctx, tp, first.Add(-slack))
	if err != nil {
		return err
	}
	return readUntil(ctx, w.log, tp, from, func(rec *kafka.Record) error {
		if len(open) == 0 || rec.Timestamp.After(last.Add(slack)) {
			return errPast
		}
		if string(rec.Key) != w.q.Run.Import {
			return nil
		}
		var r schemas.Reject
		if json.Unmarshal(rec.Value, &r) != nil || r.Run != w.q.Run.Run || r.Stage != schemas.StageLoad {
			return nil
		}
		at := place{r.Partition, r.Offset}
		if row := open[at]; row != nil && row.Code == r.Code {
			row.Reason, row.Column, row.Property = r.Reason, r.Column, r.Property
			delete(open, at)
		}
		return nil
	})
}
