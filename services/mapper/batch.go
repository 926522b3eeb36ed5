package mapper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// batch is what one poll becomes: the records and rejects, and for each run,
// attempt and partition its counts.
type batch struct {
	s      *Service
	m      *member
	now    time.Time
	out    []*kafka.Record
	lots   map[lotKey]*lot
	order  []*lot
	failed map[string]error // by subject: why its run cannot be looked up
	buffer []byte           // records, one after the other
}

// lotKey names the rows that one map report counts.
type lotKey struct {
	subject         string // an import, or a trial
	number, attempt int
	partition       int32
}

// lot is the share of one run's attempt and partition in a batch.
type lot struct {
	lotKey
	skip    string // every row of it is skipped with this reason
	unknown bool   // no such run: rejected, counted to no run
	from    kafka.TP
	writes  []kafka.TP
	before  mappedTo // rows up to here are counted already
	counted bool     // any row of it
	run     *schemas.ActiveRun
	rule    *rule
	report  schemas.Mapped
	span    trace.Span
	parent  []byte          // traceparent header of the records
	links   map[string]bool // traceparents of the rows, already linked
}

func (m *member) newBatch() *batch {
	return &batch{s: m.s, m: m, now: time.Now().UTC(), lots: map[lotKey]*lot{}, failed: map[string]error{}}
}

// add decides what becomes of one row.
//
// Invariant 3: every row leaves here counted as mapped, rejected or skipped, in
// the report that the same transaction holds.
func (b *batch) add(ctx context.Context, row *kafka.Record) error {
	subject := b.s.topics.SubjectOf(row.Topic, row.Key)
	if schemas.IsPreview(subject) {
		return nil // read by whoever asked for it, and by nobody else
	}
	id, ok := schemas.ParseRowID(kafka.HeaderValue(row, schemas.HeaderID))
	if !ok {
		return b.reject(&lot{lotKey: lotKey{subject: subject, partition: row.Partition}}, row,
			mapping.Reject{Code: "unknown_run", Reason: "the record carries no id header of a run"})
	}
	l, err := b.lotOf(ctx, lotKey{subject, id.Number, id.Attempt, row.Partition}, tpOf(row))
	if err != nil {
		return blocking(ctx, row, err)
	}
	if row.Offset <= int64(l.before) {
		return nil
	}
	if !l.counted {
		l.counted, l.report.From = true, row.Offset
	}
	l.report.To = row.Offset
	switch {
	case l.unknown:
		return b.reject(l, row, mapping.Reject{Code: "unknown_run", Reason: "no run with this number and attempt was ever started"})
	case l.skip != "":
		l.report.Skipped[l.skip]++
		return nil
	case l.rule.problem != nil:
		return b.reject(l, row, mapping.Reject{Code: "mapping_invalid", Reason: l.rule.problem.Error()})
	}
	b.link(l, row)
	start := len(b.buffer)
	grown, rejects, omitted := safeMap(l.rule, b.buffer, row.Value, l.run.Mode == schemas.ModeDryRun)
	if err := b.show(l, row, rejects, omitted); err != nil {
		return err
	}
	if len(rejects) > 0 && rejects[0].Skip {
		l.report.Skipped[schemas.SkipOutsideRetention]++
		return nil
	}
	if len(rejects) > 0 {
		return b.reject(l, row, rejects[0])
	}
	b.buffer = grown
	value := b.buffer[start:len(b.buffer):len(b.buffer)]
	if l.run.Mode == schemas.ModeSync && !shown(row, value) {
		b.buffer = b.buffer[:start]
		return b.reject(l, row, mapping.Reject{Code: "shown_differs", Reason: "the record differs from the one that the dry run showed"})
	}
	if size := len(value) + len(row.Key) + recordOverhead; size > int(b.s.cfg.Kafka.MaxMessageBytes) {
		b.buffer = b.buffer[:start]
		return b.reject(l, row, mapping.Reject{Code: "row_too_large", Reason: "the record is larger than Kafka's message limit"})
	}
	l.report.Mapped++
	b.out = append(b.out, &kafka.Record{
		Topic: b.s.topics.RecordsOf(subject), Partition: row.Partition, Key: row.Key, Value: value,
		Headers: []kafka.Header{
			{Key: schemas.HeaderID, Value: kafka.HeaderValue(row, schemas.HeaderID)},
			{Key: schemas.HeaderTraceparent, Value: l.parent},
		},
	})
	return nil
}

// recordOverhead is more than headers and framing add to a record's size.
const recordOverhead = 512

// rejectOverhead is more than a reject adds to its row: names, which may be
// long, and the reason, in the value and in the headers.
const rejectOverhead = 4096

// safeMap turns a panic of one row's mapping into a reject of that row: a
// poison row must not stop its neighbours.
func safeMap(r *rule, dst, row []byte, all bool) (record []byte, rejects, omitted []mapping.Reject) {
	defer func() {
		if recover() != nil {
			record, rejects = dst, []mapping.Reject{{Code: "row_unreadable", Reason: "the row could not be processed"}}
		}
	}()
	if all {
		return r.mapping.MapAll(dst, row, r.clock)
	}
	record, rejects = r.mapping.Map(dst, row, r.clock)
	return record, rejects, nil
}

// lotOf returns the lot of a row, deciding once for all its rows.
func (b *batch) lotOf(ctx context.Context, key lotKey, from kafka.TP) (*lot, error) {
	if l := b.lots[key]; l != nil {
		return l, nil
	}
	if err := b.failed[key.subject]; err != nil {
		return nil, err
	}
	l, err := b.lookUp(ctx, key, from)
	if err != nil {
		// The other partitions of the import would wait as long once more.
		b.failed[key.subject] = err
		return nil, err
	}
	if l.run != nil {
		b.startSpan(ctx, l)
	}
	b.lots[key] = l
	b.order = append(b.order, l)
	return l, nil
}

func (b *batch) lookUp(ctx context.Context, key lotKey, from kafka.TP) (*lot, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	verdict, err := b.s.runs.Lookup(ctx, key.subject, key.number, key.attempt)
	if err != nil {
		return nil, err
	}
	l := &lot{lotKey: key, skip: verdict.Skip, unknown: verdict.Unknown, run: verdict.Run, from: from, before: -1, links: map[string]bool{}}
	l.report = schemas.Mapped{Partition: key.partition, RejectsByCode: map[string]int64{}, Skipped: map[string]int64{}}
	control := schemas.ControlPartition(key.subject)
	l.writes = []kafka.TP{{Topic: b.s.topics.Reports(), Partition: control}}
	if l.run == nil {
		return l, nil
	}
	l.rule, err = b.s.rules.forRun(ctx, key.subject, l.run)
	switch {
	case errors.Is(err, errNewerAttempt):
		l.run, l.skip = nil, schemas.SkipClosed
		return l, nil
	case err != nil:
		return nil, err
	}
	l.writes = append(l.writes,
		kafka.TP{Topic: b.s.topics.RecordsOf(key.subject), Partition: key.partition},
		kafka.TP{Topic: b.s.topics.RejectsOf(key.subject), Partition: control})
	l.before, err = b.m.mappedBefore(ctx, key, from.Topic, l.run)
	return l, err
}

// startSpan opens the span of a lot, a child of the run's. Its traceparent goes
// out with every record, so that an upload can be linked to its batch.
func (b *batch) startSpan(ctx context.Context, l *lot) {
	ctx = telemetry.ContextWith(ctx, l.run.Traceparent)
	ctx, l.span = b.s.tracer.Start(ctx, "map batch", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("tapline.run", l.run.Run),
		attribute.Int("tapline.attempt", l.attempt),
		attribute.Int("messaging.destination.partition.id", int(l.partition)),
	))
	l.parent = []byte(telemetry.Traceparent(ctx))
}

// link links the lot's span to the chunk that its rows came in, once for each.
func (b *batch) link(l *lot, row *kafka.Record) {
	chunk := kafka.HeaderValue(row, schemas.HeaderTraceparent)
	if chunk == nil || l.links[string(chunk)] {
		return
	}
	l.links[string(chunk)] = true
	if link, ok := telemetry.LinkTo(string(chunk)); ok {
		l.span.AddLink(link)
	}
}

// reject produces a reject and counts it.
func (b *batch) reject(l *lot, row *kafka.Record, why mapping.Reject) error {
	if err := b.produceReject(l, row, why, false); err != nil {
		return err
	}
	if l.report.RejectsByCode != nil {
		l.report.RejectsByCode[why.Code]++
	}
	return nil
}

// produceReject produces a reject. Those of a dry run do without the row, which
// lies beside them.
func (b *batch) produceReject(l *lot, row *kafka.Record, why mapping.Reject, omitted bool) error {
	info, _ := schemas.LookupError(why.Code)
	reject := schemas.Reject{
		Stage: schemas.StageMap, Code: why.Code, Class: info.Class, Column: why.Column, Property: why.Property, Reason: why.Reason,
		Import: schemas.ImportOf(l.subject), Run: schemas.RunOf(l.subject, l.number), Attempt: l.attempt, Omitted: omitted,
		ID:    string(kafka.HeaderValue(row, schemas.HeaderID)),
		Topic: row.Topic, Partition: row.Partition, Offset: row.Offset, Time: b.now,
	}
	if !schemas.IsTrial(l.subject) && len(row.Value)+rejectOverhead < int(b.s.cfg.Kafka.MaxMessageBytes) && json.Valid(row.Value) {
		reject.Row = row.Value
	}
	rec, err := kafka.RejectRecord(b.s.topics.RejectsOf(l.subject), reject, "mapper")
	if err != nil {
		return err
	}
	b.out = append(b.out, rec)
	return nil
}

// finish adds the reports and returns all that the transaction produces.
func (b *batch) finish() ([]*kafka.Record, error) {
	for _, l := range b.order {
		if l.unknown || !l.counted {
			continue
		}
		report := schemas.Report{
			Kind: schemas.ReportMapped, Import: schemas.ImportOf(l.subject), Run: schemas.RunOf(l.subject, l.number),
			Number: l.number, Attempt: l.attempt, Time: b.now, Mapped: &l.report,
		}
		if l.span != nil {
			report.TraceID = l.span.SpanContext().TraceID().String()
		}
		rec, err := kafka.ControlRecord(b.s.topics.Reports(), report.Import, report.Import, report, schemas.EventReport(schemas.ReportMapped), "mapper")
		if err != nil {
			return nil, fmt.Errorf("reporting: %w", err)
		}
		b.out = append(b.out, rec)
	}
	return b.out, nil
}

// count adds a committed batch to the metrics.
func (b *batch) count(ctx context.Context) {
	for _, l := range b.order {
		if schemas.IsTrial(l.subject) {
			continue // nothing of a trial is in an import's figures
		}
		b.s.metrics.counted(ctx, l.subject, "mapped", "", l.report.Mapped)
		for code, n := range l.report.RejectsByCode {
			b.s.metrics.counted(ctx, l.subject, "rejected", code, n)
		}
		for reason, n := range l.report.Skipped {
			b.s.metrics.counted(ctx, l.subject, "skipped", reason, n)
		}
	}
}

// end ends the spans.
func (b *batch) end() {
	for _, l := range b.order {
		if l.span != nil {
			l.span.SetAttributes(attribute.Int64("tapline.mapped", l.report.Mapped), attribute.Int64("messaging.batch.message_count", l.report.To-l.report.From+1))
			l.span.End()
		}
	}
}
