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
// be ends the question with its answer, or another one if that dies. Mappers that own no
// such partition, because there are more of them than partitions, answer beside it.
func (s *Service) answerClocks(ctx context.Context, owned func() []kafka.TP) {
	answers := clockAnswers{}
	// Not at each change of a state: there are many, and few questions.
	for backoff.Wait(ctx, clockLook) == nil {
		open := clockAnswers{}
		for _, run := range s.runs.Asked(schemas.ModeClocks) {
			mine := owned()
			asked := kafka.TP{Topic: s.topics.DryRunRows(), Partition: schemas.ControlPartition(run.Run)}
			ownsAny := slices.ContainsFunc(mine, func(tp kafka.TP) bool { return tp.Topic == asked.Topic })
			a := answers[run.Run]
			if beside, due := a.look(slices.Contains(mine, asked), ownsAny); due {
				a.given(beside, s.answerClock(ctx, run, beside) == nil)
			}
			open[run.Run] = a
		}
		answers = open
	}
}

// clockLook is how often questions are looked for. The owner's answer ends a question, so it
// waits for clockPatience looks: until then every other mapper has had its own.
const (
	clockLook     = 250 * time.Millisecond
	clockPatience = 3
)

// clockAnswers are what was answered to open questions.
type clockAnswers map[string]clockAnswer

type clockAnswer struct {
	looks         int
	ended, beside bool
}

// look tells whether an answer is due now, and whether it is one beside the owner's.
func (a *clockAnswer) look(owns, ownsAny bool) (beside, due bool) {
	a.looks++
	if owns {
		return false, !a.ended && a.looks >= clockPatience
	}
	return true, !ownsAny && !a.beside && !a.ended
}

func (a *clockAnswer) given(beside, written bool) {
	if beside {
		a.beside = written
		return
	}
	a.ended = written
}

func (s *Service) answerClock(ctx context.Context, run schemas.ActiveRun, beside bool) error {
	now := time.Now().UTC()
	record, err := control.Record(s.topics.Reports(), schemas.ImportOf(run.Run), schemas.ImportOf(run.Run), schemas.Report{
		Kind: schemas.ReportClocks, Import: schemas.ImportOf(run.Run), Run: run.Run, Number: run.Number, Attempt: run.Attempt, Time: now, TraceID: run.TraceID,
		Clocks: &schemas.Clocks{Scheduler: run.StartedAt, Mapper: now, Beside: beside},
	}, schemas.EventReport(schemas.ReportClocks), "mapper")
	if err != nil {
		return err
	}
	return s.reports.Produce(ctx, record)
}
