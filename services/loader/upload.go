package loader

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

// upload is a batch on its way to an account. The loop owns it while it waits for its
// next request; a task owns it while it has a slot or is being reported.
type upload struct {
	part        *partition
	ownership   *ownership // of the partition
	destination *destination
	conn        *connection // of the request under way
	subject     string
	run         *schemas.ActiveRun // nil if the run is over or was never started
	number      int
	attempt     int
	batch       *lane.Batch
	delivery    *delivery.Delivery

	notBefore time.Time // of the next request
	readyAt   time.Time // since when only a slot is missing
	suspect   bool      // its record seems to be at fault: it waits for a sign that the account works
	openUntil time.Time // until when one of its requests may still be applied
	failures  int       // transient faults in a row
	began     time.Time // of the last request
	status    int
	took      time.Duration
	screened  uint64         // version of the suppression list that the next request was compared with
	profiles  map[int]string // of a dry run: whether the records' profiles exist
	span      *telemetry.Part
}

// slowUpload is the time from a batch's making to its receipt after which the span of its
// upload is kept in every case.
const slowUpload = 10 * time.Second

// maxLinks bounds the batches that an upload's span is linked to.
const maxLinks = 16

// newUpload starts the upload of a batch.
func (l *loop) newUpload(d *destination, c *candidate, b *lane.Batch, now time.Time) *upload {
	identities := make([]uint64, len(b.Items))
	for i := range b.Items {
		identities[i] = b.Items[i].Identity
	}
	mayBeApplied := b.State == recovery.Ambiguous
	u := &upload{
		part: c.part, ownership: c.part.ownership, destination: d, subject: c.subject, batch: b, run: c.run, number: c.run.Number, attempt: c.run.Attempt,
		delivery:  delivery.New(c.policy, identities, mayBeApplied, l.cfg.RecordFaultLimit),
		notBefore: now, readyAt: now, openUntil: b.OpenUntil,
	}
	u.delivery.Inherit(b.Times)
	ctx := telemetry.ContextWith(l.work, c.run.Traceparent)
	batches := links(b)
	_, u.span = l.spans.Start(ctx, c.run.Run, trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(batches...), trace.WithAttributes(
		attribute.String("tapline.import", schemas.ImportOf(c.subject)), attribute.String("tapline.run", c.run.Run), attribute.Int("tapline.attempt", c.run.Attempt),
		attribute.String("tapline.account", d.name), attribute.String("http.request.method", http.MethodPost), attribute.String("url.template", "/1/upload"),
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", c.part.tp.Topic),
		attribute.String("messaging.destination.partition.id", strconv.Itoa(int(c.part.tp.Partition))), attribute.Int("messaging.batch.message_count", len(b.Items)),
		attribute.Int64("messaging.kafka.offset", b.First()), attribute.Int64("tapline.offset.last", b.Items[len(b.Items)-1].Record.Offset),
		attribute.Int64("tapline.bytes", bytesOf(b)),
	))
	if len(batches) > 0 {
		u.span.Keep()
	}
	return u
}

// unsent is an upload of records that get their outcome without being sent.
func (l *loop) unsent(p *partition, b *lane.Batch, run *schemas.ActiveRun, outcome delivery.Outcome) *upload {
	head := b.Items[0].ID
	u := &upload{
		part: p, ownership: p.ownership, subject: l.keyOf(p, &b.Items[0]).subject, batch: b, run: run, number: head.Number, attempt: head.Attempt,
		delivery: delivery.New(delivery.Hold, make([]uint64, len(b.Items)), b.State == recovery.Ambiguous, 0),
		span:     telemetry.NoPart(), openUntil: b.OpenUntil,
	}
	u.delivery.End(outcome)
	return u
}

// context is the context of the upload's requests: its span, and the tasks' end.
func (u *upload) context(work context.Context) context.Context {
	return trace.ContextWithSpan(work, u.span.Span)
}

// id names an upload in reports by run, attempt, partition and first offset, so that
// people find its records.
func (u *upload) id() string {
	return schemas.RunOf(u.subject, u.number) + "." + strconv.Itoa(u.attempt) + "/" +
		strconv.Itoa(int(u.part.tp.Partition)) + "/" + strconv.FormatInt(u.batch.First(), 10)
}

func bytesOf(b *lane.Batch) (sum int64) {
	for i := range b.Items {
		sum += int64(len(b.Items[i].Record.Value))
	}
	return sum
}

// links name the mapper's batches that the chosen records came in; the spans of other
// batches may not exist.
func links(b *lane.Batch) []trace.Link {
	var out []trace.Link
	seen := map[string]bool{}
	for i := range b.Items {
		parent := kafka.HeaderValue(b.Items[i].Record, schemas.HeaderTraceparent)
		if !telemetry.Marked(parent) || seen[string(parent)] {
			continue
		}
		seen[string(parent)] = true
		if link, ok := telemetry.LinkTo(string(parent)); ok && len(out) < maxLinks {
			out = append(out, link)
		}
	}
	return out
}
