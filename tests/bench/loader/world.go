package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	redisembedded "tapline.dev/libs/redis/embedded"
	"tapline.dev/sandbox"
	"tapline.dev/schemas"
)

const (
	account    = "clevertap"
	partitions = 6
	slots      = 15
	perUpload  = 1000
)

// world is what a loader works with: Kafka, Redis and the sandbox CleverTap.
type world struct {
	dir     string
	log     *slog.Logger
	cluster *embedded.Cluster
	redis   *redisembedded.Server
	sandbox *sandbox.CleverTap
	ct      sandbox.CleverTapConfig
	kafka   kafka.Config
	deps    kafka.Deps
	topics  schemas.Topics
	stop    context.CancelFunc
	runs    int
}

func newWorld(ctx context.Context, log *slog.Logger) (w *world, err error) {
	w = &world{log: log, deps: kafka.Deps{Log: log}}
	if w.dir, err = os.MkdirTemp("", "bench-loader-"); err != nil {
		return nil, err
	}
	if w.cluster, err = embedded.Start(embedded.Config{DataDir: filepath.Join(w.dir, "kafka")}); err != nil {
		return nil, err
	}
	if w.redis, err = redisembedded.Start(""); err != nil {
		return nil, err
	}
	w.kafka = kafka.DefaultConfig()
	w.kafka.Brokers, w.kafka.CreateTopics = w.cluster.Addrs(), true
	w.topics = schemas.NewTopics(w.kafka.Prefix)
	w.ct = sandbox.DefaultCleverTapConfig()
	w.ct.Listen, w.ct.Store, w.ct.History, w.ct.Requests = "127.0.0.1:0", false, 0, 10
	w.sandbox = sandbox.NewCleverTap(w.ct, log)
	ctx, w.stop = context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() { failed <- w.sandbox.Run(ctx) }()
	select {
	case err := <-failed:
		return nil, err
	case <-w.sandbox.Ready():
	}
	if err := kafka.EnsureTopics(ctx, w.kafka, w.deps, w.topics.Catalogue()); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *world) close() {
	w.stop()
	w.redis.Close()
	w.cluster.Close()
	_ = os.RemoveAll(w.dir)
}

// result is one measurement.
type result struct {
	took  time.Duration
	cpu   time.Duration
	stats stats
}

// slotUse is the share of the slots' time in which a request was in flight, by
// the latency that the sandbox gives each.
func (r result) slotUse(latency time.Duration) float64 {
	return float64(r.stats.Uploads) * latency.Seconds() / (slots * r.took.Seconds())
}

// stats is what the sandbox counts.
type stats struct {
	Uploads     int64 `json:"uploads"`
	Records     int   `json:"records"`
	MaxInFlight int   `json:"maxInFlight"`
	Connections int64 `json:"connections"`
}

// measure runs one loader on a new import. The time is that from the first record that
// CleverTap has to the last, the CPU time that from the loader's start to its end.
func (w *world) measure(ctx context.Context, subject, binary string, rows int, latency time.Duration) (result, error) {
	w.runs++
	name := fmt.Sprintf("bench-%d", w.runs)
	if err := w.prepare(ctx, name, rows); err != nil {
		return result{}, err
	}
	if err := w.call(ctx, http.MethodPost, "/sandbox/v1/reset", nil, nil); err != nil {
		return result{}, err
	}
	fault := map[string]any{"faults": []map[string]any{{"kind": "latency", "latencyMs": latency.Milliseconds()}}}
	if err := w.call(ctx, http.MethodPut, "/sandbox/v1/faults", fault, nil); err != nil {
		return result{}, err
	}
	cmd, err := w.command(ctx, subject, binary, name)
	if err != nil {
		return result{}, err
	}
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	r, err := w.watch(ctx, rows, done)
	if err != nil {
		return result{}, err
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return result{}, err
	}
	if err := <-done; err != nil && subject != "plain" { // that one ends by the signal
		return result{}, fmt.Errorf("draining: %w", err)
	}
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, nil
}

// watch polls the sandbox until it has all records.
func (w *world) watch(ctx context.Context, rows int, done <-chan error) (result, error) {
	var began time.Time
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var r result
		if err := w.call(ctx, http.MethodGet, "/sandbox/v1/stats", nil, &r.stats); err != nil {
			return r, err
		}
		if began.IsZero() && r.stats.Uploads > 0 {
			began = time.Now()
		}
		if r.stats.Records >= rows {
			r.took = time.Since(began)
			return r, nil
		}
		select {
		case <-ticker.C:
		case err := <-done:
			return r, errors.Join(errEnded, err)
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}

// command starts a loader as a process of its own.
func (w *world) command(ctx context.Context, subject, binary, name string) (*exec.Cmd, error) {
	if subject == "plain" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		world := strings.Join([]string{w.kafka.Brokers[0], w.topics.Records(name), "http://" + w.sandbox.Addr(), w.ct.AccountID, string(w.ct.Passcode)}, "|")
		cmd := exec.CommandContext(ctx, self, "--plain", world)
		cmd.Stderr = os.Stderr
		return cmd, nil
	}
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(),
		"TAPLINE_KAFKA_BROKERS="+w.kafka.Brokers[0], "TAPLINE_REDIS_ADDRS="+w.redis.Addr(),
		"TAPLINE_ALLOW_CUSTOM_ENDPOINTS=true", "TAPLINE_SECRETS_DIRECTORIES="+os.TempDir(), "TAPLINE_MAX_REPLICAS=1", "TAPLINE_ADMIN_ADDR=127.0.0.1:0", "TAPLINE_LOG_LEVEL=WARN")
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// call sends a request to the sandbox's inspection endpoints.
func (w *world) call(ctx context.Context, method, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+w.sandbox.Addr()+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: HTTP %d", method, path, res.StatusCode)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}
