package model

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/services/extractor"
	"tapline.dev/services/loader"
	"tapline.dev/services/mapper"
	"tapline.dev/services/scheduler"
)

// runner is what every service's New returns.
type runner interface {
	Run(ctx context.Context) error
}

// suppressionKeys are the keys of every world.
const suppressionKeys = config.Secret("a-key-of-the-model-and-of-nothing-else")

// instance is one execution of a service, from its start to its end.
type instance struct {
	network *network
	health  *daemon.Health
	cancel  context.CancelFunc
	done    chan struct{}
}

var parts = []string{"scheduler", "extractor", "mapper", "loader"}

// build creates a service as its program does, with waits that are short enough for a test.
func (w *world) build(name string, n *network, health *daemon.Health) (runner, error) {
	tel := telemetry.Discard()
	tel.Logger = w.log.With(slog.String("service", name))
	kafkaDeps, redisDeps := kafka.Deps{Dial: n.dial}, redis.Deps{Dial: n.dial}
	if w.answers != nil {
		kafkaDeps.Dial = w.answers.Dial(n.dial)
	}
	switch name {
	case "scheduler":
		cfg := scheduler.DefaultConfig()
		cfg.Kafka, cfg.Redis = w.kafka, w.redis.Config
		cfg.Linger, cfg.Tick = 5*time.Millisecond, 50*time.Millisecond
		cfg.RetryDelay, cfg.RetryMax, cfg.TakeoverPause = 50*time.Millisecond, time.Second, 50*time.Millisecond
		cfg.MaxAttempts = w.attempts
		cfg.AfterGrace, cfg.AfterLimit = cmp.Or(w.afterGrace, cfg.AfterGrace), cmp.Or(w.afterLimit, cfg.AfterLimit)
		return scheduler.New(cfg, scheduler.Deps{Telemetry: tel, Health: health, Kafka: kafkaDeps, Redis: redisDeps})
	case "extractor":
		cfg := extractor.DefaultConfig()
		cfg.Suppression.Keys = suppressionKeys
		cfg.Kafka, cfg.Redis = w.kafka, w.redis.Config
		cfg.AllowCustomEndpoints, cfg.Concurrency = true, 64
		cfg.Secrets.Directories = []string{os.TempDir()}
		cfg.RetryDelay, cfg.EarlyReport = 10*time.Millisecond, 20*time.Millisecond
		cfg.Snowflake.StallTimeout, cfg.Snowflake.ChunkTries = w.stall, w.chunkTries
		return extractor.New(cfg, extractor.Deps{Telemetry: tel, Health: health, Kafka: kafkaDeps, Redis: redisDeps})
	case "mapper":
		cfg := mapper.DefaultConfig()
		cfg.Suppression.Keys = suppressionKeys
		cfg.Kafka = w.kafka
		return mapper.New(cfg, mapper.Deps{Telemetry: tel, Health: health, Kafka: kafkaDeps})
	case "loader":
		cfg := loader.DefaultConfig()
		cfg.Suppression.Keys = suppressionKeys
		cfg.Kafka, cfg.Redis = w.kafka, w.redis.Config
		cfg.AllowCustomEndpoints, cfg.MaxReplicas = true, max(1, w.replicas)
		cfg.Secrets.Directories = []string{os.TempDir()}
		cfg.Linger, cfg.CommitInterval = 5*time.Millisecond, 20*time.Millisecond
		cfg.RequestTimeout, cfg.LeaseInterval = w.requestTimeout(), w.kafka.SessionTimeout/4
		if w.disturbed {
			cfg.ApplySlack, cfg.RecordFaultLimit = applySlack, recordFaultLimit
		}
		cfg.BackoffMin, cfg.BackoffMax = 20*time.Millisecond, 200*time.Millisecond
		cfg.DrainTimeout = 2 * time.Second
		return loader.New(cfg, loader.Deps{Telemetry: tel, Health: health, Kafka: kafkaDeps, Redis: redisDeps})
	}
	return nil, errors.New("no such service")
}

// applySlack is the loader's setting in a disturbed world.
const applySlack = 3 * time.Second

func (w *world) requestTimeout() time.Duration { return w.kafka.SessionTimeout / 2 }

// openTime is how long a request may be applied after it was written, in a disturbed
// world.
func (w *world) openTime() time.Duration { return w.requestTimeout() + applySlack }

// startAll starts every service until the end of the test.
func (w *world) startAll() map[string]*instance {
	lives := map[string]*instance{}
	for _, name := range parts {
		lives[name] = w.start(name)
	}
	w.t.Cleanup(func() { w.stopAll(lives) })
	return lives
}

// stopAll stops all instances. It does not wait for those that crashed: without a network
// they may wait for an outcome for ever, while a killed process would have ended.
func (w *world) stopAll(lives map[string]*instance) {
	for _, i := range lives {
		i.cancel()
	}
	for _, i := range lives {
		<-i.done
	}
}

// start starts a service, until the world ends or the service crashes.
func (w *world) start(name string) *instance {
	i := &instance{network: newNetwork(), health: daemon.NewHealth(), done: make(chan struct{})}
	service, err := w.build(name, i.network, i.health)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	i.cancel = cancel
	go func() {
		defer close(i.done)
		err := service.Run(ctx)
		select {
		case <-i.network.cutNow: // a crashed one may say what it likes
		default:
			if err != nil {
				w.t.Errorf("%s ended: %v", name, err)
			}
		}
	}()
	return i
}

// crash cuts an instance's network at the n-th write from now, or after patience, and
// starts the next one. The old one is not drained: it has lost its network.
func (w *world) crash(name string, old *instance, writes int, patience time.Duration) *instance {
	old.network.cutAfter(writes)
	select {
	case <-old.network.cutNow:
	case <-time.After(patience):
		old.network.cut()
	}
	old.cancel()
	return w.start(name)
}
