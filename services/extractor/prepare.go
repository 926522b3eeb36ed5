package extractor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// overhead is what a record weighs beside its key and value: headers, batch
// and framing.
const overhead = 1024

// preparer turns chunks into what their transactions hold. It runs ahead of the
// commits, so that its counts are those of the chunk that it prepared last.
type preparer struct {
	t          *term
	reader     *reader
	decoder    *rowjson.Decoder
	hasher     *ledger.Hasher
	previous   *ledger.Previous
	recorder   *ledger.Recorder // nil in a backfill
	extraction schemas.Extraction
	clock      string
	limit      string // beyond it a row is from the future
	maxRow     int
	topic      string     // of the rows
	expect     int        // rows of a chunk, from the one before
	open       trace.Span // of a chunk that did not get to its commit

	// Identities of which this run sends a version; nil where rows have no order or
	// the ledger holds nothing.
	passed  map[uint64]struct{}
	seed    maphash.Seed
	scratch []byte
}

// chunk is one transaction to be.
type chunk struct {
	ctx        context.Context // of its span
	span       trace.Span
	rows       []kafka.Record
	rejects    []*kafka.Record
	extraction schemas.Extraction // cumulative, with this chunk
	ledger     ledger.Chunk

	// Keys, ids and headers of all rows lie in slabs: a row costs no allocation of
	// its own.
	slab        []byte
	headers     []kafka.Header
	traceparent []byte
}

func (t *term) newPreparer(r *reader) (*preparer, error) {
	d, err := rowjson.NewDecoder(r.columns, r.visible)
	if err != nil {
		return nil, fail(codeColumnType, "%s", err)
	}
	p := &preparer{
		t: t, reader: r, decoder: d, hasher: ledger.NewHasher(r.hash, r.mapped),
		extraction: copyOf(t.counts()), clock: t.history.started.Clock,
		maxRow: int(t.cfg.Kafka.MaxMessageBytes) - overhead,
		topic:  t.topics.RowsOf(t.subject),
	}
	if r.cursor != nil {
		if p.limit, err = statement.Plus(p.clock, r.cursor.Future); err != nil {
			return nil, fail(codeCursorInvalid, "%s", err)
		}
	}
	t.loadLedger(p)
	if p.previous.Highest() != "" && t.profiles() {
		p.passed, p.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	}
	return p, nil
}

func copyOf(e schemas.Extraction) schemas.Extraction {
	e.ByPartition = slices.Clone(e.ByPartition)
	e.RejectsByCode = maps.Clone(e.RejectsByCode)
	return e
}

// prepare reads a chunk's rows.
func (p *preparer) prepare(ctx context.Context, index int, data []byte) (*chunk, error) {
	spanCtx, span := p.t.tracer.Start(ctx, "extract chunk", trace.WithAttributes(attribute.Int("tapline.chunk", index)))
	p.open = span
	c := &chunk{
		ctx: spanCtx, span: span, traceparent: []byte(telemetry.Traceparent(spanCtx)),
		rows: make([]kafka.Record, 0, p.expect), headers: make([]kafka.Header, 0, 2*p.expect),
	}
	rows, err := p.decoder.Rows(data, func(row *rowjson.Row) (bool, error) { return p.row(c, row) })
	if err != nil {
		return nil, p.unreadable(index, err)
	}
	p.extraction.Chunks = index + 1
	if p.recorder != nil {
		// Before the chunk's transaction: a ledger with rows too many only matters to
		// an attempt that commits them.
		if c.ledger, err = p.recorder.Finish(ctx, index, p.extraction.Maximum); err != nil {
			return nil, err
		}
		if c.ledger.Err != nil && ctx.Err() == nil {
			p.t.log.WarnContext(ctx, "the ledger was not written: the next run sends rows again", "error", c.ledger.Err)
		}
		p.extraction.LedgerEntries, p.extraction.LedgerPartial = c.ledger.Entries, c.ledger.Partial
	}
	c.extraction = copyOf(p.extraction)
	span.SetAttributes(attribute.Int64("tapline.rows", rows), attribute.Int("tapline.rows.extracted", len(c.rows)))
	p.open, p.expect = nil, len(c.rows)
	return c, nil
}

func (p *preparer) unreadable(index int, err error) error {
	if f := new(failure); errors.As(err, &f) || isKafka(err) {
		return err
	}
	return fail("result_unreadable", "chunk %d: %s", index, err)
}

func (p *preparer) endSpans() {
	if p.open != nil {
		p.open.End()
	}
}

// row gives a row its outcome.
//
// Invariant 3: read = extracted + unchanged + stillRejected + future + rejected.
func (p *preparer) row(c *chunk, row *rowjson.Row) (keep bool, err error) {
	e := &p.extraction
	e.Read++
	if cur := p.reader.cursor; cur != nil && row.Unreadable == cur.Index {
		return false, p.rejectUnreadable(c, row) // nothing tells which version it is
	}
	if p.reader.total > 0 {
		if e.Population, err = strconv.ParseInt(string(row.Value(p.reader.total)), 10, 64); err != nil {
			return false, fail(codeColumnType, "the number of rows behind the sample is no number")
		}
	}
	cursor, future, err := p.cursor(row)
	if err != nil {
		return false, err
	}
	if p.recorder != nil {
		f := p.hasher.Of(readable(row), cursor)
		// A row that was sent is remembered on, also if it is from the future by now:
		// the clocks of a zone go back.
		unchanged := p.previous.Take(f) && !p.overtaken(row)
		if unchanged || !future {
			p.recorder.Add(f, cursor)
		}
		if unchanged {
			e.Unchanged++
			return false, nil
		}
	}
	if future {
		e.Future++ // not sent, not remembered: its time will come
		return false, nil
	}
	if row.Unreadable >= 0 {
		return false, p.rejectUnreadable(c, row)
	}
	// The key repeats the identity.
	if size := len(row.JSON) + len(row.Value(p.reader.identity)); size > p.maxRow {
		return false, p.reject(c, row, codeRowTooLarge, "", fmt.Sprintf("the row has %d bytes with its key and a record may have %d", size, p.maxRow))
	}
	p.extract(c, row)
	p.pass(row, cursor)
	return true, nil
}

func (p *preparer) rejectUnreadable(c *chunk, row *rowjson.Row) error {
	column := p.reader.columns[row.Unreadable].Name
	return p.reject(c, row, codeRowUnreadable, column, "the column's value has no exact text: it is not UTF-8, not JSON, or beyond the years 1 to 9999")
}

// readable gives the row's values, with a mark for the first one that has no
// text: such a row is rejected once, and then unchanged.
func readable(row *rowjson.Row) func(i int) []byte {
	if row.Unreadable < 0 {
		return row.Value
	}
	return func(i int) []byte {
		if i == row.Unreadable {
			return []byte("unreadable")
		}
		return row.Value(i)
	}
}

// pass notes that this run sends a version of an identity, as long as a newer one
// may follow that the ledger holds.
func (p *preparer) pass(row *rowjson.Row, cursor string) {
	if p.passed != nil && cursor <= p.previous.Highest() {
		p.passed[p.identity(row)] = struct{}{}
		p.extraction.Passed++
	}
}

// overtaken tells whether this run sends an older version of the row's identity.
// Then this one has to be sent too, though it was before.
//
// Invariant 4: of several rows of one identity the newest arrives last.
func (p *preparer) overtaken(row *rowjson.Row) bool {
	if len(p.passed) == 0 {
		return false
	}
	_, ok := p.passed[p.identity(row)]
	return ok
}

// identity is a hash of the row's identity. Two that collide cost a row sent
// again.
func (p *preparer) identity(row *rowjson.Row) uint64 {
	p.scratch = mapping.IdentityKey(p.scratch[:0], row.Value(p.reader.identity))
	return maphash.Bytes(p.seed, bytes.TrimSpace(p.scratch))
}

// cursor reads the row's cursor, "" for a NULL, and moves the maximum.
func (p *preparer) cursor(row *rowjson.Row) (cursor string, future bool, err error) {
	cur := p.reader.cursor
	if cur == nil {
		return "", false, nil
	}
	if row.Null(cur.Index) {
		if cur.Nulls != "always" {
			return "", false, fail(codeCursorNull, "%s is NULL in a row; set nulls: always or nulls: {coalesce: SQL}, or correct the table", cur.Column.Name)
		}
		p.extraction.Nulls++
		return "", false, nil
	}
	if cursor, err = cur.Read(row.Value(cur.Index)); err != nil {
		return "", false, fail(codeCursorInvalid, "%s", err)
	}
	if failpoint.Mistake("extractor.future-moves-mark") {
		p.extraction.Maximum = max(p.extraction.Maximum, cursor)
	}
	if cursor > p.limit {
		return cursor, true, nil
	}
	// Only what is not later than the clock moves the mark.
	if cursor <= p.clock {
		p.extraction.Maximum = max(p.extraction.Maximum, cursor)
	}
	return cursor, false, nil
}

// extract adds the row's record: keyed by the identity as CleverTap will get it,
// in the partition that any Kafka client finds for that key. A trial's are keyed
// by the trial and lie in one partition.
func (p *preparer) extract(c *chunk, row *rowjson.Row) {
	key := c.take(func(b []byte) []byte { return mapping.IdentityKey(b, row.Value(p.reader.identity)) })
	partition := partitionOf(key, len(p.extraction.ByPartition))
	if schemas.IsTrial(p.t.subject) {
		key, partition = []byte(p.t.subject), schemas.ControlPartition(p.t.subject)
	}
	id := c.take(p.id().Append)
	c.headers = append(c.headers,
		kafka.Header{Key: schemas.HeaderID, Value: id},
		kafka.Header{Key: schemas.HeaderTraceparent, Value: c.traceparent})
	n := len(c.headers)
	c.rows = append(c.rows, kafka.Record{
		Topic: p.topic, Partition: partition,
		Key: key, Value: row.JSON, Headers: c.headers[n-2 : n : n],
	})
	p.extraction.Extracted++
	p.extraction.ByPartition[partition]++
}

// partitionOf is where the rows of an identity lie. It goes by the trimmed key:
// identities that differ by blanks around them may be one user to CleverTap, and
// versions of one user must keep their order.
func partitionOf(key []byte, partitions int) int32 {
	return schemas.Partition(bytes.TrimSpace(key), partitions)
}

// id is the row's: its position in the result is the same in every term.
func (p *preparer) id() schemas.RowID {
	return schemas.RowID{Number: p.t.active.Number, Attempt: p.t.active.Attempt, Seq: p.extraction.Read}
}

// take appends to the slab and returns what was appended.
func (c *chunk) take(write func([]byte) []byte) []byte {
	const slabSize = 64 << 10
	if cap(c.slab)-len(c.slab) < slabSize/16 {
		c.slab = make([]byte, 0, slabSize)
	}
	from := len(c.slab)
	c.slab = write(c.slab)
	return c.slab[from:len(c.slab):len(c.slab)]
}

// reject counts a row that Kafka cannot carry or that has no exact text. A
// reject that would be too large itself carries only its coordinates.
func (p *preparer) reject(c *chunk, row *rowjson.Row, code, column, reason string) error {
	reject := schemas.Reject{
		Stage: schemas.StageExtract, Code: code, Class: schemas.ClassOf(code), Column: column, Reason: reason,
		Import: p.t.importName, Run: p.t.active.Run, Attempt: p.t.active.Attempt, ID: p.id().String(),
		Partition: -1, Offset: -1, Time: time.Now().UTC(),
	}
	if len(row.JSON) <= p.maxRow/2 {
		reject.Row = json.RawMessage(slices.Clone(row.JSON))
	}
	rec, err := kafka.RejectRecord(p.t.topics.RejectsOf(p.t.subject), reject, "extractor")
	if err != nil {
		return kafkaError{err}
	}
	c.rejects = append(c.rejects, rec)
	p.extraction.Rejected++
	if p.extraction.RejectsByCode == nil {
		p.extraction.RejectsByCode = map[string]int64{}
	}
	p.extraction.RejectsByCode[code]++
	return nil
}

// records are the chunk's rows and rejects.
func (c *chunk) records() []*kafka.Record {
	out := make([]*kafka.Record, 0, len(c.rows)+len(c.rejects)+1)
	for i := range c.rows {
		out = append(out, &c.rows[i])
	}
	return append(out, c.rejects...)
}
