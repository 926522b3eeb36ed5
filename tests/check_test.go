package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2" //nolint:depguard // the embedded server takes no password, which is what is tested here

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/tests/harness"
)

// TestCheckSignsIn: one file serves all five programs, whose --check --connect finds wrong
// passwords of Kafka and of Redis, which --check alone cannot, and shows none.
func TestCheckSignsIn(t *testing.T) {
	t.Parallel()
	secured := kafkatest.StartSecured(t, "tapline")
	redis := miniredis.RunT(t)
	redis.RequireAuth("the-password-of-redis")
	file := filepath.Join(t.TempDir(), "tapline.yaml")
	text := `kafka: {brokers: ["` + secured.Admin.Brokers[0] + `"], sasl: {mechanism: SCRAM-SHA-256, username: tapline}}
redis: {addrs: ["` + redis.Addr() + `"]}
http: {addr: "127.0.0.1:0"}
maxReplicas: 2
batchRows: 1000
concurrency: 2
tick: 1s
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kafkaPassword := "TAPLINE_KAFKA_SASL_PASSWORD=" + secured.As("tapline").SASL.Password.Reveal()
	for name, c := range map[string]struct {
		env   []string
		args  []string
		code  int
		wants string
		not   string // a service that does not use what is wrong
	}{
		"right":                 {[]string{kafkaPassword, "TAPLINE_REDIS_PASSWORD=the-password-of-redis"}, []string{"--connect"}, 0, "and Kafka and Redis accept it", ""},
		"Redis' is wrong":       {[]string{kafkaPassword, "TAPLINE_REDIS_PASSWORD=hush-canary"}, []string{"--connect"}, 2, "redis.password", "mapper"},
		"Redis' is missing":     {[]string{kafkaPassword}, []string{"--connect"}, 2, "redis.password", "mapper"},
		"Kafka's is wrong":      {[]string{"TAPLINE_KAFKA_SASL_PASSWORD=hush-canary", "TAPLINE_REDIS_PASSWORD=the-password-of-redis"}, []string{"--connect"}, 2, "kafka.sasl", ""},
		"not asked to sign in":  {[]string{"TAPLINE_KAFKA_SASL_PASSWORD=hush-canary"}, nil, 0, "the configuration is valid", ""},
		"a misspelt variable":   {[]string{kafkaPassword, "TAPLINE_REDIS_PASWORD=hush-canary"}, nil, 2, "did you mean TAPLINE_REDIS_PASSWORD?", ""},
		"a variable of others'": {[]string{kafkaPassword, "TAPLINE_MAX_REPLICAS=5", "TAPLINE_INSTANCE=1"}, nil, 0, "the configuration is valid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, service := range harness.Services {
				cmd := exec.CommandContext(t.Context(), harness.Program(t, service), append([]string{"--config", file, "--check"}, c.args...)...)
				cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TAPLINE_") }), c.env...)
				out, err := cmd.CombinedOutput()
				if cmd.ProcessState == nil {
					t.Fatal(err)
				}
				code, wants := c.code, c.wants
				if service == c.not {
					code, wants = 0, "the configuration is valid"
				}
				if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(string(out), wants) || strings.Contains(string(out), "hush-canary") {
					t.Errorf("%s: exit code %d, want %d and %q: %s", service, got, code, wants, out)
				}
			}
		})
	}
}
