package mapper

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

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
	unknown bool   // no such run: its rows are rejected and counted in no report
	from    kafka.TP
	writes  []kafka.TP
	before  mappedTo // rows up to here are counted already
	counted bool     // at least one row of the lot was added
	run     *schemas.ActiveRun
	rule    *rule
	report  schemas.Mapped
	span    trace.Span
	parent  []byte          // traceparent header of the records
	links   map[string]bool // traceparents of the rows, already linked
}

// lotOf returns the lot of a row. It looks up the run once for all rows of the lot.
func (b *batch) lotOf(ctx context.Context, key lotKey, from kafka.TP) (*lot, error) {
	if l := b.lots[key]; l != nil {
		return l, nil
	}
	if err := b.failed[key.subject]; err != nil {
		return nil, err
	}
	l, err := b.lookUp(ctx, key, from)
	if err != nil {
		// The lookup for another partition of the import would take as long again.
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

// end ends the spans.
func (b *batch) end() {
	for _, l := range b.order {
		if l.span != nil {
			l.span.SetAttributes(attribute.Int64("tapline.mapped", l.report.Mapped), attribute.Int64("messaging.batch.message_count", l.report.To-l.report.From+1))
			l.span.End()
		}
	}
}
