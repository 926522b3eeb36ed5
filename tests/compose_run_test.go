package tests

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"tapline.dev/tests/harness"
)

// TestReadmesComposeLines runs what the README's compose lines start as processes:
// the same commands with the same environment, on other addresses and with a
// folder for the volume. It reads all of that from docker-compose.yml.
func TestReadmesComposeLines(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(harness.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "docker compose run --rm ") {
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "docker compose run --rm ")))
		}
	}
	if len(lines) == 0 || !strings.Contains(string(readme), "\ndocker compose up ") {
		t.Fatal("the README has no compose lines")
	}
	project := loadCompose(t)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--only", "infra"}})
	api, admin := freeAddr(t), freeAddr(t)
	keys := t.TempDir()
	replace := strings.NewReplacer(
		"kafka:9092", c.Endpoints.Kafka, "redis:6379", c.Endpoints.Redis,
		"0.0.0.0:19000", strings.Replace(api, "127.0.0.1", "0.0.0.0", 1), "http://importcenter:19000", "http://"+api, "0.0.0.0:19010", admin, "/keys", keys,
	)
	environment := func(service types.ServiceConfig) (env []string) {
		for key, value := range service.Environment {
			if value != nil && !strings.HasPrefix(key, "OTEL_") { // exporters would look for the collector
				env = append(env, key+"="+replace.Replace(*value))
			}
		}
		return append(env, "TAPLINE_KAFKA_PREFIX="+c.Endpoints.KafkaPrefix, "TAPLINE_REDIS_KEY_PREFIX="+c.Endpoints.RedisPrefix, "HOME="+t.TempDir())
	}
	tapline := func(service string, args ...string) (string, error) {
		s := project.Services[service]
		for i := range args {
			args[i] = replace.Replace(args[i])
		}
		cmd := exec.CommandContext(t.Context(), c.Program("tapline"), args...)
		cmd.Env, cmd.Dir = environment(s), harness.Root()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	for range 2 { // `docker compose up` again finds the topics and the key there
		for _, name := range []string{"topics", "firstkey"} {
			if out, err := tapline(name, project.Services[name].Command...); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, out)
			}
		}
	}
	if info, err := os.Stat(filepath.Join(keys, "admin")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v, %v", info, err)
	}
	center := exec.CommandContext(t.Context(), c.Program("importcenter"))
	center.Env = environment(project.Services["importcenter"])
	log := filepath.Join(t.TempDir(), "importcenter.log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	center.Stdout, center.Stderr = file, file
	if err := center.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = center.Process.Kill(); _ = center.Wait(); _ = file.Close() })
	harness.Eventually(t, time.Minute, "Import Center is ready", func() bool {
		res, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	for _, line := range lines {
		service, args, _ := strings.Cut(line, " ")
		if out, err := tapline(service, strings.Fields(args)...); err != nil {
			text, _ := os.ReadFile(log)
			t.Errorf("docker compose run --rm %s: %v\n%s\n%s", line, err, out, text)
		}
	}
	stranger := exec.CommandContext(t.Context(), c.Program("tapline"), "get", "imports", "--server", "http://"+api)
	if out, err := stranger.CombinedOutput(); err == nil || !strings.Contains(string(out), "TAPLINE_TOKEN") {
		t.Errorf("without the key: %v\n%s", err, out)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
}
