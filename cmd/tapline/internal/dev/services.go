//go:build cgo

package dev

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/services/extractor"
	"tapline.dev/services/importcenter"
	"tapline.dev/services/loader"
	"tapline.dev/services/mapper"
	"tapline.dev/services/scheduler"
)

// part is a service as dev composes it: the same New and Run that its own
// program calls.
type part struct {
	name  string
	admin int
	make  func(env daemon.Env) (daemon.Run, error)
}

// runner is what every service's New returns.
type runner interface {
	Run(ctx context.Context) error
}

func runOf(service runner, err error) (daemon.Run, error) {
	if err != nil {
		return nil, err
	}
	return service.Run, nil
}

func (d *Dev) parts() []part {
	return []part{
		{"importcenter", adminImportCenter, func(env daemon.Env) (daemon.Run, error) {
			cfg := importcenter.DefaultConfig()
			cfg.Kafka, cfg.Redis = d.kafkaConfig, d.redis()
			cfg.HTTP.Addr = d.cfg.addr(portImportCenter)
			cfg.Suppression = d.suppression
			// A web page that the developer visits must not make Import Center send the
			// sandboxes' secrets to another host.
			cfg.AllowCustomEndpoints, cfg.LoopbackEndpointsOnly = true, true
			cfg.Schedules.MinInterval = time.Second
			cfg.Notifications.Secrets.Directories = d.references().Directories
			cfg.TraceURL = d.cfg.url(adminDev) + "/traces?trace={traceId}"
			cfg.Notifications.PageURL = "http://" + cfg.HTTP.Addr
			// In a folder that the extractor and the loader may read.
			cfg.Secrets.Store = filepath.Join(filepath.Dir(d.secrets.passwordFile), "store")
			// Not in that folder: it holds rows of people, and no secret.
			cfg.Rejects.Directory = filepath.Join(filepath.Dir(filepath.Dir(d.secrets.passwordFile)), "rejects")
			return runOf(importcenter.New(cfg, importcenter.Deps{Telemetry: env.Telemetry, Health: env.Health}))
		}},
		{"scheduler", adminScheduler, func(env daemon.Env) (daemon.Run, error) {
			cfg := scheduler.DefaultConfig()
			cfg.Kafka, cfg.Redis = d.kafkaConfig, d.redis()
			return runOf(scheduler.New(cfg, scheduler.Deps{Telemetry: env.Telemetry, Health: env.Health}))
		}},
		{"extractor", adminExtractor, func(env daemon.Env) (daemon.Run, error) {
			cfg := extractor.DefaultConfig()
			cfg.Suppression = d.suppression
			cfg.Kafka, cfg.Redis = d.kafkaConfig, d.redis()
			cfg.AllowCustomEndpoints = true
			cfg.Secrets = d.references()
			return runOf(extractor.New(cfg, extractor.Deps{Telemetry: env.Telemetry, Health: env.Health}))
		}},
		{"mapper", adminMapper, func(env daemon.Env) (daemon.Run, error) {
			cfg := mapper.DefaultConfig()
			cfg.Suppression = d.suppression
			cfg.Kafka = d.kafkaConfig
			return runOf(mapper.New(cfg, mapper.Deps{Telemetry: env.Telemetry, Health: env.Health}))
		}},
		{"loader", adminLoader, func(env daemon.Env) (daemon.Run, error) {
			cfg := loader.DefaultConfig()
			cfg.Suppression = d.suppression
			cfg.Kafka, cfg.Redis = d.kafkaConfig, d.redis()
			cfg.AllowCustomEndpoints = true
			cfg.Secrets = d.references()
			cfg.MaxReplicas = 1
			return runOf(loader.New(cfg, loader.Deps{Telemetry: env.Telemetry, Health: env.Health}))
		}},
	}
}

// suppressionKey reads the key of the suppression list, which is made once and lies
// beside the list itself.
func suppressionKey(path string) (suppression.Config, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = []byte(rand.Text() + rand.Text())
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		return suppression.Config{}, fmt.Errorf("keeping the key of the suppression list: %w", err)
	}
	return suppression.Config{Keys: config.Secret(key)}, nil
}

// references allows references to the sandboxes' secrets, besides the usual folders.
func (d *Dev) references() config.References {
	r := config.DefaultReferences()
	r.Directories = append(r.Directories, filepath.Dir(d.secrets.passwordFile))
	return r
}

func (d *Dev) redis() redis.Config {
	cfg := redis.Default()
	cfg.Addrs = []string{d.redisAddr}
	if d.cfg.Prefix != "" {
		cfg.KeyPrefix = d.cfg.Prefix + ":"
	}
	return cfg
}

// services starts every service, applies the resources, says ready and runs
// until ctx is done or ready returns.
func (d *Dev) services(ctx context.Context, ready func(context.Context, *Dev) error) error {
	documents, err := d.resources()
	if err != nil {
		return err
	}
	if err := d.writeResources(documents); err != nil {
		return err
	}
	if d.suppression, err = suppressionKey(d.cfg.path("suppression.key")); err != nil {
		return err
	}
	if d.cfg.OnlyInfra {
		return d.announce(ctx, ready)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	// All services are created before the first one runs: New registers the readiness
	// checks, and a service without any would count as ready.
	var running []*runningPart
	health := map[string]*daemon.Health{}
	for _, p := range d.parts() {
		r, err := d.prepare(ctx, p)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", p.name, err), flush(ctx, running))
		}
		running = append(running, r)
		health[p.name] = r.env.Health
	}
	for _, r := range running {
		group.Go(func() error {
			if err := d.runPart(ctx, r); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			return nil
		})
	}
	group.Go(func() error { return d.serveTraces(ctx, health) })
	group.Go(func() error {
		defer stop()
		if err := d.apply(ctx, health, documents); err != nil {
			return err
		}
		return d.announce(ctx, ready)
	})
	return group.Wait()
}

func (d *Dev) announce(ctx context.Context, ready func(context.Context, *Dev) error) error {
	if err := writeEndpoints(d.cfg.path(endpointsName), d.endpoints); err != nil {
		return err
	}
	return ready(ctx, d)
}

// runningPart is a service with what daemon.Main would give it.
type runningPart struct {
	part
	env daemon.Env
	run daemon.Run
}

func (d *Dev) prepare(ctx context.Context, p part) (*runningPart, error) {
	tel, err := telemetry.Start(ctx, telemetry.Settings{
		Service: p.name, Version: daemon.Version(), Log: d.logFile, Spans: d.spans,
	})
	if err != nil {
		return nil, err
	}
	r := &runningPart{part: p, env: daemon.Env{
		Name: p.name, Version: daemon.Version(), Log: tel.Logger, Telemetry: tel, Health: daemon.NewHealth(),
	}}
	r.run, err = p.make(r.env)
	if err != nil {
		return nil, errors.Join(err, tel.Shutdown(ctx))
	}
	return r, nil
}

// flush ends the telemetry of services that will not run.
func flush(ctx context.Context, parts []*runningPart) error {
	var errs []error
	for _, r := range parts {
		errs = append(errs, r.env.Telemetry.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// runPart runs a service as its own program does, until ctx is done.
func (d *Dev) runPart(ctx context.Context, r *runningPart) error {
	admin := daemon.DefaultConfig().Admin
	admin.Addr, admin.Profiles = d.cfg.addr(r.admin), true // to this machine
	return errors.Join(r.env.Run(ctx, admin, r.run), r.env.Telemetry.Shutdown(ctx))
}

// apply waits until every service is ready and applies the resources.
func (d *Dev) apply(ctx context.Context, health map[string]*daemon.Health, documents []json.RawMessage) error {
	waiting, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for name, h := range health {
		if err := untilReady(waiting, h); err != nil {
			if ctx.Err() != nil {
				return nil // asked to stop, or a service ended with an error of its own
			}
			return fmt.Errorf("%s is not ready after %s: %w; %s says more", name, readyTimeout, err, d.logFile.Name())
		}
	}
	c, err := client.New(d.endpoints.ImportCenter, "tapline dev")
	if err != nil {
		return err
	}
	if _, err := c.Apply(ctx, documents); err != nil {
		return fmt.Errorf("applying the sandboxes' connection and account: %w", err)
	}
	return nil
}

func untilReady(ctx context.Context, h *daemon.Health) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := h.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// serveTraces shows the spans that are kept: /traces?trace=ID, or all of them.
func (d *Dev) serveTraces(ctx context.Context, health map[string]*daemon.Health) error {
	all := daemon.NewHealth()
	for name, h := range health {
		all.Add(name, h.Ready)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /traces", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// If this fails, the client has disconnected and there is nobody to tell.
		_ = json.NewEncoder(w).Encode(map[string]any{"items": d.spans.Spans(r.URL.Query().Get("trace"))})
	})
	return serve(ctx, d.cfg.addr(adminDev), mux, all)
}
