package extractor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/snowflake"
)

// takeOver takes an attempt over and works on it until its end, or until the first
// error of Kafka. Nil means that the attempt is over; an error, that it has to be
// taken over again.
func (s *Service) takeOver(ctx context.Context, subject string, w *work) (err error) {
	// Fence first, then read, then act: nothing that an older owner had under way can
	// become visible after this, and the end offsets up to which the log is read are
	// asked for after it.
	tx, err := kafka.OpenTransactor(ctx, s.cfg.Kafka, s.deps.Kafka, "extract-"+subject)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	defer tx.Close()
	state, err := s.states.read(ctx, subject)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	if err := s.suppressed.ReadToEnd(ctx); err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	if !attempt.Names(state, w.id) {
		return nil // Invariant 7: only the attempt that the state names is worked on
	}
	a := attempt.Of(subject, state)
	log := s.deps.Telemetry.Logger.With(slog.String("import", a.Import), slog.Int("attempt", w.id.Attempt))
	j, err := journal.Open(ctx, journal.Deps{
		Kafka: s.cfg.Kafka, Topics: s.topics, Reader: s.reader, Producer: s.producer, Log: log, Transacted: s.metrics.transaction,
	}, a, tx)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	if j.Over() || j.Held() {
		return nil // until the state names an approval, which makes another id
	}
	if a.Run.Ending != nil {
		w.end()
	}
	if a, err = s.comparePlace(ctx, a, j); err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	t := &task{cfg: s.cfg, attempt: a, journal: j, metrics: s.metrics, log: log}
	lost, err := s.reportsLost(ctx, a)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	if lost != nil && a.Run.Ending == nil {
		_, err = t.finish(ctx, lost, false)
		return err
	}
	if t.mode, err = s.modeOf(a, j, log); err != nil {
		return err
	}
	return t.run(ctx, s.tracer, w.ending)
}

// reportsLost returns why an attempt cannot go on: what an earlier owner said of it was
// deleted with the reports topic.
//
// Invariant 3: its chunks would be read again, and outcomes of the first copies of their
// rows would count for the second ones. The run could close before these are sent.
func (s *Service) reportsLost(ctx context.Context, a attempt.Attempt) (lost, err error) {
	if a.Trial() {
		return nil, nil
	}
	topic, err := s.reader.TopicID(ctx, s.topics.Reports())
	if err == nil && a.Run.ReportsLost(topic) {
		lost = failure.Permanent(failure.CodeTopicRecreated, "the reports topic was deleted and created again during the run, so that it is not known what was extracted; the next run reads from the unchanged watermark")
	}
	return lost, err
}

// task is an attempt that this process has taken over.
type task struct {
	cfg     Config
	attempt attempt.Attempt
	journal *journal.Journal
	mode    mode
	metrics metrics
	log     *slog.Logger
}

// run works on the attempt under its span, with heartbeats, until it is over or
// ending is closed.
func (t *task) run(ctx context.Context, tracer trace.Tracer, ending <-chan struct{}) error {
	ctx, span := tracer.Start(telemetry.ContextWith(ctx, t.attempt.Run.Traceparent), "extract", trace.WithAttributes(
		attribute.String("tapline.import", t.attempt.Import), attribute.String("tapline.run", t.attempt.Run.Run),
		attribute.Int("tapline.attempt", t.attempt.Run.Attempt)))
	defer span.End()
	if t.journal.Started() != nil {
		t.log.InfoContext(ctx, "the attempt goes on", slog.Int("chunks", t.journal.Counts().Chunks))
	} else {
		t.log.InfoContext(ctx, "the attempt begins", slog.String("mode", t.attempt.Run.Mode))
	}
	if !t.attempt.Trial() {
		t.metrics.bear(ctx, t.attempt.Import)
	}
	stopBeating := t.startBeating(ctx)
	defer stopBeating()

	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	select {
	case <-ending:
		stop(errEnding) // before anything is asked of Snowflake
	default:
	}
	go func() {
		select {
		case <-ending:
			stop(errEnding)
		case <-reading.Done():
		}
	}()
	outcome, err := t.finish(ctx, t.readAll(reading), errors.Is(context.Cause(reading), errEnding))
	if err != nil {
		span.SetStatus(codes.Error, "interrupted")
		return err
	}
	span.SetAttributes(attribute.String("tapline.outcome", outcome), attribute.Int64("tapline.rows.read", t.journal.Counts().Read))
	if !t.attempt.Trial() {
		t.metrics.attempt(ctx, t.attempt.Import, outcome)
	}
	return nil
}

// finish turns the end of the reading into the attempt's last report. Errors of
// Kafka, and the end of ownership, leave the attempt open.
func (t *task) finish(ctx context.Context, err error, ending bool) (outcome string, _ error) {
	var failed *failure.Error
	var refused *snowflake.Error
	switch {
	case err == nil:
		return "final", nil
	case errors.Is(err, errHeld):
		return "held", nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, errEnding) || ending && !journal.Failed(err):
		t.log.InfoContext(ctx, "the attempt ends early, as asked")
		return "early", t.journal.Final(ctx, nil, true)
	case errors.As(err, &failed):
	case errors.As(err, &refused):
		failed = &failure.Error{Code: refused.Code, Reason: refused.Reason, Permanent: refused.Permanent}
	default:
		return "", err
	}
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.String("error.type", failed.Code))
	span.SetStatus(codes.Error, failed.Code)
	t.log.WarnContext(ctx, "the attempt is abandoned", slog.String("code", failed.Code), slog.Bool("permanent", failed.Permanent))
	return "abandoned", t.journal.Abandon(ctx, failed)
}
