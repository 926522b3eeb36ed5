package extractor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
)

// reportSource says what the connection of a starting run resolves to: the
// scheduler compares that with what the epoch was read from before it triggers
// anything. A connection that is not there ends the run.
func (s *Service) reportSource(ctx context.Context, subject string, run schemas.ActiveRun) {
	log := s.deps.Telemetry.Logger.With(slog.String("run", run.Run))
	report := schemas.Report{
		Import: schemas.ImportOf(subject), Run: run.Run, Number: run.Number, Attempt: run.Attempt, Time: time.Now().UTC(), TraceID: run.TraceID,
	}
	spec, err := s.resources.definition(ctx, run)
	var failed *failure.Error
	switch {
	case err == nil:
		report.Kind = schemas.ReportResolved
		report.Resolved = &schemas.Resolved{Stage: schemas.StageExtract, Place: s.resources.place(report.Import, spec)}
	case errors.As(err, &failed) && failed.Permanent:
		report.Kind = schemas.ReportAbandoned
		report.Abandoned = &schemas.Abandoned{Code: failed.Code, Reason: failed.Reason, Permanent: true}
	}
	if report.Kind != "" {
		var rec *kafka.Record
		if rec, err = control.Record(s.topics.Reports(), report.Import, report.Import, report, schemas.EventReport(report.Kind), "extractor"); err == nil {
			err = s.producer.Produce(ctx, rec)
		}
	}
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "could not report what the connection resolves to; it is tried again", slog.Any("error", err))
	}
}

// comparePlace reports the source of an attempt that is taken over, and abandons
// the attempt if the run is of another source. The returned attempt reads from
// this source and no other: its later sessions compare too.
func (s *Service) comparePlace(ctx context.Context, a attempt.Attempt, j *journal.Journal) (attempt.Attempt, error) {
	if a.Run.Place == nil || a.Run.Ending != nil || j.Complete() {
		return a, nil
	}
	spec, err := s.resources.definition(ctx, a.Run)
	if _, failed := errors.AsType[*failure.Error](err); failed {
		return a, nil // the attempt gets the same error when it signs in
	}
	if err != nil {
		return a, err
	}
	place := s.resources.place(a.Import, spec)
	if a.Run.Place.Source == place {
		return a, nil
	}
	report := schemas.Report{Kind: schemas.ReportResolved, Resolved: &schemas.Resolved{Stage: schemas.StageExtract, Place: place}}
	if err := j.Note(ctx, report); err != nil {
		return a, err
	}
	if a.Run.Place.Source == "" {
		known := *a.Run.Place
		known.Source = place
		a.Run.Place = &known
	}
	return a, nil
}

// place is the keyed hash of what a connection resolves to.
func (r *resources) place(importName string, spec schemas.SnowflakeConnectionSpec) string {
	return runs.SourcePlace(r.prefix, importName, spec)
}

// compare refuses a connection that resolves to another place than the run's:
// rows of two places would be taken for one.
func (r *resources) compare(run schemas.ActiveRun, spec schemas.SnowflakeConnectionSpec) error {
	if run.Place == nil || run.Place.Source == "" || run.Place.Source == r.place(schemas.ImportOf(run.Run), spec) {
		return nil
	}
	return failure.Permanent(failure.CodeSourceChanged,
		"the connection %s resolves to another account, role, database or schema than when the run began; the next run compares and reads everything if it has to", run.Spec.Source.ConnectionRef)
}
