package servers

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tapline.dev/libs/redis"
)

// Redis is a redis-server that can be stopped, killed and started again. It
// keeps nothing on disk: a new start is an empty Redis.
type Redis struct {
	Addr string
	Log  string

	dir     string
	port    int
	args    []string
	process *process
}

// StartRedis starts a server on a free port, with further arguments as
// redis-server takes them.
func StartRedis(ctx context.Context, dir string, args ...string) (*Redis, error) {
	if err := need("redis-server", "install Debian's redis-server"); err != nil {
		return nil, err
	}
	port, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	r := &Redis{Addr: fmt.Sprintf("127.0.0.1:%d", port), Log: filepath.Join(dir, "redis.log"), dir: dir, port: port, args: args}
	return r, r.Start(ctx)
}

// Start starts it, again after Stop or Kill, and returns once it answers.
func (r *Redis) Start(ctx context.Context) error {
	var err error
	args := append(slices.Clone(r.args), "--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir, "--daemonize", "no")
	if !slices.Contains(args, "--sentinel") {
		args = append(args, "--save", "", "--appendonly", "no")
	}
	r.process, err = start(r.Log, "redis-server", args...)
	if err != nil {
		return err
	}
	if err := r.process.until(ctx, startTimeout, func(ctx context.Context) error { return Pong(ctx, r.Addr) }); err != nil {
		r.Kill()
		return fmt.Errorf("starting Redis: %w\n%s", err, Tail(r.Log, 4000))
	}
	return nil
}

// Stop stops it in an orderly way.
func (r *Redis) Stop() { r.process.end(syscall.SIGTERM) }

// Kill ends it by SIGKILL.
func (r *Redis) Kill() { r.process.end(syscall.SIGKILL) }

// PID is the process's id.
func (r *Redis) PID() int { return r.process.cmd.Process.Pid }

// Pong returns nil once the Redis at addr answers.
func Pong(ctx context.Context, addr string) error {
	cfg := redis.Default()
	cfg.Addrs = []string{addr}
	client, err := redis.Open(cfg, redis.Deps{})
	if err != nil {
		return err
	}
	defer client.Close()
	// One that asks for a password is there.
	if err := client.Ping(ctx); err != nil && !strings.Contains(err.Error(), "NOAUTH") {
		return err
	}
	return nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
