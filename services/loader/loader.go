package loader

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/resources"
	"tapline.dev/domain/runs"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// Group is the loader's consumer group, without the prefix.
const Group = "loader"

// Deps is what main passes in.
type Deps struct {
	Telemetry *telemetry.Telemetry
	Health    *daemon.Health
	// Kafka and Redis replace the network, for tests that cut it.
	Kafka kafka.Deps
	Redis redis.Deps
}

// uploader sends records to one account.
type uploader interface {
	// UploadIf sends nothing if allow, which runs before the first byte is
	// written, returns an error.
	UploadIf(ctx context.Context, records [][]byte, dryRun bool, allow func() error) (clevertap.Result, error)
	Close()
}

// finder tells whether there is a profile, by "identity" or "objectId".
type finder interface {
	Exists(ctx context.Context, by, id string) (bool, error)
}

// profileReader reads a profile, by "identity" or "objectId"; nil if there is none.
type profileReader interface {
	Profile(ctx context.Context, by, id string) (json.RawMessage, error)
}

// Service is the loader.
type Service struct {
	cfg      Config
	deps     Deps
	kafka    kafka.Deps
	topics   schemas.Topics
	runs     *runs.View
	imports  *runs.Subscription
	accounts *accountSpecs
	// suppressed are the people who must not be sent.
	suppressed *suppression.List
	// lookups are the look-ups of people that nobody has answered yet.
	lookups    *lookupQueue
	lookupFeed *kafka.Follower
	redis      *redis.Client // nil without Redis
	metrics    metrics
	lag        *kafka.LagWatch
	lagReader  *kafka.Reader
	spans      *telemetry.Parts // of uploads
	ready      func(error)
	presence   kafka.Presence
	holder     string // names this process among the holders of leases
	connect    func(clevertap.Account) uploader
}

// New wires the service; it connects to nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	s := &Service{
		cfg: cfg, deps: deps,
		kafka:  kafka.Deps{Log: deps.Telemetry.Logger, Outages: kafka.NewOutages(deps.Telemetry.Logger), Meter: deps.Telemetry.MeterProvider(), Dial: deps.Kafka.Dial},
		topics: schemas.NewTopics(cfg.Kafka.Prefix),
		spans:  telemetry.NewParts(deps.Telemetry.Tracer("tapline.dev/services/loader"), "send upload", slowUpload),
		ready:  deps.Health.Gate("consuming"),
		holder: rand.Text(),
		connect: func(a clevertap.Account) uploader {
			return clevertap.NewClient(a)
		},
	}
	var err error
	if s.metrics, err = newMetrics(deps.Telemetry); err != nil {
		return nil, err
	}
	if _, err := tlsconf.ExportExpiry(deps.Telemetry.Meter("tapline.dev/libs/tlsconf"), map[string]string{"kafka": cfg.Kafka.TLS.CertFile, "redis": cfg.Redis.TLS.CertFile}); err != nil {
		return nil, err
	}
	if s.runs, err = runs.Open(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.imports, err = runs.OpenSubscription(cfg.Kafka, s.kafka, s.topics.Records, s.topics.DryRunRecords()); err != nil {
		return nil, err
	}
	if s.suppressed, err = suppression.Open(cfg.Suppression, cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	s.lookups = &lookupQueue{}
	if s.lookupFeed, err = kafka.OpenFollower(cfg.Kafka, s.kafka, s.topics.Lookups(), s.lookups); err != nil {
		return nil, err
	}
	if err := s.watchLag(); err != nil {
		return nil, err
	}
	view, err := resources.Open(cfg.Kafka, s.kafka)
	if err != nil {
		return nil, err
	}
	deps.Health.Add("kafka", func(context.Context) error { return s.presence.Err(cfg.Kafka.SessionTimeout) })
	s.accounts = newAccountSpecs(cfg.AllowCustomEndpoints, cfg.Secrets, cfg.Egress, view)
	if cfg.UseRedis {
		if s.redis, err = redis.Open(cfg.Redis, redis.Deps{Log: deps.Telemetry.Logger, Meter: deps.Telemetry.Meter("tapline.dev/libs/redis"), Dial: deps.Redis.Dial}); err != nil {
			return nil, err
		}
	}
	if s.redis != nil {
		deps.Health.AddDegrading("redis", s.redis.Check)
	}
	return s, nil
}

// Run loads until ctx ends, then finishes the requests in flight.
func (s *Service) Run(ctx context.Context) error {
	starting := kafka.AwaitTopics(ctx, s.cfg.Kafka, s.kafka, s.topics.Used("loader"))
	// The tables outlive ctx for the drain.
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if starting != nil {
		stop() // what New has opened is closed below
	}
	group, following := errgroup.WithContext(following)
	group.Go(func() error { return s.runs.Run(following) })
	group.Go(func() error { return s.imports.Run(following) })
	group.Go(func() error { return s.accounts.resources.Run(following) })
	group.Go(func() error { return s.suppressed.Run(following) })
	group.Go(func() error { return s.lookupFeed.Run(following) })
	group.Go(func() error { s.lag.Run(following); return nil })
	group.Go(func() error {
		defer stop()
		if starting != nil {
			return daemon.UnlessStopped(ctx, starting)
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(following, cancel)()
		s.rejoin(ctx)
		return nil
	})
	err := group.Wait()
	s.lagReader.Close()
	if s.redis != nil {
		// A lease that is not given back expires by itself.
		_ = s.redis.Close()
	}
	return err
}
