package mapper

import (
	"context"
	"slices"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// answerClocks tells what this process's clock says, to each question for it. The mapper
// that owns the partition of the dry runs' rows in which rows of the question's trial would
// be answers, so that each question has one mapper, and another one if that dies.
func (s *Service) answerClocks(ctx context.Context, owned func() []kafka.TP) {
	answered := map[string]bool{}
	// Not at each change of a state: there are many, and few questions.
	for backoff.Wait(ctx, clockLook) == nil {
		open := map[string]bool{}
		for _, run := range s.runs.Asked(schemas.ModeClocks) {
			mine := kafka.TP{Topic: s.topics.DryRunRows(), Partition: schemas.ControlPartition(run.Run)}
			open[run.Run] = answered[run.Run] || slices.Contains(owned(), mine) && s.answerClock(ctx, run) == nil
		}
		answered = open
	}
}

// clockLook is how often questions are looked for.
const clockLook = 250 * time.Millisecond

func (s *Service) answerClock(ctx context.Context, run schemas.ActiveRun) error {
	now := time.Now().UTC()
	record, err := control.Record(s.topics.Reports(), schemas.ImportOf(run.Run), schemas.ImportOf(run.Run), schemas.Report{
		Kind: schemas.ReportClocks, Import: schemas.ImportOf(run.Run), Run: run.Run, Number: run.Number, Attempt: run.Attempt, Time: now, TraceID: run.TraceID,
		Clocks: &schemas.Clocks{Scheduler: run.StartedAt, Mapper: now},
	}, schemas.EventReport(schemas.ReportClocks), "mapper")
	if err != nil {
		return err
	}
	return s.reports.Produce(ctx, record)
}
