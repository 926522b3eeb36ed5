package extractor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/statement"
	"tapline.dev/services/extractor/internal/sums"
)

// mostRead bounds how many different rows one statement names.
const mostRead = 10_000

// reconcile has Snowflake count and sum the rows behind the watermark, compares that with
// the baseline, and reads what has come since. Its own sums are the next baseline, which
// counts once the run has succeeded: a row that has come is in a baseline only after it has
// an outcome.
type reconcile struct {
	extraction
	earlier *earlier
	reader  *kafka.Reader
	topics  schemas.Topics
}

func (y *reconcile) read(ctx context.Context) error { return y.extract(ctx, y) }

func (y *reconcile) describe(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	r, err := p.Read(columns, now, false)
	if err == nil && r.Cursor == nil {
		err = failure.Permanent(failure.CodeCursorInvalid, "an import without source.cursor reads everything in each run, and has nothing to reconcile")
	}
	return r, err
}

func (y *reconcile) understand(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return y.describe(p, columns, now)
}

func (y *reconcile) recall(ctx context.Context, r *plan.Reader, e *schemas.Extraction) (chunk.Ledgers, error) {
	return y.earlier.recall(ctx, r, e)
}

func (y *reconcile) end(ctx context.Context, _ chunk.Ledgers) error {
	return y.journal.Final(ctx, nil, false)
}

func (y *reconcile) statement(ctx context.Context, src source, p *plan.Plan, r *plan.Reader, started *schemas.Started) (statement.Statement, error) {
	run, none := y.attempt.Run, statement.Statement{}
	if run.WatermarkFrom == "" || run.Reconcile == nil {
		return none, failure.Permanent(failure.CodeCursorInvalid, "the import has no watermark: no run of it has succeeded")
	}
	if err := plan.SameTimeBasis(y.attempt.Import, run.WatermarkFrom, y.attempt.TimeBasis, r.Cursor); err != nil {
		return none, err
	}
	// Rows at or above the watermark are the next run's.
	below := r.Cursor.BucketFloor(run.WatermarkFrom)
	known := y.attempt.Baseline
	expression, err := expressionOf(p, r)
	if err != nil {
		return none, err
	}
	before, stale, err := readBaseline(ctx, y.reader, y.topics, y.attempt.Import, known)
	if err != nil {
		return none, err
	}
	unknown := ""
	switch {
	case run.Reconcile.BaselineOnly:
		unknown = "only a baseline was asked for"
	case known == nil:
		unknown = "there was no baseline: what had come before this one is not known"
	case before == nil:
		unknown = "the baseline is gone from Kafka: what has come since is not known"
	case known.Expression != expression:
		unknown = "the baseline is of another query, cursor or mapping: what has come since is not known"
	case known.Below > below:
		unknown = "the baseline reaches beyond the watermark: what has come since is not known"
	}
	earlier := ""
	if unknown == "" {
		earlier = known.Below
	}
	old, all, err := y.sum(ctx, src, p, r, earlier, below)
	if err != nil {
		return none, err
	}
	taken := schemas.BaselineRef{Number: run.Number, Attempt: run.Attempt, Expression: expression, Below: below, Clock: started.Clock}
	found := schemas.Reconciled{Unknown: unknown}
	var came map[int64]int64
	var days []statement.Span
	if unknown == "" {
		found.Since, found.Below = known.Clock, known.Below
		if came, days, err = y.compare(r.Cursor, old, before, &found); err != nil {
			return none, err
		}
	}
	records, parts, err := baselineRecords(y.topics, y.attempt.Import, taken, all, stale)
	if err != nil {
		return none, err
	}
	found.Baseline = taken
	found.Baseline.Parts = parts
	failpoint.Hit("extractor.before-baseline")
	if err := y.journal.Baseline(ctx, records); err != nil {
		return none, err
	}
	started.Reconciled = &found
	y.log.InfoContext(ctx, "compared with the baseline", slog.Bool("known", unknown == ""), slog.Bool("exact", found.Exact), slog.Int64("came", found.Came), slog.Int64("left", found.Left))
	return p.Came(r, came, days)
}

// compare says what differs from the baseline, and what is to be read: by hashes, or if
// there are too many differences, whole days.
func (y *reconcile) compare(c *statement.Cursor, now, before sums.Sums, found *schemas.Reconciled) (map[int64]int64, []statement.Span, error) {
	difference := now.Minus(before)
	byDay := map[int64]sums.Sum{}
	for k, sum := range difference {
		if k.Way == sums.ByDay {
			byDay[k.Key] = sum
		}
	}
	came, left, told := sums.Told(difference)
	if told && len(came) <= mostRead {
		found.Exact, found.Came, found.Left = true, came.Len(), left.Len()
		if found.Came == 0 {
			came = nil
		}
	} else {
		if !y.attempt.Profiles() {
			return nil, nil, failure.Permanent(failure.CodeReconcileTooMany, "more rows differ from the baseline than can be told apart, and the events of whole days would be stored a second time; tapline backfill reads a span again, and tapline reconcile --baseline begins anew")
		}
		came = nil
	}
	var days []statement.Span
	for _, begin := range daysOf(byDay) {
		was, is := before[sums.Key{Way: sums.ByDay, Key: begin}].Rows, now[sums.Key{Way: sums.ByDay, Key: begin}].Rows
		span := c.DayOf(begin)
		// A day that has lost rows is read only if its new ones are told apart.
		read := found.Exact && found.Came > 0 || !found.Exact && is >= was && is > 0
		if !found.Exact {
			found.Came += max(0, is-was)
			found.Left += max(0, was-is)
		}
		if read {
			days = append(days, span)
		}
		if len(found.Days) == schemas.MaxReconciledDays {
			found.MoreDays++
			continue
		}
		found.Days = append(found.Days, schemas.ReconciledDay{Day: span.From[:len("2006-01-02")], Before: was, Now: is, Read: read})
	}
	return came, statement.Joined(days), nil
}

func daysOf(byDay map[int64]sums.Sum) []int64 {
	out := make([]int64, 0, len(byDay))
	for begin := range byDay {
		out = append(out, begin)
	}
	slices.Sort(out)
	return out
}

// expressionOf covers what is counted and hashed, whatever the instants.
func expressionOf(p *plan.Plan, r *plan.Reader) (string, error) {
	stmt, err := p.Sums(r, masks(), sums.SquareMask, "", "")
	if err != nil {
		return "", err
	}
	var types []string
	for _, c := range r.Columns {
		types = append(types, c.Name+" "+c.Type)
	}
	sum := sha256.Sum256([]byte(stmt.SQL + "\x00" + strings.Join(types, ",")))
	return hex.EncodeToString(sum[:16]), nil
}

func masks() []int64 { return sums.Masks[sums.ByLow:] }
