// Package telemetry starts and flushes logs, traces and metrics of one service.
//
// Several services can live in one process, each with its own service.name, so
// nothing here touches the globals of OpenTelemetry: take the tracer, meter and
// logger from the Telemetry a service was given. Only this package imports the
// OpenTelemetry SDK and its exporters.
//
// Spans leave by OTLP when the standard OTEL_* variables ask for it; metrics are
// always served to Prometheus, and pushed by OTLP too when asked; log lines are always
// written, and sent by OTLP too when asked. No exporter
// can hold up the work: queues are bounded, and what does not fit is dropped.
//
// Names: a span is "<verb> <thing>" with few distinct values ("extract chunk",
// "map batch", "send upload"); what varies is an attribute. Instruments are made from
// the catalogue, schemas/metrics, by Instruments.
//
// Invariant 9: no identity, property value or secret may be put into a log, a
// metric or a span; callers pass codes, counts, names and coordinates.
package telemetry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"tapline.dev/libs/config"
	"tapline.dev/schemas/metrics"
)

// shutdownTimeout bounds the last flush, however dead the collector is.
const shutdownTimeout = 5 * time.Second

// Settings is what the process decides; the OTEL_* variables decide the rest.
type Settings struct {
	// Service becomes service.name, unless OTEL_SERVICE_NAME says otherwise.
	Service string
	Version string
	// Log receives the log lines; nil discards them.
	Log io.Writer
	// LogText writes lines for people instead of JSON.
	LogText  bool
	LogLevel slog.Level
	// Imports is how many imports have series of their own; 0 means DefaultImports.
	Imports int
	// Spans, when not nil, also keeps the latest spans in memory.
	Spans *Ring
	// LookupEnv finds OTEL_* variables; nil means the process environment. The
	// exporters themselves read endpoints and headers from the process.
	LookupEnv func(name string) (string, bool)

	instance string
}

// Telemetry is one service's logger, tracers and meters.
type Telemetry struct {
	// Logger writes JSON lines with the service, trace id and whatever WithAttrs
	// put into the context.
	Logger *slog.Logger
	// Level is what is logged; it may be changed while the service runs.
	Level *slog.LevelVar

	tracers  trace.TracerProvider
	meters   metric.MeterProvider
	metrics  http.Handler
	imports  *names
	shutdown []func(context.Context) error
}

// Start builds the providers. It dials nothing that could block.
func Start(ctx context.Context, s Settings) (*Telemetry, error) {
	if s.Log == nil {
		s.Log = io.Discard
	}
	if s.LookupEnv == nil {
		s.LookupEnv = config.LookupEnv
	}
	s.instance = rand.Text()
	env, err := readOtelEnv(s.LookupEnv)
	if err != nil {
		return nil, err
	}
	res, err := newResource(ctx, s)
	if err != nil {
		return nil, err
	}
	level := &slog.LevelVar{}
	level.Set(s.LogLevel)
	t := &Telemetry{Level: level, imports: newNames(s.Imports)}
	meters, handler, err := newMeters(ctx, env, res, t.imports.most)
	if err != nil {
		return nil, err
	}
	t.meters, t.metrics = meters, handler
	logs, err := newLogExport(ctx, env, res, newLogger(s, level, nil), meters)
	if err != nil {
		return nil, errors.Join(err, meters.Shutdown(ctx))
	}
	t.Logger = newLogger(s, level, logs.handler())
	losses, err := newLosses(t.Logger, "spans are lost", meters, metrics.SpansLost)
	if err != nil {
		return nil, errors.Join(err, meters.Shutdown(ctx))
	}
	if err := t.sayBuild(s); err != nil {
		return nil, errors.Join(err, meters.Shutdown(ctx))
	}
	tracers, err := newTracers(ctx, env, res, s.Spans, losses)
	if err != nil {
		return nil, errors.Join(err, meters.Shutdown(ctx))
	}
	t.tracers = tracers
	t.shutdown = []func(context.Context) error{tracers.Shutdown, logs.shutdown, meters.Shutdown}
	return t, nil
}

// sayBuild exports what is running.
func (t *Telemetry) sayBuild(s Settings) error {
	in := NewInstruments(t.meters.Meter("tapline.dev/libs/telemetry"))
	in.Observe(func(o Observer) {
		o.Set(metrics.BuildInfo, 1, attribute.String("service", s.Service), attribute.String("version", s.Version),
			attribute.String("go_version", runtime.Version()))
	}, metrics.BuildInfo)
	return in.Err()
}

// Discard is telemetry that goes nowhere, for tests and tools.
func Discard() *Telemetry {
	return &Telemetry{
		Logger:  slog.New(slog.DiscardHandler),
		Level:   &slog.LevelVar{},
		tracers: tracenoop.NewTracerProvider(),
		meters:  metricnoop.NewMeterProvider(),
		metrics: http.NotFoundHandler(),
	}
}

// Tracer returns the tracer of a component, such as "tapline.dev/services/mapper".
func (t *Telemetry) Tracer(name string) trace.Tracer { return t.tracers.Tracer(name) }

// Meter returns the meter of a component.
func (t *Telemetry) Meter(name string) metric.Meter { return t.meters.Meter(name) }

// TracerProvider is for instrumentation that wants a provider, such as otelhttp.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// MeterProvider is for instrumentation that wants a provider, such as the hooks of Kafka clients.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// Propagator is W3C Trace Context. Baggage is left out on purpose: it would
// carry values of unknown origin into every request.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return propagation.TraceContext{} }

// Metrics serves the metrics in Prometheus' text format.
func (t *Telemetry) Metrics() http.Handler { return t.metrics }

// Shutdown flushes what is pending, for at most five seconds and also when ctx
// is already cancelled.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	var errs []error
	for _, shutdown := range t.shutdown {
		errs = append(errs, shutdown(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("flushing telemetry: %w", err)
	}
	return nil
}

var (
	_ trace.TracerProvider = (*sdktrace.TracerProvider)(nil)
	_ metric.MeterProvider = (*sdkmetric.MeterProvider)(nil)
)
