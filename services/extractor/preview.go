package extractor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/snowflake"
)

// mostProblems bounds how much a preview finds wrong: its answer is one record.
const mostProblems = 20

// preview answers with the query's columns and its first rows, in one
// transaction. The mapping is not compiled: people preview in order to write one.
type preview struct {
	sessions   sessions
	resources  *resources
	suppressed *suppression.Checker
	reader     *kafka.Reader
	journal    *journal.Journal
	attempt    attempt.Attempt
	topics     schemas.Topics
	maxRow     int
	log        *slog.Logger
}

func (v *preview) stopped(ctx context.Context) error { return context.Cause(ctx) }

func (v *preview) read(ctx context.Context) error {
	conn, err := v.sessions.connection(ctx)
	if err != nil {
		return err
	}
	spec := v.attempt.Run.Spec
	p, err := plan.New(spec, v.resources.mappingOptions(spec.Destination.AccountRef))
	if err != nil {
		return err
	}
	began := time.Now()
	if v.attempt.Run.People != "" {
		return v.readPerson(ctx, conn, p, began)
	}
	if v.attempt.Run.Rows == 0 {
		var columns []schemas.Column
		var found *schemas.Preview
		err := v.sessions.describing(ctx, conn, func(src source) (err error) {
			found = &schemas.Preview{Nulls: []int64{}}
			columns, err = v.examine(ctx, src, p, found)
			return err
		})
		if err != nil {
			return err
		}
		return v.answer(ctx, began, columns, nil, found)
	}
	return v.sessions.with(ctx, conn, func(src source) error {
		found := &schemas.Preview{Nulls: []int64{}}
		columns, err := v.examine(ctx, src, p, found)
		if err != nil {
			return err
		}
		var rows []*kafka.Record
		if !slices.ContainsFunc(found.Problems, leavesNothingToShow) {
			if rows, err = v.first(ctx, src, p, columns, found); err != nil {
				return err
			}
		}
		return v.answer(ctx, began, columns, rows, found)
	})
}

// answer reports what was found, with the rows, and ends the preview.
func (v *preview) answer(ctx context.Context, began time.Time, columns []schemas.Column, rows []*kafka.Record, found *schemas.Preview) error {
	found.Columns, found.Rows, found.Millis = columns, int64(len(rows)), time.Since(began).Milliseconds()
	if err := v.journal.Answer(ctx, rows, schemas.Report{Kind: schemas.ReportPreview, Preview: found}); err != nil {
		return fmt.Errorf("answering a preview: %w", err)
	}
	v.log.InfoContext(ctx, "previewed", slog.String("query_id", found.QueryID), slog.Int("rows", int(found.Rows)))
	return nil
}

func leavesNothingToShow(p schemas.SpecProblem) bool {
	return p.Code == failure.CodeColumnAmbiguous
}

// examine describes the query and notes all that its columns show to be wrong
// with the source.
func (v *preview) examine(ctx context.Context, src source, p *plan.Plan, found *schemas.Preview) ([]schemas.Column, error) {
	columns, err := src.Describe(ctx, p.Describe())
	if err != nil {
		return nil, err
	}
	columns = p.Selected(columns)
	if err := plan.Fits(columns, v.maxRow); err != nil {
		return nil, err
	}
	note := func(path string, err error) {
		var f *failure.Error
		if errors.As(err, &f) && len(found.Problems) < mostProblems {
			found.Problems = append(found.Problems, schemas.SpecProblem{Code: f.Code, Path: path, Message: f.Reason})
		}
	}
	source := v.attempt.Run.Spec.Source
	text := "spec.source.query"
	if source.Table != "" {
		text = "spec.source.table"
	}
	note(text, plan.Unambiguous(columns))
	needed, _ := p.Needed(columns)
	for _, c := range needed {
		note(text, plan.Supported(c))
	}
	if source.Cursor == nil {
		return columns, nil
	}
	cursor, err := cursorColumn(ctx, src, p, columns)
	var f *failure.Error
	var refused *snowflake.Error
	switch {
	case errors.As(err, &f):
		note("spec.source.cursor.column", err)
	case errors.As(err, &refused) && refused.Permanent:
		note("spec.source.cursor", failure.Permanent(refused.Code, "%s", refused.Reason))
	case err != nil:
		return nil, err
	default:
		_, err := p.Cursor(cursor, 0, time.Now())
		note("spec.source.cursor", err)
	}
	return columns, nil
}

// cursorColumn is the cursor's column, or what its expression gives.
func cursorColumn(ctx context.Context, src source, p *plan.Plan, columns []schemas.Column) (schemas.Column, error) {
	at, cursorSQL, err := p.Bind(columns)
	if err != nil {
		return schemas.Column{}, err
	}
	if cursorSQL == "" {
		return columns[at], nil
	}
	described, err := src.Describe(ctx, cursorSQL)
	if err != nil {
		return schemas.Column{}, err
	}
	if len(described) != 1 {
		return schemas.Column{}, failure.Permanent(failure.CodeCursorInvalid, "the cursor is not one value")
	}
	return described[0], nil
}

// first reads the first rows and counts their NULLs.
func (v *preview) first(ctx context.Context, src source, p *plan.Plan, columns []schemas.Column, found *schemas.Preview) ([]*kafka.Record, error) {
	res, err := src.Query(ctx, p.First(columns, v.attempt.Run.Rows), nil)
	if err != nil {
		return nil, err
	}
	if err := v.suppressed.Comparable(); err != nil {
		return nil, failure.Permanent(failure.CodeNotComparable, "%s", err)
	}
	found.QueryID, found.Nulls = res.QueryID(), make([]int64, len(columns))
	identity, known := p.IdentityAt(columns)
	decoder, err := rowjson.NewLooseDecoder(res.Columns(), len(columns), nil)
	if err != nil {
		return nil, failure.Permanent(failure.CodeColumnType, "%s", err)
	}
	traceparent := []byte(telemetry.Traceparent(ctx))
	var out []*kafka.Record
	for i := range res.Chunks() {
		data, err := res.Chunk(ctx, i)
		if err != nil {
			return nil, err
		}
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			for at := range columns {
				if row.Null(at) {
					found.Nulls[at]++
				}
			}
			if known && row.Unreadable != identity && v.suppressed.Has(mapping.IdentityKey(nil, row.Value(identity))) {
				found.Suppressed = append(found.Suppressed, len(out))
			}
			shown, keep := row.JSON, true
			if len(shown) > v.maxRow {
				shown, keep = decoder.Without(row, v.maxRow), false
			}
			out = append(out, v.shown(shown, len(out)+1, traceparent))
			return keep, nil
		})
		if err != nil {
			return nil, failure.Permanent(failure.CodeResultUnreadable, "chunk %d: %s", i, err)
		}
	}
	return out, nil
}

// shown is the record of a preview's row. Values that cannot be shown, or with which
// Kafka could not carry the row, are placeholders.
func (v *preview) shown(row []byte, position int, traceparent []byte) *kafka.Record {
	if row == nil { // it has more columns than a record has room for
		row = []byte(rowjson.Placeholder)
	}
	subject := v.attempt.Subject
	return &kafka.Record{
		Topic: v.topics.DryRunRows(), Partition: schemas.ControlPartition(subject), Key: []byte(subject), Value: row,
		Headers: []kafka.Header{
			{Key: schemas.HeaderID, Value: v.attempt.RowID(int64(position)).Append(nil)},
			{Key: schemas.HeaderTraceparent, Value: traceparent},
		},
	}
}
