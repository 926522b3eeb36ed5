package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"tapline.dev/schemas/metrics"
)

// logExport sends log records by OTLP; nil sends none.
type logExport struct {
	provider *sdklog.LoggerProvider
}

// newLogExport returns nil unless the environment asks for it. What is lost is said to
// local, which must not write to the export itself.
func newLogExport(ctx context.Context, env otelEnv, res *resource.Resource, local *slog.Logger, meters metric.MeterProvider) (*logExport, error) {
	if !env.logs {
		return nil, nil //nolint:nilnil // a nil export is valid
	}
	losses, err := newLosses(local, "log records are not delivered", meters, metrics.LogsLost)
	if err != nil {
		return nil, err
	}
	exporter, err := newLogExporter(ctx, env.logsProto)
	if err != nil {
		return nil, fmt.Errorf("starting the OTLP log exporter: %w", err)
	}
	return &logExport{sdklog.NewLoggerProvider(
		sdklog.WithResource(res), sdklog.WithProcessor(newBoundedLogs(exporter, env.logBatch, losses)),
	)}, nil
}

func newLogExporter(ctx context.Context, proto string) (sdklog.Exporter, error) {
	if proto == protoGRPC {
		return otlploggrpc.New(ctx)
	}
	return otlploghttp.New(ctx)
}

func (e *logExport) handler() slog.Handler {
	if e == nil {
		return nil
	}
	return otelslog.NewHandler("tapline.dev/libs/telemetry", otelslog.WithLoggerProvider(e.provider))
}

func (e *logExport) shutdown(ctx context.Context) error {
	if e == nil {
		return nil
	}
	return e.provider.Shutdown(ctx)
}

// boundedLogs is to log records what boundedQueue is to spans: it counts what the SDK's
// queue would drop in silence.
type boundedLogs struct {
	sdklog.Processor
	waiting *atomic.Int64
	most    int64
	losses  *losses
}

func newBoundedLogs(exporter sdklog.Exporter, b batch, losses *losses) boundedLogs {
	waiting := &atomic.Int64{}
	return boundedLogs{
		Processor: sdklog.NewBatchProcessor(countingLogExporter{exporter, waiting, losses},
			sdklog.WithExportInterval(b.delay), sdklog.WithMaxQueueSize(b.queue), sdklog.WithExportTimeout(b.timeout)),
		waiting: waiting, most: int64(b.queue), losses: losses,
	}
}

// OnEmit takes a record, or counts it as lost.
func (q boundedLogs) OnEmit(ctx context.Context, record *sdklog.Record) error {
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.losses.add(ctx, "queue", 1, errQueueFull)
		return nil
	}
	return q.Processor.OnEmit(ctx, record)
}

// countingLogExporter turns an export error into a count and a rare line, as countingExporter
// does.
type countingLogExporter struct {
	sdklog.Exporter
	waiting *atomic.Int64
	losses  *losses
}

func (e countingLogExporter) Export(ctx context.Context, records []sdklog.Record) error {
	defer e.waiting.Add(-int64(len(records)))
	if err := e.Exporter.Export(ctx, records); err != nil {
		e.losses.add(ctx, "export", len(records), err)
	}
	return nil
}
