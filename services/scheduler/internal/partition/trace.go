package partition

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/telemetry"
	"tapline.dev/services/scheduler/internal/book"
)

// beginTrace makes the root span of a run. It is short, because a span that
// lasted as long as the run would be lost with the process that holds it: the
// stages hang their spans below it by its traceparent.
func (t *term) beginTrace(ctx context.Context, importName, run, from string) (traceparent, traceID string) {
	options := []trace.SpanStartOption{
		trace.WithNewRoot(),
		trace.WithAttributes(attribute.String("tapline.import", importName), attribute.String("tapline.run", run)),
	}
	if link, ok := telemetry.LinkTo(from); ok {
		options = append(options, trace.WithLinks(link))
	}
	ctx, span := t.deps.Tracer.Start(ctx, "start run", options...)
	defer span.End()
	return telemetry.Traceparent(ctx), telemetry.TraceID(ctx)
}

// endTrace makes the span that closes a run, with its totals.
func (t *term) endTrace(ctx context.Context, c book.Closed) {
	r := c.Run
	_, span := t.deps.Tracer.Start(telemetry.ContextWith(ctx, c.Traceparent), "close run", trace.WithAttributes(
		attribute.String("tapline.import", r.Import), attribute.String("tapline.run", r.Run), attribute.String("tapline.state", r.State),
		attribute.Int("tapline.attempt", r.Attempt), attribute.String("snowflake.query_id", r.QueryID),
		attribute.Int64("tapline.rows.read", r.Counts.Read), attribute.Int64("tapline.rows.unchanged", r.Counts.Unchanged),
		attribute.Int64("tapline.rows.extracted", r.Counts.Extracted), attribute.Int64("tapline.rows.mapped", r.Counts.Mapped),
		attribute.Int64("tapline.rows.loaded", r.Counts.Loaded), attribute.Int64("tapline.rows.rejected", r.Counts.Rejected()),
		attribute.Int64("tapline.rows.resent", r.Counts.Resent),
	))
	defer span.End()
	if r.Error != nil {
		span.SetStatus(codes.Error, r.Error.Code)
	}
}
