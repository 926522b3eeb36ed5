package telemetry

import (
	"context"
	"errors"
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
	logs         bool
	tracesProto  string
	metricsProto string
	logsProto    string
	batch        batch // of spans
	logBatch     batch
}

const (
	protoHTTP = "http/protobuf"
	protoGRPC = "grpc"
)

// readOtelEnv enables OTLP if an endpoint is given or an exporter is named. By
// default the OpenTelemetry specification sends to localhost; here nothing is
// sent by default. Logs leave only if they are named themselves, by their exporter
// or their endpoint: whoever gathers the process's output has them already.
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
		logBatch:     defaultBatch(),
		tracesProto:  get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
		metricsProto: get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
		logsProto:    get("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
	}
	if err := errors.Join(env.batch.read(get, "OTEL_BSP_"), env.logBatch.read(get, "OTEL_BLRP_")); err != nil {
		return env, err
	}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return env, nil
	}
	for _, signal := range []struct {
		name     string
		on       *bool
		proto    *string
		endpoint string
	}{
		{"TRACES", &env.traces, &env.tracesProto, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"METRICS", &env.metrics, &env.metricsProto, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"LOGS", &env.logs, &env.logsProto, ""},
	} {
		endpoint := get("OTEL_EXPORTER_OTLP_"+signal.name+"_ENDPOINT", signal.endpoint)
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

// read takes over what the standard variables with a prefix say of batches.
func (b *batch) read(get func(...string) string, prefix string) error {
	for name, set := range map[string]func(n int){
		"SCHEDULE_DELAY": func(n int) { b.delay = time.Duration(n) * time.Millisecond },
		"MAX_QUEUE_SIZE": func(n int) { b.queue = n },
		"EXPORT_TIMEOUT": func(n int) { b.timeout = time.Duration(n) * time.Millisecond },
	} {
		name = prefix + name
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
