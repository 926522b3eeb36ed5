package extractor

import (
	"crypto/rand"
	"log/slog"
	"strconv"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/rowjson"
)

// lookForLate counts the rows of each hour of the cursor, and compares the hours
// behind the watermark with what the run before counted. Those that have grown
// are read again.
//
// The count comes before the statement that reads, and never after it: a row
// that commits in between is at worst found one run later, and not counted as
// known without having been read.
//
// The counts are kept under a name of their own, which the start's report
// carries: those of an owner that has been replaced, and counted late, are
// nobody's.
func (t *term) lookForLate(src source, p *plan) (late *schemas.Late, counts string, err error) {
	cur := p.reader.cursor
	if cur == nil || !cur.Bucketed {
		return nil, "", nil
	}
	ctx := t.reading
	now, err := t.countBuckets(src, p)
	if err != nil {
		return nil, "", err
	}
	counts = rand.Text()
	if err := ledger.SaveCounts(ctx, t.ledger, t.importName, t.active.Number, t.active.Attempt, counts, now); err != nil && ctx.Err() == nil {
		t.log.WarnContext(ctx, "the next run cannot look for late rows", slog.Any("error", err))
	}
	if t.active.Mode != schemas.ModeIncremental || t.active.WatermarkFrom == "" {
		return nil, counts, nil
	}
	if t.ledgerRef == nil {
		return &schemas.Late{Unknown: true}, counts, nil
	}
	before, err := ledger.LoadCounts(ctx, t.ledger, t.importName, *t.ledgerRef)
	if err != nil && ctx.Err() == nil {
		t.log.WarnContext(ctx, "late rows are not looked for", slog.Any("error", err))
	}
	if before == nil {
		return &schemas.Late{Unknown: true}, counts, nil
	}
	grown, spans := cur.Grown(before, now, t.active.WatermarkFrom)
	cur.Late = spans
	return &grown, counts, nil
}

// countBuckets runs the count.
func (t *term) countBuckets(src source, p *plan) (map[int64]int64, error) {
	res, err := src.Query(t.reading, p.source.Counts(p.reader.cursor), nil)
	if err != nil {
		return nil, err
	}
	decoder, err := rowjson.NewDecoder(res.Columns(), len(res.Columns()))
	if err != nil || len(res.Columns()) != 2 {
		return nil, fail(codeCursorInvalid, "the rows cannot be counted by their cursor")
	}
	counts := map[int64]int64{}
	for i := range res.Chunks() {
		data, err := res.Chunk(t.reading, i)
		if err != nil {
			return nil, err
		}
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			begin, beginErr := strconv.ParseInt(string(row.Value(0)), 10, 64)
			n, countErr := strconv.ParseInt(string(row.Value(1)), 10, 64)
			if beginErr == nil && countErr == nil {
				counts[p.reader.cursor.BucketNumber(begin)] += n
			} // what is beyond 64 bits is no instant
			return true, nil
		})
		if err != nil {
			return nil, fail("result_unreadable", "chunk %d: %s", i, err)
		}
	}
	return counts, nil
}
