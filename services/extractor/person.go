package extractor

import (
	"context"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
)

// readPerson answers a preview with the newest rows of one person, by one statement. The
// definition has to be one that a run could use: where a row lies is told by its cursor.
//
// Invariant 9: the identity comes from the look-ups' topic and goes into the statement only.
func (v *preview) readPerson(ctx context.Context, conn schemas.SnowflakeConnectionSpec, p *plan.Plan, began time.Time) error {
	people, err := readPeople(ctx, v.reader, v.topics, v.attempt, v.attempt.Run.People, 1)
	if err != nil {
		return err
	}
	if err := v.suppressed.Comparable(); err != nil {
		return failure.Permanent(failure.CodeNotComparable, "%s", err)
	}
	return v.sessions.with(ctx, conn, func(src source) error {
		now, err := src.Clock(ctx)
		if err != nil {
			return err
		}
		p.Without(mayBeGone(v.attempt))
		columns, err := describe(ctx, src, p, v.maxRow)
		if err != nil {
			return err
		}
		r, err := p.Read(columns, now, false)
		if err != nil {
			return err
		}
		found := &schemas.Preview{Nulls: []int64{}, Person: &schemas.PersonRows{Clock: schemas.FormatInstant(now)}}
		if c := r.Cursor; c != nil {
			found.Person.Clock, found.Person.TimeBasis = c.Instant(now), c.TimeBasis()
		}
		var rows []*kafka.Record
		if stmt, ok := p.Person(r, people[0], schemas.MaxPersonRows+1); ok {
			res, err := src.Query(ctx, stmt, nil)
			if err != nil {
				return err
			}
			if rows, err = v.rowsOfPerson(ctx, res, r, found); err != nil {
				return err
			}
		}
		return v.answer(ctx, began, columns[:r.Visible], rows, found)
	})
}

// rowsOfPerson reads the result, whose rows are the person's but for the one after the last
// that is shown.
func (v *preview) rowsOfPerson(ctx context.Context, res result, r *plan.Reader, found *schemas.Preview) ([]*kafka.Record, error) {
	found.QueryID = res.QueryID()
	decoder, err := rowjson.NewLooseDecoder(res.Columns(), r.Visible, r.Held)
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
			if len(out) == schemas.MaxPersonRows {
				found.Person.More = true
				return false, nil
			}
			if row.Unreadable != r.Identity && v.suppressed.Has(mapping.IdentityKey(nil, row.Value(r.Identity))) {
				found.Suppressed = append(found.Suppressed, len(out))
			}
			if err := placed(row, r, found.Person); err != nil {
				return false, err
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

// placed notes where a row lies in the order of the cursor.
func placed(row *rowjson.Row, r *plan.Reader, in *schemas.PersonRows) error {
	c := r.Cursor
	if c == nil {
		return nil
	}
	at, utc := "", ""
	if !row.Null(c.Index) {
		var err error
		if at, err = c.Read(row.Value(c.Index)); err != nil {
			return err
		}
		utc = c.UTC(at)
	}
	in.Cursors, in.Instants = append(in.Cursors, at), append(in.Instants, utc)
	return nil
}
