package telemetry

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// otelEnv is what the standard variables ask for.
type otelEnv struct {
	traces       bool
	metrics      bool
	tracesProto  string
	metricsProto string
	batch        batch
}

const (
	protoHTTP = "http/protobuf"
	protoGRPC = "grpc"
)

// readOtelEnv enables OTLP if an endpoint is given or an exporter is named. By
// default the OpenTelemetry specification sends to localhost; here nothing is
// sent by default.
func readOtelEnv(lookup func(string) (string, bool)) (otelEnv, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if v, ok := lookup(name); ok && v != "" {
				return v
			}
		}
		return ""
	}
	env := otelEnv{
		batch:        defaultBatch(),
		tracesProto:  get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
		metricsProto: get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
	}
	if err := env.batch.read(get); err != nil {
		return env, err
	}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return env, nil
	}
	for _, signal := range []struct {
		name  string
		on    *bool
		proto *string
	}{
		{"TRACES", &env.traces, &env.tracesProto},
		{"METRICS", &env.metrics, &env.metricsProto},
	} {
		endpoint := get("OTEL_EXPORTER_OTLP_"+signal.name+"_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
		switch exporter := get("OTEL_" + signal.name + "_EXPORTER"); exporter {
		case "otlp":
			*signal.on = true
		case "":
			*signal.on = endpoint != ""
		case "none", "prometheus":
		default:
			return env, fmt.Errorf("OTEL_%s_EXPORTER: want otlp or none", signal.name)
		}
		switch *signal.proto {
		case "":
			*signal.proto = protoHTTP
		case protoHTTP, protoGRPC:
		default:
			return env, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: want %s or %s", protoHTTP, protoGRPC)
		}
	}
	return env, nil
}

// read takes over what the standard variables say of batches.
func (b *batch) read(get func(...string) string) error {
	for name, set := range map[string]func(n int){
		"OTEL_BSP_SCHEDULE_DELAY": func(n int) { b.delay = time.Duration(n) * time.Millisecond },
		"OTEL_BSP_MAX_QUEUE_SIZE": func(n int) { b.queue = n },
		"OTEL_BSP_EXPORT_TIMEOUT": func(n int) { b.timeout = time.Duration(n) * time.Millisecond },
	} {
		text := get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return fmt.Errorf("%s: want a whole number above 0", name)
		}
		set(n)
	}
	return nil
}

func newResource(ctx context.Context, s Settings) (*resource.Resource, error) {
	// The names are spelt out, because a semconv package would have to move
	// with every release of the SDK.
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessPID(),
		resource.WithAttributes(
			attribute.String("service.name", s.Service),
			attribute.String("service.version", s.Version),
			attribute.String("service.namespace", "tapline"),
			// One for each start: two replicas on one host are two instances.
			attribute.String("service.instance.id", s.instance),
		),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("describing the service: %w", err)
	}
	return res, nil
}
