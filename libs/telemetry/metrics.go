package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"tapline.dev/schemas/metrics"
)

// The most series of one instrument: for each import as many as it has outcomes or codes,
// and some for labels that name no import.
const (
	seriesOfImport = 32
	seriesOfOthers = 2000
)

func newMeters(ctx context.Context, env otelEnv, res *resource.Resource, imports int) (*sdkmetric.MeterProvider, http.Handler, error) {
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
		sdkmetric.WithView(streams),
		// The names of imports are bounded by ImportLabel. The SDK's own limit of 2,000 for each
		// instrument would hide imports at random.
		sdkmetric.WithCardinalityLimit(seriesOfOthers + seriesOfImport*imports),
	}
	if env.metrics {
		push, err := newMetricExporter(ctx, env.metricsProto)
		if err != nil {
			return nil, nil, fmt.Errorf("starting the OTLP metric exporter: %w", err)
		}
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(push)))
	}
	// OpenMetrics, where it is asked for, carries exemplars.
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	return sdkmetric.NewMeterProvider(options...), handler, nil
}

func newMetricExporter(ctx context.Context, proto string) (sdkmetric.Exporter, error) {
	if proto == protoGRPC {
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}

// streams says how instruments are aggregated. It is one function, because two views that
// match an instrument would make two series of the same name.
func streams(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	s := sdkmetric.Stream{Name: i.Name, Description: i.Description, Unit: i.Unit}
	if i.Kind == sdkmetric.InstrumentKindHistogram {
		switch i.Unit {
		case metrics.Seconds:
			// From a millisecond to ten minutes; the SDK's default begins at five seconds.
			s.Aggregation = buckets(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
		case metrics.Records:
			s.Aggregation = buckets(1, 5, 10, 50, 100, 250, 500, 750, 1000, 5000, 10000, 50000, 100000)
		}
	}
	if strings.HasPrefix(i.Name, "http.") {
		// The Host header and the address of the peer are no labels: whoever sends a
		// request could make a series with each.
		s.AttributeFilter = attribute.NewDenyKeysFilter(
			"server.address", "server.port", "client.address", "client.port", "network.peer.address", "network.peer.port",
			"url.full", "url.path", "url.query", "user_agent.original",
		)
	}
	return s, s.Aggregation != nil || s.AttributeFilter != nil
}

func buckets(bounds ...float64) sdkmetric.Aggregation {
	return sdkmetric.AggregationExplicitBucketHistogram{Boundaries: bounds}
}
