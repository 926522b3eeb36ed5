package extractor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
)

// term is the time from one takeover of an attempt to its end, or to the first
// error of Kafka.
type term struct {
	*Service
	subject    string // the import, or the trial
	importName string
	active     *schemas.ActiveRun
	ledgerRef  *schemas.LedgerRef // of the run before
	frame      string             // of the watermark; "" if that is not known
	work       *work
	tx         *kafka.Transactor
	history    *history
	log        *slog.Logger
	// reading ends with ctx, and when the run is to end early.
	reading context.Context
}

// term takes an attempt over and works on it. Nil means that it is over; an
// error, that it has to be taken over again.
func (s *Service) term(ctx context.Context, subject string, w *work) (err error) {
	importName := schemas.ImportOf(subject)
	// Fence first, then read, then act: nothing that an older owner had under way
	// can become visible after this, and the marks up to which the log is read
	// are taken after it.
	tx, err := kafka.OpenTransactor(ctx, s.cfg.Kafka, s.deps.Kafka, "extract-"+subject)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	defer tx.Close()
	state, err := s.states.read(ctx, subject)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	if state == nil || !names(state, w.id) {
		return nil // Invariant 7: only the attempt that the state names is worked on
	}
	h, err := s.readHistory(ctx, importName, state.Active)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	if h.over {
		return nil
	}
	t := &term{
		Service: s, subject: subject, importName: importName, active: state.Active, work: w, tx: tx, history: h,
		log: s.deps.Telemetry.Logger.With(slog.String("import", importName), slog.Int("attempt", w.id.attempt)),
	}
	if t.remembers() && t.active.Epoch == state.Epoch {
		t.ledgerRef, t.frame = state.Ledger, state.Frame
	}
	if state.Active.Ending != nil {
		w.end()
	}
	return t.run(ctx)
}

// run works on the attempt under its span, with heartbeats.
func (t *term) run(ctx context.Context) error {
	ctx, span := t.tracer.Start(telemetry.ContextWith(ctx, t.active.Traceparent), "extract", trace.WithAttributes(
		attribute.String("tapline.import", t.importName), attribute.String("tapline.run", t.active.Run),
		attribute.Int("tapline.attempt", t.active.Attempt)))
	defer span.End()
	if h := t.history; h.started != nil {
		t.log.InfoContext(ctx, "the attempt goes on", slog.Int("chunks", h.extraction.Chunks))
	} else {
		t.log.InfoContext(ctx, "the attempt begins", slog.String("mode", t.active.Mode))
	}
	beating, stopBeating := context.WithCancel(ctx)
	beaten := make(chan struct{})
	go func() {
		defer close(beaten)
		t.beat(beating)
	}()
	defer func() {
		stopBeating()
		<-beaten
	}()

	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	select {
	case <-t.work.ending:
		stop(errEnding) // before anything is asked of Snowflake
	default:
	}
	go func() {
		select {
		case <-t.work.ending:
			stop(errEnding)
		case <-reading.Done():
		}
	}()
	t.reading = reading
	outcome, err := t.finish(ctx, t.extract())
	if err != nil {
		span.SetStatus(codes.Error, "interrupted")
		return err
	}
	span.SetAttributes(attribute.String("tapline.outcome", outcome), attribute.Int64("tapline.rows.read", t.history.extraction.Read))
	t.metrics.attempt(ctx, t.importName, outcome)
	return nil
}

// finish turns the end of the reading into the attempt's last report. Errors of
// Kafka, and the end of ownership, leave the attempt open.
func (t *term) finish(ctx context.Context, err error) (outcome string, _ error) {
	var failed *failure
	var refused *snowflake.Error
	switch {
	case err == nil:
		return "final", nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, errEnding) || errors.Is(context.Cause(t.reading), errEnding) && !isKafka(err):
		t.log.InfoContext(ctx, "the attempt ends early, as asked")
		return "early", t.final(ctx, nil, true)
	case errors.As(err, &failed):
	case errors.As(err, &refused):
		failed = &failure{code: refused.Code, reason: refused.Reason, permanent: refused.Permanent}
	default:
		return "", err
	}
	t.log.WarnContext(ctx, "the attempt is abandoned", slog.String("code", failed.code), slog.Bool("permanent", failed.permanent))
	return "abandoned", t.abandon(ctx, failed)
}

// kafkaError marks what goes wrong between this process and the log.
type kafkaError struct{ error }

func (e kafkaError) Unwrap() error { return e.error }

func isKafka(err error) bool {
	var k kafkaError
	return errors.As(err, &k)
}

// extract reads the result to its end. What passes (a network, a session that
// expired) is tried again inside the attempt, each time from the last committed
// chunk.
func (t *term) extract() error {
	tries := 0
	for {
		before := t.history.extraction.Chunks
		err := t.read()
		var refused *snowflake.Error
		if !errors.As(err, &refused) || refused.Permanent || !passing(refused.Code) || t.reading.Err() != nil {
			return err
		}
		if t.history.extraction.Chunks > before {
			tries = 0
		}
		if tries++; tries >= t.cfg.Tries {
			return err
		}
		t.metrics.retries.Add(t.reading, 1)
		t.log.WarnContext(t.reading, "asking Snowflake again", slog.String("code", refused.Code), slog.Int("number", refused.Number), slog.Int("try", tries))
		t.waiting(refused)
		if err := pause(t.reading, t.cfg.RetryDelay<<min(tries-1, 8)); err != nil {
			return t.stopped()
		}
	}
}

// waiting lets the run say why nothing is read. The next report of the
// extraction takes it back.
func (t *term) waiting(refused *snowflake.Error) {
	w := schemas.Waiting{
		Stage: schemas.StageExtract, Account: t.active.Spec.Source.ConnectionRef,
		Since: time.Now().UTC(), Reason: refused.Reason,
	}
	rec, err := t.report(t.reading, schemas.Report{Kind: schemas.ReportWaiting, Waiting: &w})
	if err == nil {
		err = t.producer.Produce(t.reading, rec)
	}
	if err != nil && t.reading.Err() == nil {
		t.log.WarnContext(t.reading, "that the run waits was not reported", slog.Any("error", err))
	}
}

// passing tells which errors can end well in a new session.
func passing(code string) bool { return code == snowflake.CodeUnreachable }

// read is one session.
func (t *term) read() error {
	if t.reading.Err() != nil {
		return t.stopped()
	}
	if t.active.Mode == schemas.ModeSync {
		return t.sync()
	}
	p, err := t.plan()
	if err != nil {
		return err
	}
	conn, err := t.resources.connection(t.reading, t.active)
	if err != nil {
		return err
	}
	tag := snowflake.Tag{Import: t.importName, Run: t.active.Run, TraceID: telemetry.TraceID(t.reading)}
	src, err := t.open(t.reading, conn, tag)
	if err != nil {
		return err
	}
	defer src.Close()
	defer func() {
		// Whichever statement it is: a description and a preview cost as well.
		if src.Stranded() {
			_ = t.cancelElsewhere("", src.ID())
		}
	}()
	defer func() {
		// The result is named in the log: it is the next owner's now.
		if t.history.started != nil {
			src.Leave()
		}
	}()
	var res result
	switch {
	case t.testsConnection():
		return t.testConnection(src)
	case t.active.Mode == schemas.ModePreview:
		return t.preview(src, p)
	case t.history.started == nil:
		res, err = t.begin(src, p)
	default:
		res, err = t.resume(src, p)
	}
	if err != nil {
		return err
	}
	trace.SpanFromContext(t.reading).SetAttributes(attribute.String("snowflake.query_id", res.QueryID()), attribute.Int64("snowflake.rows", res.Total()))
	return t.stream(res, p)
}

// beat reports every so often that the attempt is alive, outside transactions.
func (t *term) beat(ctx context.Context) {
	ticker := time.NewTicker(t.cfg.HeartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		written := make(chan error, 1)
		go func() {
			rec, err := t.report(ctx, schemas.Report{Kind: schemas.ReportHeartbeat})
			if err == nil {
				err = t.producer.Produce(ctx, rec)
			}
			written <- err
		}()
		select {
		case err := <-written:
			if err != nil && ctx.Err() == nil {
				t.log.WarnContext(ctx, "a heartbeat was not written", slog.Any("error", err))
			}
		case <-ctx.Done():
			// A record that may have reached a broker which is away now has no outcome
			// before that is back: an attempt that is given up must not wait for it.
			return
		}
	}
}
