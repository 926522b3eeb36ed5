package mapper

import (
	"context"
	"errors"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// attemptKey says which rows one report of the mapper counts.
type attemptKey struct {
	subject         string // an import, or a trial
	number, attempt int
	partition       int32
}

// attemptRows are the rows of a batch that are of one attempt and partition.
type attemptRows struct {
	attemptKey
	skip         string // every row of it is skipped with this reason
	unknown      bool   // no such run: its rows are rejected and counted in no report
	from         kafka.TP
	writesTo     []kafka.TP
	countedTo    lastMapped // rows up to here are counted already
	counted      bool       // at least one of the rows was added
	run          *schemas.ActiveRun
	rule         *rule
	suppressed   *suppression.Checker // of people who must not be sent
	report       schemas.Mapped
	span         *telemetry.Part
	recordsTopic string
	links        map[string]bool // traceparents of chosen rows, already linked
}

// rowsOf returns the rows of an attempt and partition, and looks up their run once.
func (b *batch) rowsOf(ctx context.Context, key attemptKey, row *kafka.Record) (*attemptRows, error) {
	if l := b.last; l != nil && l.attemptKey == key {
		return l, nil
	}
	if l := b.byAttempt[key]; l != nil {
		b.last = l
		return l, nil
	}
	if err := b.failed[key.subject]; err != nil {
		return nil, err
	}
	l, err := b.lookUpRun(ctx, key, tpOf(row))
	if err != nil {
		// The lookup for another partition of the import would take as long again.
		b.failed[key.subject] = err
		return nil, err
	}
	if l.run != nil {
		b.startSpan(ctx, l)
	}
	b.byAttempt[key] = l
	b.order = append(b.order, l)
	return l, nil
}

func (b *batch) lookUpRun(ctx context.Context, key attemptKey, from kafka.TP) (*attemptRows, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	verdict, err := b.s.runs.Lookup(ctx, key.subject, key.number, key.attempt)
	if err != nil {
		return nil, err
	}
	l := &attemptRows{attemptKey: key, skip: verdict.Skip, unknown: verdict.Unknown, run: verdict.Run, from: from, countedTo: -1, links: map[string]bool{}}
	l.report = schemas.Mapped{Partition: key.partition, RejectsByCode: map[string]int64{}, Skipped: map[string]int64{}}
	control := schemas.ControlPartition(key.subject)
	l.writesTo = []kafka.TP{{Topic: b.s.topics.Reports(), Partition: control}}
	if verdict.Counts != nil {
		// Also of a run that is ending: its skipped rows are counted as well.
		if l.countedTo, err = b.m.mappedBefore(ctx, key, from.Topic, verdict.Counts); err != nil {
			return nil, err
		}
	}
	if l.countedTo == unknown {
		l.run, l.countedTo = nil, -1
		if l.skip == "" {
			l.skip = schemas.SkipStopped // with such rows no run succeeds
		}
	}
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
	if l.suppressed, err = b.s.suppressions(l.run.Spec.Destination.AccountRef); err != nil {
		return nil, err
	}
	l.recordsTopic = b.s.topics.RecordsOf(key.subject)
	l.writesTo = append(l.writesTo,
		kafka.TP{Topic: l.recordsTopic, Partition: key.partition},
		kafka.TP{Topic: b.s.topics.RejectsOf(key.subject), Partition: control})
	return l, nil
}

// startSpan opens a span for an attempt's rows, a child of the run's. Its traceparent goes
// out with every record, so that an upload can be linked to its batch.
func (b *batch) startSpan(ctx context.Context, l *attemptRows) {
	ctx = telemetry.ContextWith(ctx, l.run.Traceparent)
	_, l.span = b.s.spans.Start(ctx, l.run.Run, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.name", "process"), attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.destination.name", l.from.Topic), attribute.String("messaging.destination.partition.id", strconv.Itoa(int(l.partition))),
		attribute.String("messaging.consumer.group.name", b.s.cfg.Kafka.Prefix+Group),
		attribute.String("tapline.import", schemas.ImportOf(l.subject)), attribute.String("tapline.run", l.run.Run), attribute.Int("tapline.attempt", l.attempt),
	))
}

// linkChunk keeps the span of a batch with a chosen row, and links it to the row's chunk,
// once for each chunk. The spans of other chunks may not exist.
func (l *attemptRows) linkChunk(chunk []byte) {
	l.span.Keep()
	if l.links[string(chunk)] {
		return
	}
	l.links[string(chunk)] = true
	if link, ok := telemetry.LinkTo(string(chunk)); ok {
		l.span.AddLink(link)
	}
}

// headersOfRow is how many headers a record of a run has.
const headersOfRow = 3

// appendHeaders appends those of the record that a row becomes. The fingerprint of an
// event's row is for the extractor, which must know what was loaded of a run without
// success.
func (l *attemptRows) appendHeaders(headers []kafka.Header, row *kafka.Record) []kafka.Header {
	chosen := telemetry.Marked(kafka.HeaderValue(row, schemas.HeaderTraceparent))
	headers = append(headers,
		kafka.Header{Key: schemas.HeaderID, Value: kafka.HeaderValue(row, schemas.HeaderID)},
		kafka.Header{Key: schemas.HeaderTraceparent, Value: l.span.Header(chosen)})
	for _, key := range [...]string{schemas.HeaderFingerprint, schemas.HeaderReplayOf, schemas.HeaderClock} {
		if value := kafka.HeaderValue(row, key); value != nil {
			headers = append(headers, kafka.Header{Key: key, Value: value})
		}
	}
	return headers
}

// endSpans ends the spans; failed says why the batch's transaction was not committed.
func (b *batch) endSpans(failed string) {
	for _, l := range b.order {
		if l.span == nil {
			continue
		}
		l.span.SetAttributes(
			attribute.Int64("messaging.batch.message_count", l.report.To-l.report.From+1),
			attribute.Int64("messaging.kafka.offset", l.report.From), attribute.Int64("tapline.offset.last", l.report.To),
			attribute.Int64("tapline.rows.mapped", l.report.Mapped), attribute.Int64("tapline.rows.rejected", total(l.report.RejectsByCode)),
			attribute.Int64("tapline.rows.skipped", total(l.report.Skipped)))
		if failed != "" {
			l.span.Fail(failed)
		}
		l.span.End()
	}
}

func total(byCode map[string]int64) (sum int64) {
	for _, n := range byCode {
		sum += n
	}
	return sum
}
