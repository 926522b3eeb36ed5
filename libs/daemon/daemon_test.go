package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
)

type serviceConfig struct {
	Topic    string
	Password config.Secret
	Limit    int
	Slow     time.Duration
}

func (c serviceConfig) Validate() error {
	if c.Limit < 0 {
		return config.Bad("limit", "must not be negative")
	}
	return nil
}

type wireFunc = func(context.Context, serviceConfig, daemon.Env) (daemon.Run, error)

func program(wire wireFunc) daemon.Program[serviceConfig] {
	return daemon.Program[serviceConfig]{
		Name:      "mapper",
		AdminAddr: "127.0.0.1:0",
		Config:    serviceConfig{Topic: "rows", Limit: 3},
		Wire:      wire,
		Connect: func(_ context.Context, cfg serviceConfig, _ daemon.Env) error {
			if cfg.Topic == "refused" {
				return errors.New("the password is wrong")
			}
			return nil
		},
	}
}

func (c serviceConfig) Drain() (key string, most time.Duration) { return "drain", c.Slow }

// output collects what a program writes while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func run(ctx context.Context, wire wireFunc, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs output
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	environ := func() (all []string) {
		for name, value := range env {
			all = append(all, name+"="+value)
		}
		return all
	}
	code = program(wire).Run(ctx, daemon.Process{Args: args, LookupEnv: lookup, Environ: environ, Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String()
}

func untilDone(context.Context, serviceConfig, daemon.Env) (daemon.Run, error) {
	return func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, nil
}

func failing(err error) wireFunc {
	return func(context.Context, serviceConfig, daemon.Env) (daemon.Run, error) {
		return func(context.Context) error { return err }, nil
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mapper.yaml")
	if err := os.WriteFile(file, []byte("topic: from-file\nlimit: 7\nlog: {level: WARN}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(t.TempDir(), "tapline.yaml")
	if err := os.WriteFile(shared, []byte("limit: 7\nhttp: {addr: '127.0.0.1:1'}\nkafka: {brokers: [a:1]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wireFails := func(err error) wireFunc {
		return func(context.Context, serviceConfig, daemon.Env) (daemon.Run, error) { return nil, err }
	}
	tests := map[string]struct {
		wire   wireFunc
		env    map[string]string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"help":    {args: []string{"--help"}, stdout: "--topic               TAPLINE_TOPIC                rows"},
		"version": {args: []string{"--version"}, stdout: "mapper "},
		"print": {
			args: []string{"--config", file, "--print-config", "--limit=9"}, env: map[string]string{"TAPLINE_PASSWORD": "hunter2"},
			stdout: "admin:\n  addr: 127.0.0.1:0\n  profiles: false\n  tls:\n    certFile: \"\"\n    keyFile: \"\"\n  drainTimeout: 25s\nlog:\n  level: WARN\n  format: json\nmetrics:\n  imports: 1000\ntopic: from-file\npassword: '***'\nlimit: 9\nslow: 0s\n",
		},
		"check": {wire: untilDone, args: []string{"--check"}, stdout: "mapper: the configuration is valid"},
		"check of a misspelt variable": {
			wire: untilDone, args: []string{"--check"}, env: map[string]string{"TAPLINE_LIMT": "5", "TAPLINE_HTTP_ADDR": "127.0.0.1:1"}, code: 2,
			stderr: "TAPLINE_LIMT has no effect; did you mean TAPLINE_LIMIT?",
		},
		"a file for every service":  {wire: untilDone, args: []string{"--check", "--config", shared}, stdout: "mapper: the configuration is valid"},
		"connect without check":     {args: []string{"--connect"}, code: 2, stderr: "--connect belongs to --check"},
		"connect":                   {wire: untilDone, args: []string{"--check", "--connect"}, stdout: "mapper: the configuration is valid, and Kafka and Redis accept it"},
		"connect is refused":        {wire: untilDone, args: []string{"--check", "--connect", "--topic", "refused"}, code: 2, stderr: "the password is wrong"},
		"connect is not asked for":  {wire: untilDone, args: []string{"--check", "--topic", "refused"}, stdout: "mapper: the configuration is valid"},
		"a drain that is cut short": {wire: untilDone, args: []string{"--check", "--slow", "5s", "--admin.drainTimeout", "4s"}, code: 2, stderr: "admin.drainTimeout: is 4s, and must be longer than drain (5s)"},
		"check finds bad value":     {wire: untilDone, args: []string{"--check", "--limit", "-1"}, code: 2, stderr: "mapper: invalid configuration: limit: must not be negative"},
		"check finds bad wire":      {wire: wireFails(errors.New("no such key file")), args: []string{"--check"}, code: 2, stderr: "no such key file"},
		"unknown flag":              {args: []string{"--nope"}, code: 2, stderr: "nope"},
		"argument":                  {args: []string{"nope"}, code: 2, stderr: `unexpected argument \"nope\"`},
		"missing file":              {args: []string{"--config", "/no/such"}, code: 2, stderr: "no such file"},
		"bad telemetry":             {wire: untilDone, env: map[string]string{"OTEL_TRACES_EXPORTER": "x"}, code: 2, stderr: "OTEL_TRACES_EXPORTER"},
		"wiring fails":              {wire: wireFails(errors.New("boom")), code: 1, stderr: `"error":"wiring: boom"`},
		"wiring finds a mistake": {
			wire: wireFails(fmt.Errorf("%w: topic", config.ErrInvalid)), code: 2, stderr: "invalid configuration: topic",
		},
		"running fails": {wire: failing(errors.New("boom")), code: 1, stderr: `"error":"running: boom"`},
		"running ends":  {wire: failing(nil), stderr: `"msg":"stopped"`},
		"bad address":   {wire: untilDone, args: []string{"--admin.addr", "nowhere"}, code: 1, stderr: "listening on the admin address"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t.Context(), test.wire, test.env, test.args...)
			if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(strings.ReplaceAll(stderr, `"nope"`, `\"nope\"`), test.stderr) {
				t.Errorf("exit %d, want %d; want %q, %q in\n%s\n%s", code, test.code, test.stdout, test.stderr, stdout, stderr)
			}
			if strings.Contains(stdout+stderr, "hunter2") {
				t.Error("the output shows a secret")
			}
			if n := strings.Count(stderr, `"level":"ERROR"`); n > 1 {
				t.Errorf("the error is logged %d times", n)
			}
		})
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	code, _, stderr := run(t.Context(), untilDone, nil, "--admin.addr", taken.Addr().String())
	if code != daemon.ExitFailed || !strings.Contains(stderr, "is in use; set admin.addr to a free one") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestLifeOfAService(t *testing.T) {
	t.Parallel()
	ctx, signal := context.WithCancel(t.Context())
	defer signal()
	started := make(chan daemon.Env)
	ready := make(chan struct{})
	draining := make(chan struct{})
	finish := make(chan struct{})
	wire := func(_ context.Context, _ serviceConfig, env daemon.Env) (daemon.Run, error) {
		report := env.Health.Gate("partitions")
		return func(ctx context.Context) error {
			started <- env
			<-ready
			report(nil)
			started <- env
			<-ctx.Done()
			close(draining)
			<-finish
			return nil
		}, nil
	}
	var errs output
	exit := make(chan int, 1)
	go func() {
		exit <- program(wire).Run(ctx, daemon.Process{Stdout: io.Discard, Stderr: &errs,
			LookupEnv: func(string) (string, bool) { return "", false }})
	}()

	<-started
	base := "http://" + adminAddr(t, errs.String())
	expect(t, base+"/livez", 200, "ok\n")
	expect(t, base+"/readyz", 503, "[-] partitions: not started\nnot ready\n")
	close(ready)
	env := <-started
	expect(t, base+"/readyz", 200, "ready\n")
	expect(t, base+"/readyz?verbose", 200, "[+] partitions\nready\n")
	expect(t, base+"/metrics", 200, "go_goroutines")
	expect(t, base+"/debug/pprof/goroutine?debug=1", 404, "")
	expect(t, base+"/debug/pprof/cmdline", 404, "")
	env.Health.Add("kafka", func(context.Context) error { return errors.New("no broker") })
	expect(t, base+"/readyz", 503, "[-] kafka: no broker\n[+] partitions\nnot ready\n")

	signal()
	<-draining
	// Probes and scrapes still see a draining service.
	expect(t, base+"/readyz", 503, "[-] daemon: draining\n")
	expect(t, base+"/livez", 200, "ok\n")
	close(finish)
	if code := <-exit; code != daemon.ExitOK {
		t.Errorf("exit %d, want 0\n%s", code, errs.String())
	}
	// Another test may have got the port meanwhile; it does not drain.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(request); err == nil {
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if strings.Contains(string(body), "draining") {
			t.Errorf("the admin server outlives the program: %s", body)
		}
	}
}

func TestDrainHasAnEnd(t *testing.T) {
	t.Parallel()
	ctx, signal := context.WithCancel(t.Context())
	signal()
	hang := make(chan struct{})
	defer close(hang)
	wire := func(context.Context, serviceConfig, daemon.Env) (daemon.Run, error) {
		return func(context.Context) error { <-hang; return nil }, nil
	}
	code, _, stderr := run(ctx, wire, nil, "--admin.drainTimeout", "10ms")
	if code != daemon.ExitFailed || !strings.Contains(stderr, "did not stop within admin.drainTimeout") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestHealthChecksHaveATimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		health := daemon.NewHealth()
		health.Add("slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		start := time.Now()
		if err := health.Ready(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ready() = %v, want a deadline error", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("Ready() took %v", took)
		}
	})
}

func TestHealthReplacesAndReports(t *testing.T) {
	t.Parallel()
	health := daemon.NewHealth()
	if err := health.Ready(t.Context()); err != nil {
		t.Errorf("Ready() without checks = %v", err)
	}
	health.Add("x", func(context.Context) error { return errors.New("old") })
	health.Add("x", func(context.Context) error { return nil })
	if err := health.Ready(t.Context()); err != nil {
		t.Errorf("Ready() = %v, want the second check to replace the first", err)
	}
	report := health.Gate("gate")
	report(errors.New("lost"))
	if err := health.Ready(t.Context()); err == nil || err.Error() != "gate: lost" {
		t.Errorf("Ready() = %v, want the gate's report", err)
	}
}

func adminAddr(t *testing.T, logs string) string {
	t.Helper()
	for line := range strings.Lines(logs) {
		var entry struct{ Admin string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Admin != "" {
			return entry.Admin
		}
	}
	t.Fatalf("no admin address in\n%s", logs)
	return ""
}

func expect(t *testing.T, url string, status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status || !strings.Contains(string(body), text) {
		t.Errorf("GET %s = %d %q, want %d with %q", url, answer.StatusCode, body, status, text)
	}
}
