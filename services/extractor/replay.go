package extractor

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"tapline.dev/domain/oddity"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/replays"
)

// replay sends what earlier runs have rejected, in a run of its own. The row of an event
// comes from Kafka: the reject has it, or the rows topic. A profile is read again from
// Snowflake by its identity.
//
// Which rejects a chunk takes is in the transaction of its rows, and no other run of the
// import is active meanwhile. So no reject is taken twice, and what an interrupted attempt
// has not taken is left for whoever goes on.
type replay struct {
	resources  *resources
	sessions   sessions
	chunks     chunk.Config
	suppressed *suppression.Checker
	reader     *kafka.Reader
	journal    *journal.Journal
	attempt    attempt.Attempt
	topics     schemas.Topics
	metrics    metrics
	spans      *telemetry.Parts
	log        *slog.Logger
	limit      int // of rejects
}

func (y *replay) stopped(ctx context.Context) error { return context.Cause(ctx) }

func (y *replay) read(ctx context.Context) error {
	if y.attempt.Run.Replay == nil {
		return failure.Permanent(failure.CodeNothingToReplay, "the run does not say which rejects it would send")
	}
	found, err := replays.Choose(ctx, y.reader, replays.Question{
		Import: y.attempt.Import, Topics: y.topics, Profiles: y.attempt.Profiles(), Run: y.attempt.Run,
		Unfinished: y.attempt.Replays, Dismissed: y.attempt.Dismissed, Limit: y.limit, Slack: journal.ClockSlack,
	})
	if err != nil {
		return err
	}
	switch how := y.attempt.Run.Replay.How; {
	case y.attempt.Profiles() && how != schemas.ReplayDeclined:
		return y.readProfiles(ctx, found)
	default:
		return y.readEvents(ctx, found)
	}
}

// nothingToReplay is the error of a replay that has nothing to take.
func nothingToReplay(found replays.Found) error {
	if len(found.Refused) == 0 {
		return failure.Permanent(failure.CodeNothingToReplay, "no reject matches")
	}
	var why []string
	for _, code := range slices.Sorted(maps.Keys(found.Refused)) {
		why = append(why, fmt.Sprintf("%d: %s", found.Refused[code], code))
	}
	return failure.Permanent(failure.CodeNothingToReplay, "none of the selected rejects can be replayed (%s)", strings.Join(why, ", "))
}

// batch is what one transaction takes.
type batch struct {
	chosen  []replays.Chosen
	rejects []schemas.Reject
	rows    []*kafka.Record // of FromRows, beside their reject
	ranges  []schemas.RejectRange
}

// counts are the journal's, with the batch.
func (y *replay) counts(found replays.Found, b *batch) schemas.Extraction {
	e := y.journal.Counts()
	e.ByPartition, e.Skipped = slices.Clone(e.ByPartition), maps.Clone(e.Skipped)
	e.LookedBack, e.SentAgain = true, max(e.SentAgain, found.SentAgain)
	e.Taken += int64(len(b.chosen))
	if e.Chunks == 0 {
		e.Refused = found.Refused
	}
	e.Chunks++
	return e
}

func skip(e *schemas.Extraction, reason string, n int64) {
	if n == 0 {
		return
	}
	if e.Skipped == nil {
		e.Skipped = map[string]int64{}
	}
	e.Skipped[reason] += n
}

// commit makes a batch visible: its rows, their count and the rejects that it takes.
//
// Invariant 3: a reject is taken in the transaction of its row, so that it has one outcome
// and no other replay takes it.
func (y *replay) commit(ctx context.Context, rows []*kafka.Record, e schemas.Extraction, found replays.Found, b *batch) error {
	before := y.journal.Counts()
	failpoint.Hit("extractor.before-taken")
	if err := y.journal.Take(ctx, rows, e, schemas.Taken{Topic: found.Topic, Refs: b.ranges}); err != nil {
		return err
	}
	y.metrics.chunk(ctx, y.attempt.Import, before, e)
	return nil
}

// eachBatch calls fn for the chosen rejects in their order, in batches. A batch ends once
// full returns true.
func (y *replay) eachBatch(ctx context.Context, found replays.Found, chosen []replays.Chosen, full func(*batch) bool, fn func(*batch) error) error {
	if len(chosen) == 0 {
		return nil
	}
	b, left, adjacent := &batch{}, chosen, false
	flush := func() error {
		done := b
		b, adjacent = &batch{}, false
		return fn(done)
	}
	tp := kafka.TP{Topic: y.topics.Rejects(), Partition: found.Partition}
	_, err := y.reader.ReadTo(ctx, tp, chosen[0].Offset, func(rec *kafka.Record) error {
		switch {
		case len(left) == 0:
			return errLastRow
		case string(rec.Key) != y.attempt.Import:
			return nil
		case rec.Offset < left[0].Offset:
			adjacent = false // a reject that is not taken lies between
			return nil
		case rec.Offset > left[0].Offset:
			return failure.Transient(failure.CodeResultChanged, "a reject that was to be taken is gone from Kafka (the retention of the rejects topic)")
		}
		var r schemas.Reject
		if err := json.Unmarshal(rec.Value, &r); err != nil {
			return failure.Permanent(failure.CodeResultUnreadable, "a reject cannot be decoded")
		}
		b.add(left[0], r, rec, adjacent)
		left, adjacent = left[1:], true
		if !full(b) {
			return nil
		}
		return flush()
	})
	switch {
	case err != nil && !errors.Is(err, errLastRow):
		return fmt.Errorf("reading rejects: %w", err)
	case len(left) > 0:
		return failure.Transient(failure.CodeResultChanged, "rejects that were to be taken are gone from Kafka (the retention of the rejects topic)")
	case len(b.chosen) == 0:
		return nil
	}
	return flush()
}

// add takes a reject into the batch; adjacent says that no other reject of the import lies
// between it and the one before.
func (b *batch) add(chosen replays.Chosen, r schemas.Reject, rec *kafka.Record, adjacent bool) {
	b.chosen, b.rejects = append(b.chosen, chosen), append(b.rejects, r)
	if n := len(b.ranges); adjacent && n > 0 {
		b.ranges[n-1].To = rec.Offset
		return
	}
	b.ranges = append(b.ranges, schemas.RejectRange{Partition: rec.Partition, From: rec.Offset, To: rec.Offset})
}

func (b *batch) ref(i int) schemas.RejectRef {
	return schemas.RejectRef{Partition: b.ranges[0].Partition, Offset: b.chosen[i].Offset}
}

func replayHeader(ref schemas.RejectRef) kafka.Header {
	return kafka.Header{Key: schemas.HeaderReplayOf, Value: []byte(ref.String())}
}

// started is the report of the start.
func (y *replay) started(clock string, total int, columns []schemas.Column, hash [16]byte) schemas.Started {
	return schemas.Started{
		Clock: clock, Chunks: (total + syncChunk - 1) / syncChunk, Total: int64(total), Columns: columns, Mapping: hex.EncodeToString(hash[:]),
	}
}

// finish ends an attempt that has taken all that it chose. It reports the start again if
// the number of rows differs from the first report, because a person may have several
// rows in Snowflake, or none any more.
func (y *replay) finish(ctx context.Context) error {
	if s := y.journal.Started(); s.Total != y.journal.Counts().Read {
		again := *s
		again.Total = y.journal.Counts().Read
		if err := y.journal.Start(ctx, again, nil); err != nil {
			return err
		}
	}
	return y.journal.Final(ctx, nil, false)
}

// holdIfBeyondLimits holds a replay of more rejects than its definition lets a run read, or
// of columns that are gone. It comes before the first row, and not if nothing would be sent.
func (y *replay) holdIfBeyondLimits(ctx context.Context, rejects int, gone []schemas.HoldFigure) error {
	run := y.attempt.Run
	if mayGoOn(y.journal, run) || run.Replay.How == schemas.ReplayDeclined {
		return nil
	}
	figures := append(oddity.Size(int64(rejects), run.Mode, run.Spec.Limits.Hold, *run.Check), gone...)
	return hold(ctx, y.journal, run, int64(rejects), figures, y.log)
}

// newestFirst are the indexes of attempts, the newest first.
func newestFirst(attempts []replays.Attempt) []int {
	order := make([]int, len(attempts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := attempts[a], attempts[b]
		return -cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.Attempt, y.Attempt))
	})
	return order
}
