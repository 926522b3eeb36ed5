package mapper

import (
	"context"
	"fmt"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// batch is what one poll becomes: the records and rejects, and for each run,
// attempt and partition its counts.
type batch struct {
	s         *Service
	m         *member
	now       time.Time
	out       []*kafka.Record
	byAttempt map[attemptKey]*attemptRows
	order     []*attemptRows
	failed    map[string]error // by subject: why its run cannot be looked up

	// Records, headers and values lie one after the other: a row costs no allocation of
	// its own.
	records []kafka.Record
	headers []kafka.Header
	buffer  []byte

	// What the row before was of, which is nearly always what the next one is of.
	topic   string // "" where each row names its own subject
	subject string
	last    *attemptRows
}

// newBatch returns a batch with room for what the rows become.
func (m *member) newBatch(rows []*kafka.Record) *batch {
	size := 0
	for _, r := range rows {
		size += len(r.Value)
	}
	return &batch{
		s: m.s, m: m, now: time.Now().UTC(), byAttempt: map[attemptKey]*attemptRows{}, failed: map[string]error{},
		out: make([]*kafka.Record, 0, len(rows)+1), records: make([]kafka.Record, 0, len(rows)),
		headers: make([]kafka.Header, 0, headersOfRow*len(rows)), buffer: make([]byte, 0, size),
	}
}

// subjectOf is the import or the trial that a row is of.
func (b *batch) subjectOf(row *kafka.Record) string {
	if b.topic != row.Topic || b.topic == "" {
		b.topic, b.subject = "", b.s.topics.SubjectOf(row.Topic, row.Key)
		if b.s.topics.ImportOf(row.Topic) != "" {
			b.topic = row.Topic
		}
	}
	return b.subject
}

// add decides what becomes of one row.
//
// Invariant 3: every row leaves here counted as mapped, rejected or skipped, in
// the report that the same transaction holds.
func (b *batch) add(ctx context.Context, row *kafka.Record) error {
	subject := b.subjectOf(row)
	if schemas.IsPreview(subject) {
		return nil // the rows of a preview are not mapped: only whoever asked for it reads them
	}
	id, ok := schemas.ParseRowID(kafka.HeaderValue(row, schemas.HeaderID))
	if !ok {
		return b.reject(&attemptRows{attemptKey: attemptKey{subject: subject, partition: row.Partition}}, row,
			mapping.Reject{Code: "unknown_run", Reason: "the row has no id header, or one that cannot be read"})
	}
	l, err := b.rowsOf(ctx, attemptKey{subject, id.Number, id.Attempt, row.Partition}, row)
	if err != nil {
		return asBlocked(ctx, row, err)
	}
	if row.Offset <= int64(l.countedTo) {
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
	case b.skipSuppressed(l, row, id):
		return nil
	case l.rule.problem != nil && !asSent(l, row):
		return b.reject(l, row, mapping.Reject{Code: "mapping_invalid", Reason: l.rule.problem.Error()})
	}
	if chunk := kafka.HeaderValue(row, schemas.HeaderTraceparent); telemetry.Marked(chunk) {
		l.linkChunk(chunk)
	}
	start := len(b.buffer)
	grown, rejects, omitted, age := b.mapRow(l, row)
	if err := b.produceFurtherRejects(l, row, rejects, omitted); err != nil {
		return err
	}
	if len(rejects) > 0 && rejects[0].Skip {
		l.report.Skipped[schemas.SkipOutsideRetention]++
		if l.run.Mode == schemas.ModeDryRun {
			return b.produceReject(l, row, rejects[0], true)
		}
		return nil
	}
	if len(rejects) > 0 {
		return b.reject(l, row, rejects[0])
	}
	b.buffer = grown
	value := b.buffer[start:len(b.buffer):len(b.buffer)]
	if l.run.Mode == schemas.ModeSync && !sameAsShown(row, value) {
		b.buffer = b.buffer[:start]
		return b.reject(l, row, mapping.Reject{Code: "shown_differs", Reason: "the record differs from the one that the dry run showed"})
	}
	if size := len(value) + len(row.Key) + recordOverhead; size > int(b.s.cfg.Kafka.MaxMessageBytes) {
		b.buffer = b.buffer[:start]
		return b.reject(l, row, mapping.Reject{Code: "row_too_large", Reason: "the record is larger than Kafka's message limit"})
	}
	l.report.Mapped++
	l.countAge(age)
	first := len(b.headers)
	b.headers = l.appendHeaders(b.headers, row)
	b.records = append(b.records, kafka.Record{
		Topic: l.recordsTopic, Partition: row.Partition, Key: row.Key, Value: value, Headers: b.headers[first:len(b.headers):len(b.headers)],
	})
	b.out = append(b.out, &b.records[len(b.records)-1])
	return nil
}

// asSent reports whether a replay's row is a record already.
func asSent(l *attemptRows, row *kafka.Record) bool {
	return l.run.Mode == schemas.ModeReplay && kafka.HeaderValue(row, schemas.HeaderAsSent) != nil
}

// mapRow maps a row. A replay's row may be a record already, or carry the clock of the run
// that rejected it, which is then used in place of this run's.
func (b *batch) mapRow(l *attemptRows, row *kafka.Record) (record []byte, rejects, omitted []mapping.Reject, age string) {
	if asSent(l, row) {
		return append(b.buffer, row.Value...), nil, nil, ""
	}
	rule := l.rule
	if clock := schemas.ParseClock(kafka.HeaderValue(row, schemas.HeaderClock)); clock != 0 {
		then := *rule
		then.clock, rule = clock, &then
	}
	return safeMap(rule, b.buffer, row.Value, l.run.Mode == schemas.ModeDryRun)
}

// countAge counts an event that is sent although CleverTap will drop or hide it, or act on
// it, because of its time.
func (l *attemptRows) countAge(age string) {
	if age == "" {
		return
	}
	if l.report.Aged == nil {
		l.report.Aged = map[string]int64{}
	}
	l.report.Aged[age]++
}

// recordOverhead is more than headers and framing add to a record's size.
const recordOverhead = 512

// safeMap turns a panic of one row's mapping into a reject of that row: a
// poison row must not stop the other rows.
func safeMap(r *rule, dst, row []byte, all bool) (record []byte, rejects, omitted []mapping.Reject, age string) {
	defer func() {
		if recover() != nil {
			record, rejects = dst, []mapping.Reject{{Code: "row_unreadable", Reason: "the row could not be processed"}}
		}
	}()
	if all {
		record, rejects, omitted = r.mapping.MapAll(dst, row, r.clock)
		return record, rejects, omitted, "" // the notes are among what is omitted
	}
	record, rejects, age = r.mapping.MapAged(dst, row, r.clock)
	return record, rejects, nil, age
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
		rec, err := control.Record(b.s.topics.Reports(), report.Import, report.Import, report, schemas.EventReport(schemas.ReportMapped), "mapper")
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
