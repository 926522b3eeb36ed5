package tests

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2" //nolint:depguard // a Redis that only has to answer

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// program starts a service that stands on the Kafka at addr, and returns what it writes
// once it has ended.
func program(t *testing.T, service, addr, redis, startTimeout string, env ...string) (output *strings.Builder, end func() (code int)) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Program(t, service))
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TAPLINE_") }), append([]string{
		"TAPLINE_KAFKA_BROKERS=" + addr, "TAPLINE_REDIS_ADDRS=" + redis, "TAPLINE_KAFKA_START_TIMEOUT=" + startTimeout,
		"TAPLINE_ADMIN_ADDR=127.0.0.1:0", "TAPLINE_HTTP_ADDR=127.0.0.1:0",
	}, env...)...)
	output = &strings.Builder{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return output, func() int {
		_ = cmd.Wait() // its exit code says how it ended
		return cmd.ProcessState.ExitCode()
	}
}

// TestServicesWaitForKafka: each service that starts where no Kafka answers says that it
// waits for it, and for which, and ends with an error after its start timeout; all five
// with the same words.
func TestServicesWaitForKafka(t *testing.T) {
	t.Parallel()
	addr, redis := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t)), miniredis.RunT(t).Addr()
	for _, service := range harness.Services {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			output, end := program(t, service, addr, redis, "2s")
			code := end()
			for _, want := range []string{"waiting", "Kafka at " + addr, "waited 2s (kafka.startTimeout) for Kafka at " + addr} {
				if !strings.Contains(output.String(), want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if code != 1 || t.Failed() {
				t.Errorf("exit code %d: %s", code, output)
			}
		})
	}
}

// TestServicesWaitForTopics: each service that starts before the topics are made waits for
// them and names them, ends if nobody makes them, and works once somebody does.
func TestServicesWaitForTopics(t *testing.T) {
	t.Parallel()
	for _, service := range harness.Services {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			redis := miniredis.RunT(t).Addr() // a Redis is one deployment's
			cluster, err := embedded.Start(embedded.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			addr := cluster.Addrs()[0]
			output, end := program(t, service, addr, redis, "2s")
			if code := end(); code != 1 || !strings.Contains(output.String(), "waited 2s (kafka.startTimeout) for topics: topics are missing: tapline.") {
				t.Errorf("without topics: exit code %d: %s", code, output)
			}
			admin := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
			p := harness.NewProcess(t, service, []string{"TAPLINE_KAFKA_BROKERS=" + addr, "TAPLINE_REDIS_ADDRS=" + redis, "TAPLINE_ADMIN_ADDR=" + admin, "TAPLINE_HTTP_ADDR=127.0.0.1:0"})
			p.Start(t)
			harness.Eventually(t, time.Minute, service+" to wait for topics", func() bool { return strings.Contains(p.Log(), "topics are missing") })
			if harness.Ready("http://" + admin) {
				t.Error("it is ready without topics")
			}
			cfg := kafka.DefaultConfig()
			cfg.Brokers, cfg.CreateTopics = cluster.Addrs(), true
			topics := schemas.NewTopics(cfg.Prefix)
			if err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), topics.Catalogue()); err != nil {
				t.Fatal(err)
			}
			harness.Eventually(t, time.Minute, service+" to be ready", func() bool { return harness.Ready("http://" + admin) })
			p.Stop(t)
		})
	}
}
