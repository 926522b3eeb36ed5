package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

func newMeters(ctx context.Context, env otelEnv, res *resource.Resource) (*sdkmetric.MeterProvider, http.Handler, error) {
	// A registry of its own, because several services may share the process.
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, nil, fmt.Errorf("starting the Prometheus exporter: %w", err)
	}
	options := []sdkmetric.Option{
		sdkmetric.WithResource(res),
		sdkmetric.WithReader(exporter),
		sdkmetric.WithView(secondsView(), countsView()),
	}
	if env.metrics {
		push, err := newMetricExporter(ctx, env.metricsProto)
		if err != nil {
			return nil, nil, fmt.Errorf("starting the OTLP metric exporter: %w", err)
		}
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(push)))
	}
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return sdkmetric.NewMeterProvider(options...), handler, nil
}

func newMetricExporter(ctx context.Context, proto string) (sdkmetric.Exporter, error) {
	if proto == protoGRPC {
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}

// secondsView gives histograms of seconds buckets from a millisecond to ten
// minutes; the SDK's default begins at five seconds.
func secondsView() sdkmetric.View {
	return histogramView("s", []float64{
		.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
	})
}

// countsView gives histograms of rows or records per batch buckets by powers of
// ten and halves.
func countsView() sdkmetric.View {
	return histogramView("{record}", []float64{1, 5, 10, 50, 100, 250, 500, 750, 1000, 5000, 10000, 50000, 100000})
}

func histogramView(unit string, bounds []float64) sdkmetric.View {
	return sdkmetric.NewView(
		sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Unit: unit},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: bounds}},
	)
}
