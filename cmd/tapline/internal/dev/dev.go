//go:build cgo

package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/sandbox"
	"tapline.dev/schemas"
)

const (
	// spansKept is how many of the newest spans are kept for /traces.
	spansKept = 20_000
	// readyTimeout bounds the start.
	readyTimeout = time.Minute
)

// Dev is a running pipeline. Run fills it before it calls ready.
type Dev struct {
	cfg     Config
	secrets secrets
	// suppression has the key of the suppression list.
	suppression suppression.Config
	endpoints   Endpoints
	log         *slog.Logger
	logFile     *os.File
	spans       *telemetry.Ring

	kafkaConfig kafka.Config
	redisAddr   string
	snowflake   *sandbox.Snowflake
	clevertap   *sandbox.CleverTap
	tables      []sandbox.Table // when all is ready
}

// Endpoints says where everything is.
func (d *Dev) Endpoints() Endpoints { return d.endpoints }

// Snowflake is the sandbox Snowflake, for filling tables and asking DuckDB.
func (d *Dev) Snowflake() *sandbox.Snowflake { return d.snowflake }

// Run starts everything, calls ready when all of it answers and runs until ctx is
// done or ready returns. It stops the services first, then the infrastructure that
// they need.
func Run(ctx context.Context, cfg Config, ready func(context.Context, *Dev) error) (err error) {
	if err := cfg.validate(); err != nil {
		return err
	}
	release, err := lock(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	d := &Dev{cfg: cfg, spans: telemetry.NewRing(spansKept)}
	if err := d.openLog(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.logFile.Close()) }()
	if d.secrets, err = cfg.secrets(); err != nil {
		return err
	}
	if err := d.portsFree(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeEndpoints(cfg.path(endpointsName))) }()
	return d.infra(ctx, func(ctx context.Context) error { return d.services(ctx, ready) })
}

// openLog opens the file for the logs of the services, which would hide the messages on
// the terminal.
func (d *Dev) openLog() error {
	file, err := os.OpenFile(d.cfg.path("tapline.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	d.logFile = file
	d.log = slog.New(slog.NewJSONHandler(file, nil)).With(slog.String("service", "dev"))
	return nil
}

func (d *Dev) portsFree(ctx context.Context) error {
	type port struct {
		offset int
		what   string
	}
	wanted := []port{{portSnowflake, "the sandbox Snowflake"}, {portCleverTap, "the sandbox CleverTap"}}
	if d.cfg.Kafka == "" {
		wanted = append(wanted, port{portKafka, "Kafka"})
	}
	if d.cfg.Redis == "" {
		wanted = append(wanted, port{portRedis, "Redis"})
	}
	if !d.cfg.OnlyInfra {
		wanted = append(wanted, port{portImportCenter, "Import Center"})
		for _, p := range d.parts() {
			wanted = append(wanted, port{p.admin, "the " + p.name + "'s probes and metrics"})
		}
	}
	for _, p := range wanted {
		if err := checkPortFree(ctx, d.cfg.addr(p.offset), p.what); err != nil {
			return err
		}
	}
	return nil
}

// infra starts Kafka, Redis and the sandboxes, calls body and stops them.
func (d *Dev) infra(ctx context.Context, body func(context.Context) error) (err error) {
	d.say("starting Kafka in %s", d.cfg.Data)
	stopKafka, err := d.startKafka()
	if err != nil {
		return err
	}
	defer stopKafka()
	stopRedis, err := d.startRedis(ctx)
	if err != nil {
		return err
	}
	defer stopRedis()
	deps := kafka.Deps{Log: d.log}
	if err := kafka.Reachable(ctx, d.kafkaConfig, deps); err != nil {
		return err
	}
	topics := schemas.NewTopics(d.kafkaConfig.Prefix)
	if err := kafka.EnsureTopics(ctx, d.kafkaConfig, deps, topics.Catalogue()); err != nil {
		return fmt.Errorf("creating the control topics: %w", err)
	}
	d.say("opening the sandbox Snowflake and reading the sandbox CleverTap's journal")
	if err := d.makeSandboxes(); err != nil {
		return err
	}
	// The sandboxes outlive the services, which drain into them.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(running)
	group.Go(func() error { return d.snowflake.Run(running) })
	group.Go(func() error { return d.clevertap.Run(running) })
	group.Go(func() error {
		defer stop()
		ctx, cancel := eitherDone(ctx, running)
		defer cancel()
		if err := d.sandboxesReady(ctx); err != nil {
			return err
		}
		return body(ctx)
	})
	return group.Wait()
}

// eitherDone returns a context that is done as soon as one of the two is.
func eitherDone(a, b context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(a)
	stop := context.AfterFunc(b, cancel)
	return ctx, func() { stop(); cancel() }
}

func (d *Dev) sandboxesReady(ctx context.Context) (err error) {
	for _, ready := range []<-chan struct{}{d.snowflake.Ready(), d.clevertap.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.fillEndpoints()
	if d.cfg.Fill != nil {
		d.say("generating the demo's tables")
		if err := d.cfg.Fill(ctx, d.snowflake); err != nil {
			return err
		}
	}
	for _, t := range d.cfg.Load {
		d.say("loading %s into %s", t.File, t.Name)
		if err := d.snowflake.Load(ctx, t.Name, t.File); err != nil {
			return fmt.Errorf("loading %s into %s: %w", t.File, t.Name, err)
		}
	}
	d.tables, err = d.snowflake.Tables(ctx)
	if err != nil {
		return fmt.Errorf("listing tables: %w", err)
	}
	if !d.cfg.OnlyInfra {
		d.say("starting the services")
	}
	return nil
}

// say tells the user what is being done.
func (d *Dev) say(format string, args ...any) {
	if d.cfg.Progress != nil {
		d.cfg.Progress(fmt.Sprintf(format, args...))
	}
}

func (d *Dev) fillEndpoints() {
	d.endpoints = Endpoints{
		ImportCenter: d.cfg.url(portImportCenter),
		Kafka:        strings.Join(d.kafkaConfig.Brokers, ","),
		Redis:        d.redisAddr,
		KafkaPrefix:  d.kafkaConfig.Prefix,
		RedisPrefix:  d.redis().KeyPrefix,
		Snowflake: SnowflakeEndpoint{
			URL: "http://" + d.snowflake.Addr(), Account: account, User: userName,
			Password: d.secrets.password, Warehouse: warehouse,
		},
		CleverTap: CleverTapEndpoint{
			URL: "http://" + d.clevertap.Addr(), AccountID: d.secrets.accountID, Passcode: d.secrets.passcode,
		},
		Admin: map[string]string{},
		Files: map[string]string{"log": d.logFile.Name(), "resources": d.cfg.path(resourcesName)},
	}
	if d.cfg.OnlyInfra {
		return
	}
	for _, p := range d.parts() {
		d.endpoints.Admin[p.name] = d.cfg.url(p.admin)
	}
	d.endpoints.Admin["dev"] = d.cfg.url(adminDev)
}
