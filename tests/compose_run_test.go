package tests

import (
	"encoding/json"
	"errors"
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

// composed runs services of docker-compose.yml as processes: the same commands with the
// same environment, on other addresses and with folders for the volumes.
type composed struct {
	t       *testing.T
	cluster *harness.Cluster
	project *types.Project
	replace *strings.Replacer
	dir     string // the services' log files
}

// TestReadmesComposeLines runs what the README's compose lines start. The one command
// brings up the stand-ins with the demo's tables, every service, the first key and the
// example imports; after it an import runs. It reads all of that from docker-compose.yml
// and .env. Running it twice changes nothing.
func TestReadmesComposeLines(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(harness.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(readme)) {
		if rest, ok := strings.CutPrefix(line, "docker compose run --rm "); ok {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	if len(lines) != 2 || !strings.Contains(string(readme), "\ndocker compose up --build --wait\n") {
		t.Fatalf("the README's compose lines are others: %q", lines)
	}
	api, keys := freeAddr(t), t.TempDir()
	snowflake, clevertap := freeAddr(t), freeAddr(t)
	cluster := harness.Start(t, harness.Options{DevArgs: []string{"--only", "infra"}})
	c := &composed{t: t, cluster: cluster, project: loadCompose(t), dir: t.TempDir(), replace: strings.NewReplacer(
		"kafka:9092", cluster.Endpoints.Kafka, "redis:6379", cluster.Endpoints.Redis,
		"0.0.0.0:19000", strings.Replace(api, "127.0.0.1", "0.0.0.0", 1), "http://importcenter:19000", "http://"+api, "/keys", keys,
		"0.0.0.0:19003", snowflake, "0.0.0.0:19004", clevertap, "/data/", filepath.Join(harness.Root(), "data")+"/",
		"deploy/compose/sandbox.yaml", standIns(t, snowflake, clevertap),
	)}
	for range 2 { // `docker compose up` again finds the topics and the key there
		c.end("topics")
		c.end("firstkey")
	}
	if info, err := os.Stat(filepath.Join(keys, "admin")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v, %v", info, err)
	}
	for _, name := range []string{"sandbox", "importcenter", "scheduler", "extractor", "mapper"} {
		c.begin(name)
	}
	for range 2 {
		c.end("demo")
	}
	c.begin("loader") // it waits for the demo
	said := map[string]string{}
	for _, line := range lines {
		service, args, _ := strings.Cut(line, " ")
		out, err := c.run(service, strings.Fields(args)...)
		// The demo's tables have rows that no import can take.
		ended, exited := errors.AsType[*exec.ExitError](err)
		if withRejects := exited && ended.ExitCode() == 3 && strings.Contains(out, "succeededWithRejects"); err != nil && !withRejects {
			t.Fatalf("docker compose run --rm %s: %v\n%s\n%s", line, err, out, c.logs())
		}
		said[line] = out
	}
	if out := said[lines[0]]; !strings.Contains(out, "customers") || !strings.Contains(out, "purchases") {
		t.Errorf("the example imports are not there:\n%s", out)
	}
	res, err := http.Get("http://" + clevertap + "/sandbox/v1/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var loaded struct{ Profiles int }
	if err := json.NewDecoder(res.Body).Decode(&loaded); err != nil || loaded.Profiles < 9_000 {
		t.Errorf("after the run CleverTap's stand-in has %d profiles, %v:\n%s", loaded.Profiles, err, said[lines[1]])
	}
	stranger := exec.CommandContext(t.Context(), cluster.Program("tapline"), "get", "imports", "--server", "http://"+api)
	if out, err := stranger.CombinedOutput(); err == nil || !strings.Contains(string(out), "TAPLINE_TOKEN") {
		t.Errorf("without the key: %v\n%s", err, out)
	}
}

// standIns writes the definitions of the stand-ins with the addresses of this test.
func standIns(t *testing.T, snowflake, clevertap string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "deploy/compose/sandbox.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(snowflake, ":")
	path := filepath.Join(t.TempDir(), "sandbox.yaml")
	changed := strings.NewReplacer("host: sandbox", "host: 127.0.0.1", "port: 19003", "port: "+port, "sandbox:19004", clevertap).Replace(string(text))
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environment is what the service finds there.
func (c *composed) environment(service types.ServiceConfig, admin string) (env []string) {
	c.t.Helper()
	for key, value := range service.Environment {
		if value == nil || strings.HasPrefix(key, "OTEL_") { // exporters would look for the collector
			continue
		}
		set := c.replace.Replace(*value)
		if key == "TAPLINE_ADMIN_ADDR" {
			set = admin
		}
		env = append(env, key+"="+set)
	}
	return append(env, "TAPLINE_KAFKA_PREFIX="+c.cluster.Endpoints.KafkaPrefix, "TAPLINE_REDIS_KEY_PREFIX="+c.cluster.Endpoints.RedisPrefix, "HOME="+c.t.TempDir())
}

// run runs the command line in a service's environment.
func (c *composed) run(name string, args ...string) (string, error) {
	c.t.Helper()
	for i := range args {
		args[i] = c.replace.Replace(args[i])
	}
	cmd := exec.CommandContext(c.t.Context(), c.cluster.Program("tapline"), args...)
	cmd.Env, cmd.Dir = c.environment(c.project.Services[name], ""), harness.Root()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// end runs a service that ends by itself.
func (c *composed) end(name string) {
	c.t.Helper()
	command := append([]string{}, c.project.Services[name].Command...)
	if out, err := c.run(name, command...); err != nil {
		c.t.Fatalf("%s: %v\n%s\n%s", name, err, out, c.logs())
	}
}

// begin starts a service and waits until it is ready.
func (c *composed) begin(name string) {
	c.t.Helper()
	service, admin := c.project.Services[name], freeAddr(c.t)
	cmd := exec.CommandContext(c.t.Context(), harness.Program(c.t, *service.Build.Args["SERVICE"]))
	cmd.Env = c.environment(service, admin)
	file, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = file.Close() })
	harness.Eventually(c.t, 2*time.Minute, name+" is ready", func() bool {
		res, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// logs are the ends of the services' logs.
func (c *composed) logs() string {
	var b strings.Builder
	paths, _ := filepath.Glob(filepath.Join(c.dir, "*.log"))
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		fmt.Fprintf(&b, "== %s\n%s\n", filepath.Base(path), text[max(0, len(text)-2000):])
	}
	return b.String()
}

func freeAddr(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
}
