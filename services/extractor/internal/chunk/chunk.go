// Package chunk turns a chunk of Snowflake's result into what one transaction
// holds: rows, rejects, and the counts of all chunks so far.
package chunk

import (
	"bytes"
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/ledger"
)

// Chunk is one transaction to be.
type Chunk struct {
	Span   *telemetry.Part
	Counts schemas.Extraction // cumulative, with this chunk
	Ledger ledger.Chunk

	rows    []kafka.Record
	rejects []*kafka.Record

	// Keys, ids and headers of all rows lie in slabs: a row costs no allocation of
	// its own.
	slab    []byte
	headers []kafka.Header
}

// Records are the chunk's rows and rejects, with room for a report.
func (c *Chunk) Records() []*kafka.Record {
	out := make([]*kafka.Record, 0, len(c.rows)+len(c.rejects)+1)
	for i := range c.rows {
		out = append(out, &c.rows[i])
	}
	return append(out, c.rejects...)
}

// take appends to the slab and returns what was appended.
func (c *Chunk) take(write func([]byte) []byte) []byte {
	const slabSize = 64 << 10
	if cap(c.slab)-len(c.slab) < slabSize/16 {
		c.slab = make([]byte, 0, slabSize)
	}
	from := len(c.slab)
	c.slab = write(c.slab)
	return c.slab[from:len(c.slab):len(c.slab)]
}

// StartSpan starts the span of an attempt's chunk.
func StartSpan(ctx context.Context, spans *telemetry.Parts, a attempt.Attempt, topic string, index int) (context.Context, *telemetry.Part) {
	ctx, span := spans.Start(ctx, a.Run.Run, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.name", "send"), attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", topic),
		attribute.String("tapline.import", a.Import), attribute.String("tapline.run", a.Run.Run), attribute.Int("tapline.attempt", a.Run.Attempt),
		attribute.Int("tapline.chunk", index)))
	if index == 0 {
		span.Keep() // also if no row of it is extracted
	}
	return ctx, span
}

// Partition is where the rows of an identity lie. It goes by the trimmed key:
// identities that differ by blanks around them may be one user to CleverTap, and
// versions of one user must keep their order.
func Partition(key []byte, partitions int) int32 {
	return schemas.Partition(bytes.TrimSpace(key), partitions)
}
