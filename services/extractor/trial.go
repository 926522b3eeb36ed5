package extractor

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/snowflake"
	"tapline.dev/services/extractor/internal/statement"
)

// statement is what the attempt reads: a window, or a sample of everything.
func (t *term) statement(p *plan, columns []schemas.Column) (statement.Statement, error) {
	if t.active.Mode == schemas.ModeDryRun {
		return p.source.Sample(columns[:p.reader.visible], t.active.Rows), nil
	}
	stmt, err := p.source.Window(columns, p.reader.cursor, t.active.WatermarkFrom, t.active.To)
	if err != nil {
		return stmt, fail(codeCursorInvalid, "%s", err)
	}
	return stmt, nil
}

// understandResult compiles the definition against a result's own columns. A
// sample has no cursor: it is no window, and moves nothing.
func (t *term) understandResult(p *plan, columns []schemas.Column, now time.Time) (*reader, error) {
	if t.active.Mode != schemas.ModeDryRun {
		return t.understand(p, columns, now)
	}
	r := &reader{columns: columns, visible: len(columns) - 1, total: len(columns) - 1}
	if r.total < 1 || columns[r.total].Name != statement.TotalAlias {
		return nil, &failure{code: codeResultChanged, reason: "the result of the sample has other columns than were asked for"}
	}
	return r, t.compile(r, columns[:r.visible])
}

// preview answers with the query's columns and its first rows, in one
// transaction. Nothing is compiled: people preview in order to write a mapping.
func (t *term) preview(src source, p *plan) error {
	ctx, began := t.reading, time.Now()
	found := &schemas.Preview{Nulls: []int64{}}
	columns, err := t.examine(src, p, found)
	if err != nil {
		return err
	}
	var rows []*kafka.Record
	if t.active.Rows > 0 && !slices.ContainsFunc(found.Problems, unreadable) {
		if rows, err = t.first(src, p, columns, found); err != nil {
			return err
		}
	}
	found.Columns, found.Rows, found.Millis = columns, int64(len(rows)), time.Since(began).Milliseconds()
	rec, err := t.report(ctx, schemas.Report{Kind: schemas.ReportPreview, Preview: found})
	if err != nil {
		return err
	}
	if err := t.transact(ctx, append(rows, rec)...); err != nil {
		return fmt.Errorf("answering a preview: %w", err)
	}
	t.log.InfoContext(ctx, "previewed", slog.String("query_id", found.QueryID), slog.Int("rows", len(rows)))
	return nil
}

func (t *term) testsConnection() bool {
	return t.active.Mode == schemas.ModePreview && schemas.TestsConnection(t.active.Spec)
}

// testConnection answers with what the connection turned out to be.
func (t *term) testConnection(src source) error {
	began := time.Now()
	standing, err := src.Standing(t.reading)
	if err != nil {
		return err
	}
	found := &schemas.Preview{Columns: []schemas.Column{}, Nulls: []int64{}, Connection: &standing, Millis: time.Since(began).Milliseconds()}
	rec, err := t.report(t.reading, schemas.Report{Kind: schemas.ReportPreview, Preview: found})
	if err != nil {
		return err
	}
	if err := t.transact(t.reading, rec); err != nil {
		return fmt.Errorf("answering a test: %w", err)
	}
	t.log.InfoContext(t.reading, "connection tested", slog.Int("privileges", len(standing.Privileges)))
	return nil
}

// unreadable tells which problems leave nothing to show.
func unreadable(p schemas.SpecProblem) bool {
	return p.Code == codeColumnAmbiguous || p.Code == codeColumnType
}

// examine describes the query and notes all that its columns show to be wrong
// with the source.
func (t *term) examine(src source, p *plan, found *schemas.Preview) ([]schemas.Column, error) {
	columns, err := src.Describe(t.reading, p.source.Describe())
	if err != nil {
		return nil, err
	}
	note := func(path string, err error) {
		var f *failure
		if errors.As(err, &f) {
			found.Problems = append(found.Problems, schemas.SpecProblem{Code: f.code, Path: path, Message: f.reason})
		}
	}
	text := sourcePath(t.active.Spec.Source)
	note(text, unambiguous(columns))
	for _, c := range columns {
		note(text, supported(c))
	}
	spec := t.active.Spec.Source.Cursor
	if spec == nil {
		return columns, nil
	}
	cursor, err := t.cursorColumn(src, p, columns)
	var f *failure
	var refused *snowflake.Error
	switch {
	case errors.As(err, &f):
		note("spec.source.cursor.column", err)
	case errors.As(err, &refused) && refused.Permanent:
		note("spec.source.cursor", fail(refused.Code, "%s", refused.Reason))
	case err != nil:
		return nil, err
	default:
		if _, err := statement.NewCursor(*spec, t.active.Spec.Timezone, cursor, 0, time.Now()); err != nil {
			note("spec.source.cursor", fail(codeCursorInvalid, "%s", err))
		}
	}
	return columns, nil
}

// cursorColumn is the cursor's column, or what its expression gives.
func (t *term) cursorColumn(src source, p *plan, columns []schemas.Column) (schemas.Column, error) {
	at, err := p.source.Bind(columns)
	if err != nil {
		return schemas.Column{}, fail(codeColumnMissing, "%s", err)
	}
	if !p.source.Hidden() {
		return columns[at], nil
	}
	described, err := src.Describe(t.reading, p.source.DescribeCursor())
	if err != nil {
		return schemas.Column{}, err
	}
	if len(described) != 1 {
		return schemas.Column{}, fail(codeCursorInvalid, "the cursor is not one value")
	}
	return described[0], nil
}

func sourcePath(s schemas.Source) string {
	if s.Table != "" {
		return "spec.source.table"
	}
	return "spec.source.query"
}

func supported(c schemas.Column) error {
	if rowjson.Supported(c.Type) {
		return nil
	}
	return fail(codeColumnType, "column %s has type %s, which cannot be read; cast it or leave it out", c.Name, c.Type)
}

// first reads the first rows and counts their NULLs.
func (t *term) first(src source, p *plan, columns []schemas.Column, found *schemas.Preview) ([]*kafka.Record, error) {
	res, err := src.Query(t.reading, p.source.First(columns, t.active.Rows), nil)
	if err != nil {
		return nil, err
	}
	found.QueryID, found.Nulls = res.QueryID(), make([]int64, len(columns))
	decoder, err := rowjson.NewDecoder(res.Columns(), len(columns))
	if err != nil {
		return nil, fail(codeColumnType, "%s", err)
	}
	traceparent := []byte(telemetry.Traceparent(t.reading))
	var out []*kafka.Record
	for i := range res.Chunks() {
		data, err := res.Chunk(t.reading, i)
		if err != nil {
			return nil, err
		}
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			for at := range columns {
				if row.Null(at) {
					found.Nulls[at]++
				}
			}
			out = append(out, t.shown(row.JSON, len(out)+1, traceparent))
			return true, nil
		})
		if err != nil {
			return nil, fail("result_unreadable", "chunk %d: %s", i, err)
		}
	}
	return out, nil
}

// shown is the record of a preview's row. One that Kafka cannot carry is shown
// as an empty object, so that the others keep their places.
func (t *term) shown(row []byte, seq int, traceparent []byte) *kafka.Record {
	if len(row) > int(t.cfg.Kafka.MaxMessageBytes)-overhead {
		row = []byte("{}")
	}
	id := schemas.RowID{Number: t.active.Number, Attempt: t.active.Attempt, Seq: int64(seq)}
	return &kafka.Record{
		Topic: t.topics.DryRunRows(), Partition: schemas.ControlPartition(t.subject), Key: []byte(t.subject), Value: row,
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: id.Append(nil)}, {Key: schemas.HeaderTraceparent, Value: traceparent}},
	}
}
