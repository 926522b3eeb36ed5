// Package daemon is the body of every main: it reads the configuration, starts
// telemetry and the admin server, runs the service until a signal, drains it
// and turns the outcome into an exit code.
//
// Its parts, Health and Admin, also serve programs that run several services in
// one process.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
)

// Exit codes of every service.
const (
	ExitOK      = 0 // stopped as asked
	ExitFailed  = 1 // failed while starting or running
	ExitInvalid = 2 // the configuration or the flags are wrong
)

// Run does a service's work until ctx is done, finishes what is in hand and
// returns nil.
type Run func(ctx context.Context) error

// Program is what one main adds: its name, its defaults and its wiring.
type Program[C any] struct {
	// Name is the program's name and its service.name.
	Name string
	// AdminAddr is the default of admin.addr.
	AdminAddr string
	// Config holds the service's defaults.
	Config C
	// Wire builds the service without starting anything: --check stops after it.
	// The returned Run closes what Wire opened.
	Wire func(ctx context.Context, cfg C, env Env) (Run, error)
	// Connect signs in to the servers that the service stands on, for --check
	// --connect. It writes nothing. Nil connects to none.
	Connect func(ctx context.Context, cfg C, env Env) error
}

// connectTimeout bounds --connect, so that a check ends although a firewall drops its
// packets.
const connectTimeout = 20 * time.Second

// Env is what a service gets from the process.
type Env struct {
	Name    string
	Version string
	// Log is Telemetry's logger.
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Health takes the service's readiness checks.
	Health *Health
}

// Main runs the program with the process's own arguments, environment, outputs
// and signals, and returns the exit code for os.Exit.
//
// The first SIGTERM or SIGINT asks the service to drain; a second one finds the
// default behaviour restored and ends the process.
func Main[C any](p Program[C]) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		// In this order: signal.NotifyContext cancels first, and a second signal
		// that comes at once would be lost.
		signal.Stop(signals)
		cancel()
	}()
	return p.Run(ctx, Process{Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr})
}

// Process is what Main takes from the operating system.
type Process struct {
	Args      []string
	LookupEnv func(string) (string, bool) // nil: the process environment
	Environ   func() []string             // as NAME=value; nil: the process environment
	Stdout    io.Writer
	Stderr    io.Writer
}

// Run runs the program until ctx is done and returns the exit code. Main calls
// it; tests call it with a Process of their own.
func (p Program[C]) Run(ctx context.Context, proc Process) int {
	cfg := p.Config
	own := DefaultConfig()
	if p.AdminAddr != "" {
		own.Admin.Addr = p.AdminAddr
	}
	flags, err := parseFlags(p.Name, proc.Args, &own, &cfg)
	if err != nil {
		return complain(proc.Stderr, p.Name, err)
	}
	switch {
	case flags.help:
		return say(proc.Stdout, flags.usage)
	case flags.version:
		return say(proc.Stdout, p.Name+" "+Version()+"\n")
	}
	keys, err := everyKey(&own, &cfg)
	if err != nil {
		return complain(proc.Stderr, p.Name, err)
	}
	source := config.Source{File: flags.file, LookupEnv: proc.LookupEnv, Flags: flags.settings, Others: keys}
	if err := config.Load(source, &own, &cfg); err != nil {
		return complain(proc.Stderr, p.Name, err)
	}
	if err := checkDrain(own, cfg); err != nil {
		return complain(proc.Stderr, p.Name, fmt.Errorf("%w: %w", config.ErrInvalid, err))
	}
	misspelt := config.Misspelt(proc.environ(), keys)
	if flags.check && misspelt != nil {
		return complain(proc.Stderr, p.Name, misspelt)
	}
	if flags.print {
		if err := config.Print(proc.Stdout, &own, &cfg); err != nil {
			return complain(proc.Stderr, p.Name, err)
		}
		return ExitOK
	}
	if flags.probe {
		if err := probe(ctx, own.Admin); err != nil {
			_ = complain(proc.Stderr, p.Name, err)
			return ExitFailed
		}
		return ExitOK
	}
	return p.start(ctx, proc, own, cfg, flags, misspelt)
}

func (p Process) environ() []string {
	if p.Environ != nil {
		return p.Environ()
	}
	return config.Environ()
}

// drainer is a configuration that bounds the service's own drain.
type drainer interface {
	// Drain is the key of the bound and the bound.
	Drain() (key string, most time.Duration)
}

// checkDrain refuses a service's own drain that may last longer than admin.drainTimeout.
func checkDrain(own Config, cfg any) error {
	d, ok := cfg.(drainer)
	if !ok {
		return nil
	}
	if key, most := d.Drain(); most >= own.Admin.DrainTimeout {
		return config.Bad("admin.drainTimeout", "is %s, and must be longer than %s (%s)", own.Admin.DrainTimeout, key, most)
	}
	return nil
}

func (p Program[C]) start(ctx context.Context, proc Process, own Config, cfg C, flags commandLine, misspelt error) int {
	tel, err := telemetry.Start(ctx, telemetry.Settings{
		Service:   p.Name,
		Version:   Version(),
		Log:       proc.Stderr,
		LogText:   own.Log.Format == LogText,
		LogLevel:  own.Log.Level,
		Imports:   own.Metrics.Imports,
		LookupEnv: proc.LookupEnv,
	})
	if err != nil {
		return complain(proc.Stderr, p.Name, err)
	}
	env := Env{Name: p.Name, Version: Version(), Log: tel.Logger, Telemetry: tel, Health: NewHealth()}
	if misspelt != nil {
		env.Log.WarnContext(ctx, "a variable has no effect", slog.Any("error", misspelt))
	}
	err = p.wireAndRun(ctx, own, cfg, env, flags, proc.Stdout)
	if err != nil {
		env.Log.ErrorContext(ctx, "stopped by an error", slog.Any("error", err))
	}
	if err := tel.Shutdown(ctx); err != nil {
		env.Log.WarnContext(ctx, "telemetry is incomplete", slog.Any("error", err))
	}
	return exitCode(err, flags.check)
}

func (p Program[C]) wireAndRun(ctx context.Context, own Config, cfg C, env Env, flags commandLine, stdout io.Writer) error {
	run, err := p.Wire(ctx, cfg, env)
	if err != nil {
		return fmt.Errorf("wiring: %w", err)
	}
	if flags.check {
		return p.check(ctx, cfg, env, flags.connect, stdout)
	}
	return env.Run(ctx, own.Admin, run)
}

func (p Program[C]) check(ctx context.Context, cfg C, env Env, connect bool, stdout io.Writer) error {
	found := "the configuration is valid"
	if connect && p.Connect != nil {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err := p.Connect(ctx, cfg, env); err != nil {
			return err
		}
		found += ", and Kafka and Redis accept it"
	}
	_, err := fmt.Fprintf(stdout, "%s: %s\n", p.Name, found)
	return err
}

// Run runs a service and its admin server until ctx is done, and drains it.
// Programs that run several services in one process call it for each.
func (env Env) Run(ctx context.Context, cfg AdminConfig, run Run) error {
	admin, err := Listen(ctx, cfg, env.Health, env.Telemetry.Metrics(), env.Telemetry.Level)
	if err != nil {
		return err
	}
	stopLooking, err := env.exportHealth(ctx)
	if err != nil {
		return errors.Join(err, admin.listener.Close())
	}
	defer stopLooking()
	stopExpiry, err := tlsconf.ExportExpiry(env.Telemetry.Meter("tapline.dev/libs/tlsconf"), map[string]string{"admin": cfg.TLS.CertFile})
	if err != nil {
		return errors.Join(err, admin.listener.Close())
	}
	defer stopExpiry()
	env.Log.InfoContext(ctx, "started", slog.String("version", env.Version), slog.String("admin", admin.Addr()))
	// The admin server outlives the drain, so that probes and scrapes see it.
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	adminDone := make(chan error, 1)
	go func() { adminDone <- admin.Run(adminCtx) }()
	err = runAndDrain(ctx, run, env, cfg.DrainTimeout)
	stopAdmin()
	err = errors.Join(err, <-adminDone)
	if err == nil {
		env.Log.InfoContext(ctx, "stopped")
	}
	return err
}

// errDrain says that a service did not stop in time. What it had in hand is
// taken up again after a restart (Invariant 6).
var errDrain = errors.New("the service did not stop within admin.drainTimeout")

// runAndDrain runs the service; once ctx is done it has timeout to return.
func runAndDrain(ctx context.Context, run Run, env Env, timeout time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	select {
	case err := <-done:
		return stopError(ctx, err)
	case <-ctx.Done():
	}
	env.Health.Drain()
	env.Log.InfoContext(ctx, "draining", slog.Duration("timeout", timeout))
	select {
	case err := <-done:
		return stopError(ctx, err)
	case <-time.After(timeout):
		return errDrain
	}
}

// stopError returns nil for a service that ends with context.Canceled after ctx
// is done: that service stopped as it was asked to.
func stopError(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("running: %w", err)
	}
	return nil
}

// UnlessStopped returns err, or nil once ctx is done: an error after that comes from work
// that was ended because the process stops.
func UnlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// exitCode returns the exit code for an error. With --check every error means an
// invalid configuration.
func exitCode(err error, check bool) int {
	switch {
	case err == nil:
		return ExitOK
	case check, errors.Is(err, config.ErrInvalid):
		return ExitInvalid
	}
	return ExitFailed
}

// complain writes an error that occurs before the logger exists.
func complain(w io.Writer, name string, err error) int {
	if _, werr := fmt.Fprintf(w, "%s: %v\n", name, err); werr != nil {
		return ExitFailed
	}
	return ExitInvalid
}

func say(w io.Writer, text string) int {
	if _, err := io.WriteString(w, text); err != nil {
		return ExitFailed
	}
	return ExitOK
}

// version is set by the build with -ldflags -X.
var version string

// Version is the build's version, or the commit it was built from.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return "development"
}
