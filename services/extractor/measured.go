package extractor

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	catalogue "tapline.dev/schemas/metrics"
	"tapline.dev/services/extractor/internal/snowflake"
	"tapline.dev/services/extractor/internal/statement"
)

// What goes on at Snowflake.
const (
	phaseSignIn   = "signin"
	phaseExecute  = "execute"
	phaseDownload = "download"
)

// snowflakeMetrics say what the connections to Snowflake do now: a statement that takes
// hours is seen while it takes them. Safe for concurrent use.
type snowflakeMetrics struct {
	signIn, queue, execution metric.Float64Histogram

	mu       sync.Mutex
	next     int
	under    map[int]underway
	sessions map[int]underway
	refused  map[string]bool // by connection
	skew     time.Duration
	skewed   bool // skew is known
}

// underway is something that has begun and not ended.
type underway struct {
	connection, phase string
	since             time.Time
}

func newSnowflakeMetrics(in *telemetry.Instruments) *snowflakeMetrics {
	m := &snowflakeMetrics{
		signIn: in.Histogram(catalogue.SnowflakeSignIn), queue: in.Histogram(catalogue.SnowflakeQueue), execution: in.Histogram(catalogue.SnowflakeExecution),
		under: map[int]underway{}, sessions: map[int]underway{}, refused: map[string]bool{},
	}
	in.Observe(func(o telemetry.Observer) { m.observe(o, time.Now()) },
		catalogue.SnowflakeStatements, catalogue.SnowflakeStatementAge, catalogue.SnowflakeSessionAge, catalogue.SnowflakeRefused, catalogue.ClockSkew)
	return m
}

// begin notes that something is under way until the returned function is called.
func (m *snowflakeMetrics) begin(connection, phase string) (end func()) {
	return m.add(m.under, underway{connection, phase, time.Now()})
}

func (m *snowflakeMetrics) add(to map[int]underway, u underway) (end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	id := m.next
	to[id] = u
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(to, id)
	}
}

// answered notes whether Snowflake takes the connection's credentials.
func (m *snowflakeMetrics) answered(connection string, err error) {
	var refused *snowflake.Error
	auth := errors.As(err, &refused) && refused.Code == snowflake.CodeAuth
	if err != nil && !auth {
		return // it says nothing of the credentials
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused[connection] = auth
}

func (m *snowflakeMetrics) observe(o telemetry.Observer, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type key struct{ connection, phase string }
	count, oldest := map[key]int{}, map[key]time.Duration{}
	for connection := range m.refused {
		for _, phase := range []string{phaseSignIn, phaseExecute, phaseDownload} {
			count[key{connection, phase}] = 0
		}
		o.Set(catalogue.SnowflakeRefused, oneIf(m.refused[connection]), attribute.String("connection", connection))
	}
	for _, u := range m.under {
		k := key{u.connection, u.phase}
		count[k]++
		oldest[k] = max(oldest[k], now.Sub(u.since))
	}
	for k, n := range count {
		labels := []attribute.KeyValue{attribute.String("connection", k.connection), attribute.String("phase", k.phase)}
		o.Set(catalogue.SnowflakeStatements, float64(n), labels...)
		o.Set(catalogue.SnowflakeStatementAge, oldest[k].Seconds(), labels...)
	}
	ages := map[string]time.Duration{}
	for _, s := range m.sessions {
		ages[s.connection] = max(ages[s.connection], now.Sub(s.since))
	}
	for connection, age := range ages {
		o.Set(catalogue.SnowflakeSessionAge, age.Seconds(), attribute.String("connection", connection))
	}
	if m.skewed {
		o.Set(catalogue.ClockSkew, m.skew.Seconds(), attribute.String("server", "snowflake"))
	}
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}

// measuredSource is a session whose work is measured and has spans.
type measuredSource struct {
	source
	connection string
	importName string
	run        string
	metrics    *snowflakeMetrics
	statements *telemetry.Parts
	closed     func()
}

// signIn opens a session under a span.
func (s *sessions) signIn(ctx context.Context, conn schemas.SnowflakeConnectionSpec, tag snowflake.Tag) (source, error) {
	connection := s.attempt.Run.Spec.Source.ConnectionRef
	ctx, span := s.span(ctx, "sign in to snowflake", connection)
	end, began := s.metrics.begin(connection, phaseSignIn), time.Now()
	src, err := s.open(ctx, conn, tag)
	end()
	s.metrics.answered(connection, err)
	s.metrics.signIn.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(attribute.String("connection", connection), outcomeOf(err)))
	endSpan(span, err)
	if err != nil {
		return nil, err
	}
	return &measuredSource{
		source: src, connection: connection, importName: s.attempt.Import, run: s.attempt.Run.Run, metrics: s.metrics, statements: s.statements,
		closed: s.metrics.add(s.metrics.sessions, underway{connection: connection, since: time.Now()}),
	}, nil
}

func (s *sessions) span(ctx context.Context, name, connection string) (context.Context, trace.Span) {
	return tracerOf(ctx).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "snowflake"), attribute.String("tapline.connection", connection),
		attribute.String("tapline.import", s.attempt.Import), attribute.String("tapline.run", s.attempt.Run.Run)))
}

// tracerOf is the tracer of the attempt's own span.
func tracerOf(ctx context.Context) trace.Tracer {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(name)
}

// endSpan ends a span with an error's code.
func endSpan(span trace.Span, err error) {
	if err != nil {
		span.SetAttributes(attribute.String("error.type", errorType(err)))
		span.SetStatus(codes.Error, errorType(err))
	}
	span.End()
}

func errorType(err error) string {
	var refused *snowflake.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return "interrupted"
}

func outcomeOf(err error) attribute.KeyValue {
	if err != nil {
		return attribute.String("outcome", "error")
	}
	return attribute.String("outcome", "ok")
}

// Clock is Snowflake's time; how far it is ahead of this process's is exported.
func (s *measuredSource) Clock(ctx context.Context) (time.Time, error) {
	began := time.Now()
	at, err := s.source.Clock(ctx)
	if err == nil {
		s.metrics.mu.Lock()
		s.metrics.skew, s.metrics.skewed = at.Sub(began.Add(time.Since(began)/2)), true
		s.metrics.mu.Unlock()
	}
	return at, err
}

// Query runs a statement under a span that ends once the result is complete. Below it lie
// the spans of its queueing and its execution, as Snowflake tells them.
func (s *measuredSource) Query(ctx context.Context, stmt statement.Statement, onID func(queryID string)) (result, error) {
	return s.execute(ctx, "execute", func(ctx context.Context, span trace.Span) (result, error) {
		return s.source.Query(ctx, stmt, func(id string) {
			span.SetAttributes(attribute.String("snowflake.query_id", id))
			if onID != nil {
				onID(id)
			}
		})
	})
}

// Attach takes up the result of an earlier session under a span.
func (s *measuredSource) Attach(ctx context.Context, queryID string) (result, error) {
	return s.execute(ctx, "attach", func(ctx context.Context, span trace.Span) (result, error) {
		span.SetAttributes(attribute.String("snowflake.query_id", queryID))
		return s.source.Attach(ctx, queryID)
	})
}

func (s *measuredSource) execute(ctx context.Context, operation string, do func(ctx context.Context, span trace.Span) (result, error)) (result, error) {
	inner, span := s.statements.Start(ctx, s.run, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "snowflake"), attribute.String("db.operation.name", operation), attribute.String("tapline.connection", s.connection),
		attribute.String("tapline.import", s.importName), attribute.String("tapline.run", s.run)))
	if !span.KeepSome() { // a replay of profiles has a statement for each batch of people
		inner = trace.ContextWithSpan(ctx, nil)
	}
	end, began := s.metrics.begin(s.connection, phaseExecute), time.Now()
	res, err := do(inner, span) // which names the query: the span of one that fails is kept in every case
	end()
	of := attribute.String("connection", s.connection)
	s.metrics.execution.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(of, outcomeOf(err)))
	if err != nil {
		span.Fail(errorType(err))
	} else {
		span.SetAttributes(attribute.Int64("snowflake.rows", res.Total()), attribute.Int("snowflake.chunks", res.Chunks()))
	}
	span.End()
	return res, err
}

// TakeUse is also where Snowflake says for how long a statement was queued.
func (s *measuredSource) TakeUse() schemas.SnowflakeUse {
	use := s.source.TakeUse()
	if use.QueueSeconds > 0 || use.ExecutionSeconds > 0 {
		s.metrics.queue.Record(context.Background(), use.QueueSeconds, metric.WithAttributes(attribute.String("connection", s.connection)))
	}
	return use
}

// Close ends the session.
func (s *measuredSource) Close() {
	s.closed()
	s.source.Close()
}
