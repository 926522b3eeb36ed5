package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// question is what Import Center asks an extractor or a loader: to describe a query
// and read its first rows, to list what a connection sees, or to test a connection or
// an account; or a scheduler and a mapper, for their time.
type question struct {
	importName string
	spec       schemas.ImportSpec
	connection *schemas.SnowflakeConnectionSpec // nil: the applied one
	rows       int
	tables     *schemas.TablesQuery
	people     string // the list of the person whose rows are read
	kind       string // of the command
}

// reply is the answer to a question. None of preview, tested, account, tables, clocks and
// refusal is set if no answer came in time.
type reply struct {
	run     string
	from    int64 // the offset in the trials' rows topic from which its rows are found
	preview *schemas.Preview
	tested  *schemas.ConnectionTest
	account *schemas.AccountTest
	tables  *schemas.TableList
	clocks  *schemas.Clocks
	beside  []toldTime // of mappers that own nothing in which they would be asked
	refusal *schemas.Abandoned
	// said is when the answer was given, by the clock of whoever gave it; asked and
	// answered are by Import Center's.
	said, asked, answered time.Time
}

// toldTime is what a clock said, and when Import Center learned it.
type toldTime struct{ said, learned time.Time }

// cancelTimeout bounds how long cancelling questions takes.
const cancelTimeout = 5 * time.Second

// errAnswered ends the reading of reports.
var errAnswered = errors.New("everything is answered")

// ask puts questions, each as a trial, and waits for the answers in the reports, at
// most for the given time without any. Only the extractor holds Snowflake's
// credentials, and only the loader CleverTap's.
func (h *handlers) ask(ctx context.Context, actor string, questions []question, wait time.Duration) ([]reply, *Problem) {
	leave, ok := h.Questions.Take(access.CallerOf(ctx).Name)
	if !ok {
		return nil, problem(http.StatusTooManyRequests, codeTooMany,
			"too many previews, tests of connections and checks of this caller are under way; wait until one has its answer, or end one")
	}
	defer leave()
	replies, err := h.replies(ctx, actor, questions, wait)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	return replies, nil
}

func (h *handlers) replies(ctx context.Context, actor string, questions []question, wait time.Duration) ([]reply, error) {
	replies, asked := make([]reply, len(questions)), h.Now()
	open := map[string]int{}
	from, rowsFrom := map[kafka.TP]int64{}, map[int32]int64{}
	for i, q := range questions {
		run := schemas.NewPreviewID(q.importName)
		p := schemas.ControlPartition(run)
		reports := kafka.TP{Topic: h.Topics.Reports(), Partition: p}
		if _, listed := from[reports]; !listed { // once for all questions of an apply
			// The topic's end is noted before the question is asked: the answer comes
			// after it.
			var err error
			if from[reports], err = h.Partitions.EndOffset(ctx, reports); err != nil {
				return nil, err
			}
			if rowsFrom[p], err = h.Partitions.EndOffset(ctx, kafka.TP{Topic: h.Topics.DryRunRows(), Partition: p}); err != nil {
				return nil, err
			}
		}
		replies[i], open[run] = reply{run: run, from: rowsFrom[p], asked: asked}, i
	}
	if err := h.writeQuestions(ctx, actor, questions, replies); err != nil {
		return nil, err
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	timer := time.AfterFunc(wait, stop)
	defer timer.Stop()
	err := h.Follow(waiting, from, func(r *kafka.Record) error {
		i, ok := note(r, open, replies, h.Now())
		if !ok {
			return nil
		}
		replies[i].answered = h.Now()
		delete(open, replies[i].run)
		timer.Reset(wait)
		if len(open) == 0 {
			return errAnswered
		}
		return nil
	})
	if err != nil && !errors.Is(err, errAnswered) && waiting.Err() == nil {
		return nil, err
	}
	if len(open) > 0 {
		h.cancelOpen(ctx, actor, open)
	}
	return replies, ctx.Err()
}

// writeQuestions writes the commands that ask the questions.
func (h *handlers) writeQuestions(ctx context.Context, actor string, questions []question, replies []reply) error {
	return h.Transactions.Write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		var records []*kafka.Record
		for i, q := range questions {
			rec, err := h.questionRecord(ctx, schemas.Command{
				Import: q.importName, Kind: q.kind, Run: replies[i].run, Rows: q.rows,
				Spec: &questions[i].spec, Connection: q.connection, Tables: q.tables, People: q.people, Actor: actor,
			})
			if err != nil {
				return nil, err
			}
			records = append(records, rec)
		}
		return records, nil
	})
}

// questionRecord makes a command's record without an audit entry, because a
// question changes nothing of the import.
func (h *handlers) questionRecord(ctx context.Context, cmd schemas.Command) (*kafka.Record, error) {
	cmd.ID, cmd.Time, cmd.Traceparent = uuid.NewString(), h.Now(), telemetry.Traceparent(ctx)
	return control.Record(h.Topics.Commands(), cmd.Import, cmd.Import, cmd, schemas.EventCommand, source)
}

// note stores a report that answers an open question in replies, and returns that
// question's index.
func note(r *kafka.Record, open map[string]int, replies []reply, now time.Time) (int, bool) {
	var report schemas.Report
	if json.Unmarshal(r.Value, &report) != nil {
		return 0, false
	}
	i, ok := open[report.Run]
	if !ok || (report.Preview == nil && report.Connection == nil && report.Account == nil && report.Tables == nil && report.Clocks == nil && report.Abandoned == nil) {
		return 0, false
	}
	if report.Clocks != nil && report.Clocks.Beside {
		replies[i].beside = append(replies[i].beside, toldTime{report.Clocks.Mapper, now})
		return 0, false
	}
	replies[i].preview, replies[i].tested, replies[i].account = report.Preview, report.Connection, report.Account
	replies[i].tables, replies[i].clocks, replies[i].refusal, replies[i].said = report.Tables, report.Clocks, report.Abandoned, report.Time
	return i, true
}

// cancelOpen cancels questions whose answer nobody waits for any more, so that
// Snowflake does not run their statements for nothing.
func (h *handlers) cancelOpen(ctx context.Context, actor string, open map[string]int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	err := h.Transactions.Write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		var records []*kafka.Record
		for run := range open {
			rec, err := h.questionRecord(ctx, schemas.Command{
				Import: schemas.ImportOf(run), Kind: schemas.CommandCancel, Run: run, Actor: actor,
			})
			if err != nil {
				return nil, err
			}
			records = append(records, rec)
		}
		return records, nil
	})
	if err != nil {
		h.Log.WarnContext(ctx, "a preview whose caller has disconnected could not be cancelled", slog.Any("error", err))
	}
}

// previewRows reads the rows of a preview.
func (h *handlers) previewRows(ctx context.Context, r reply) ([]json.RawMessage, error) {
	rows := []json.RawMessage{}
	tp := kafka.TP{Topic: h.Topics.DryRunRows(), Partition: schemas.ControlPartition(r.run)}
	_, err := h.Partitions.ReadTo(ctx, tp, r.from, func(rec *kafka.Record) error {
		if string(rec.Key) == r.run {
			rows = append(rows, rec.Value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the rows of a preview: %w", err)
	}
	return rows, nil
}
