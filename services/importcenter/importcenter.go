package importcenter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/projection"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/api"
	"tapline.dev/services/importcenter/internal/catalog"
	"tapline.dev/services/importcenter/internal/guard"
	"tapline.dev/services/importcenter/internal/idempotency"
	"tapline.dev/services/importcenter/internal/page"
	"tapline.dev/services/importcenter/internal/projected"
	"tapline.dev/services/importcenter/internal/signin"
	"tapline.dev/services/importcenter/internal/writer"
	"tapline.dev/services/importcenter/web"
)

const (
	readTimeout = 10 * time.Second
	stopTimeout = 10 * time.Second
	// auditTimeout bounds the wait for an audit entry to be written.
	auditTimeout = 10 * time.Second
	// maxHeaderBytes is far more than a token of an OpenID provider takes.
	maxHeaderBytes = 32 << 10
)

// Deps are what main passes in.
type Deps struct {
	Telemetry *telemetry.Telemetry
	Health    *daemon.Health
}

// Service is Import Center.
type Service struct {
	cfg       Config
	deps      Deps
	kafka     kafka.Deps
	topics    schemas.Topics
	metrics   *metrics
	connected func(error)
	patience  time.Duration    // bounds a write while Kafka does not answer
	now       func() time.Time // replaced by tests before Run
	mayLack   time.Duration    // how long Redis may lack what the log has
}

// New checks the wiring and opens nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	m, err := newMetrics(deps.Telemetry.Meter(instrumentation))
	if err != nil {
		return nil, err
	}
	if _, err := tlsconf.ExportExpiry(deps.Telemetry.Meter("tapline.dev/libs/tlsconf"), map[string]string{"kafka": cfg.Kafka.TLS.CertFile, "redis": cfg.Redis.TLS.CertFile, "api": cfg.HTTP.TLS.CertFile}); err != nil {
		return nil, err
	}
	return &Service{
		cfg:       cfg,
		deps:      deps,
		kafka:     kafka.Deps{Log: deps.Telemetry.Logger, Outages: kafka.NewOutages(deps.Telemetry.Logger), Meter: deps.Telemetry.MeterProvider()},
		topics:    schemas.NewTopics(cfg.Kafka.Prefix),
		metrics:   m,
		connected: deps.Health.Gate("log"),
		patience:  writer.DefaultTimeout,
		now:       time.Now,
		mayLack:   projected.DefaultAllowed,
	}, nil
}

// Run creates the control topics that are missing, reads the log to its end and
// serves until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	listener, err := listen(ctx, s.cfg.HTTP.Addr)
	if err != nil {
		return err
	}
	if listener, err = s.secured(listener); err != nil {
		return err
	}
	return s.run(ctx, listener)
}

func (s *Service) run(ctx context.Context, listener net.Listener) error {
	defer func() { _ = listener.Close() }() // closed before, unless starting failed
	if err := kafka.AwaitTopics(ctx, s.cfg.Kafka, s.kafka, s.topics.Used("importcenter")); err != nil {
		return daemon.UnlessStopped(ctx, err)
	}
	rdb, err := redis.Open(s.cfg.Redis, redis.Deps{Log: s.deps.Telemetry.Logger, Meter: s.deps.Telemetry.Meter("tapline.dev/libs/redis")})
	if err != nil {
		return fmt.Errorf("opening Redis: %w", err)
	}
	reader, err := kafka.OpenReader(s.cfg.Kafka, s.kafka)
	if err != nil {
		return errors.Join(err, rdb.Close())
	}
	defer reader.Close()
	if err := projection.Claim(ctx, reader, rdb); err != nil {
		return errors.Join(err, rdb.Close())
	}
	return errors.Join(s.serve(ctx, listener, rdb, reader), rdb.Close())
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the address %s is in use; set http.addr to a free one: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listening for the API: %w", err)
	}
	return listener, nil
}

// secured bounds the connections and puts TLS on them, if a certificate is set.
func (s *Service) secured(listener net.Listener) (net.Listener, error) {
	listener = netutil.LimitListener(listener, s.cfg.HTTP.MaxConnections)
	if s.cfg.HTTP.TLS.CertFile == "" {
		return listener, nil
	}
	settings, err := s.cfg.HTTP.TLS.Load()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return tls.NewListener(listener, settings), nil
}

func (s *Service) removeTopics(ctx context.Context, names ...string) error {
	return kafka.DeleteTopics(ctx, s.cfg.Kafka, s.kafka, names...)
}

func (s *Service) partitionCounts(ctx context.Context, topics []string) (map[string]int, error) {
	return kafka.PartitionCounts(ctx, s.cfg.Kafka, s.kafka, topics)
}

func (s *Service) assignments(ctx context.Context, services ...string) (map[string]kafka.Assignment, error) {
	return kafka.Assignments(ctx, s.cfg.Kafka, s.kafka, services...)
}

// auditing writes audit records with a bound on how long one may take.
func auditing(producer *kafka.Producer) func(context.Context, *kafka.Record) error {
	return func(ctx context.Context, record *kafka.Record) error {
		ctx, cancel := context.WithTimeout(ctx, auditTimeout)
		defer cancel()
		return producer.Produce(ctx, record)
	}
}

func (s *Service) serve(ctx context.Context, listener net.Listener, rdb *redis.Client, reader *kafka.Reader) error {
	log := s.deps.Telemetry.Logger
	cat, err := catalog.Follow(s.cfg.Kafka, s.kafka, s.topics)
	if err != nil {
		return err
	}
	suppressions, err := suppression.Open(s.cfg.Suppression, s.cfg.Kafka, s.kafka)
	if err != nil {
		return err
	}
	keys, used := signin.NewKeys(cat, log), signin.NewLastUse(rdb, log)
	stopKeys, err := exportKeyExpiry(s.deps.Telemetry.Meter(instrumentation), keys)
	if err != nil {
		return err
	}
	defer stopKeys()
	producer, err := kafka.OpenProducer(s.cfg.Kafka, s.kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	webPage, err := s.webPage()
	if err != nil {
		return err
	}
	audit := auditing(producer)
	signing := s.signingIn(keys, used, rdb, audit)
	w := writer.New(s.cfg.Kafka, s.kafka, cat, s.patience)
	defer w.Close()
	index := s.rejectIndex(cat, reader)
	shown := projected.New(projection.NewReader(rdb), projection.NewWriter(rdb), s.mayLack, log)
	s.deps.Health.AddDegrading("projection", shown.Check)
	settings := s.settings(signing)
	deps := api.Deps{
		Log: log, Authenticate: signing.authenticate, Limiter: guard.NewLimiter(s.cfg.HTTP.RequestsPerMinute),
		Questions: guard.NewPlaces(s.cfg.HTTP.QuestionsPerCaller), Streams: guard.NewPlaces(s.cfg.HTTP.StreamsPerCaller), Stopping: ctx.Done(), Requests: idempotency.Open(rdb), Catalog: cat, Suppressions: suppressions, View: cat, Transactions: w,
		Projection: shown, Partitions: reader, Hidden: reader, Rejects: index, Topics: s.topics, Follow: s.follow,
		Inspect: func(ctx context.Context) []schemas.Check { return s.inspect(ctx, rdb) },
		MakeTopics: func(ctx context.Context, specs []schemas.TopicSpec) ([]string, error) {
			return kafka.MakeTopics(ctx, s.cfg.Kafka, s.kafka, specs)
		},
		Audit: audit, Pages: signing.pages, Sessions: signing.sessions, Page: webPage,
		PartitionCounts: s.partitionCounts, Assignments: s.assignments, SendNotification: s.channels().Send, RemoveTopics: s.removeTopics,
		LastUsed: used.Last,
		Now:      func() time.Time { return s.now().UTC() },
		Count:    s.metrics.count,
	}
	server := s.server(ctx, api.New(settings, deps))
	group, ctx := errgroup.WithContext(ctx)
	// The catalog outlives the server, so that a request in hand can still read
	// the log to its end.
	following, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return cat.Run(following) })
	group.Go(func() error { return suppressions.Run(following) })
	group.Go(func() error {
		defer stopFollowing()
		if err := errors.Join(cat.ReadToEnd(ctx), suppressions.ReadToEnd(ctx)); err != nil {
			return err
		}
		keys.Confirm(s.now())
		s.connected(nil)
		group.Go(func() error { return confirmKeys(ctx, cat.ReadToEnd, keys, s.now) })
		group.Go(func() error { used.Run(ctx); return nil })
		group.Go(func() error { return index.Run(following) })
		group.Go(func() error { return shown.Follow(ctx, s.topics.Runs(), s.follow) })
		group.Go(func() error { return s.notifications(ctx, cat, reader, settings, deps) })
		log.InfoContext(ctx, "serving the API", slog.String("addr", listener.Addr().String()), slog.Any("catalog", cat.Summary()))
		return serveUntil(ctx, server, listener)
	})
	return group.Wait()
}

// webPage reads the built web page.
func (s *Service) webPage() (*page.Page, error) {
	files, err := web.Files()
	if err != nil {
		return nil, fmt.Errorf("opening the web page: %w", err)
	}
	return page.New(files, s.cfg.HTTP.BasePath)
}

// server bounds what a request may take, and traces it.
func (s *Service) server(ctx context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler: otelhttp.NewHandler(page.Below(s.cfg.HTTP.BasePath, handler), "serve request",
			otelhttp.WithTracerProvider(newReadsLeftOut(s.deps.Telemetry)),
			otelhttp.WithMeterProvider(s.deps.Telemetry.MeterProvider()),
			otelhttp.WithPropagators(s.deps.Telemetry.Propagator())),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       s.cfg.HTTP.ReadTimeout,
		WriteTimeout:      s.cfg.HTTP.WriteTimeout,
		IdleTimeout:       s.cfg.HTTP.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// follow reads partitions from given offsets on until ctx ends or fn returns an
// error.
func (s *Service) follow(ctx context.Context, from map[kafka.TP]int64, fn func(*kafka.Record) error) error {
	const limit = 1000
	tail, err := kafka.OpenTail(s.cfg.Kafka, s.kafka, from)
	if err != nil {
		return err
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx, limit)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := fn(r); err != nil {
				return err
			}
		}
	}
}

// serveUntil serves until ctx is done, then lets the requests in hand finish.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	err := server.Serve(listener)
	if stop() { // ctx is not done: serving failed
		return fmt.Errorf("serving the API: %w", err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stopping the API: %w", err)
	}
	return nil
}
