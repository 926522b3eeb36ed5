// Package redis is the client of Redis and the only importer of go-redis.
//
// The projection can be written again from Kafka. Losing the ledger and the leases costs
// bounded duplicates; losing the sessions of browsers and the answers under
// Idempotency-Keys costs a sign-in or a repeated request. Writes are absolute values, not
// increments, so that a command that may have run twice leaves the same state. Commands
// that are not idempotent are sent once and never repeated by the client.
//
// Keys are given without the deployment's prefix, which the client adds.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/config"
	"tapline.dev/libs/tlsconf"
)

// Config says where Redis is.
type Config struct {
	// Addrs are host:port: one server, the nodes of a cluster, or the sentinels
	// if SentinelMaster is set.
	Addrs          []string
	SentinelMaster string
	// SentinelUsername and SentinelPassword are for the sentinels themselves.
	SentinelUsername string
	SentinelPassword config.Secret
	// Cluster says that Addrs, which holds a single address, is a Redis Cluster, as a managed
	// service may offer it. Several addresses without SentinelMaster are always a cluster.
	Cluster bool
	// Username is a user of Redis' access lists, Password that user's; an empty
	// Username is the default user.
	Username string
	Password config.Secret
	// DB is the number of the database; a cluster has only 0.
	DB  int
	TLS tlsconf.Config
	// KeyPrefix goes before every key but those of leased slots. A deployment that
	// shares its Redis with another one has a prefix of its own.
	KeyPrefix string
	// SlotPrefix goes before the keys of leased slots. Deployments that load into
	// one CleverTap account share its slots, so it is the same in all of them.
	SlotPrefix string
	// DialTimeout bounds how long a connection may take to open.
	DialTimeout time.Duration
	// Timeout bounds one command with its repetitions.
	Timeout time.Duration
	// PoolSize is how many connections to each server are kept at most.
	PoolSize int
}

// Default is a server on this machine.
func Default() Config {
	return Config{
		Addrs:       []string{"127.0.0.1:6379"},
		KeyPrefix:   "tapline:",
		SlotPrefix:  "tapline:",
		DialTimeout: 2 * time.Second,
		Timeout:     2 * time.Second,
		PoolSize:    8,
	}
}

// Validate checks the addresses and bounds.
func (c Config) Validate() error {
	var errs []error
	if len(c.Addrs) == 0 {
		errs = append(errs, config.Bad("addrs", "must not be empty"))
	}
	for _, addr := range c.Addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			errs = append(errs, config.Bad("addrs", "want host:port"))
		}
	}
	if c.DB != 0 && c.SentinelMaster == "" && (c.Cluster || len(c.Addrs) > 1) {
		errs = append(errs, config.Bad("db", "a cluster has only database 0"))
	}
	if c.Cluster && c.SentinelMaster != "" {
		errs = append(errs, config.Bad("cluster", "must not be set beside sentinelMaster"))
	}
	if c.SentinelMaster == "" && (c.SentinelUsername != "" || c.SentinelPassword != "") {
		errs = append(errs, config.Bad("sentinelMaster", "must be set for sentinelUsername and sentinelPassword to count"))
	}
	if c.Username != "" && c.Password == "" {
		errs = append(errs, config.Bad("password", "must be set where username is"))
	}
	if c.DialTimeout <= 0 {
		errs = append(errs, config.Bad("dialTimeout", "must be positive"))
	}
	if c.Timeout <= 0 {
		errs = append(errs, config.Bad("timeout", "must be positive"))
	}
	if c.PoolSize < 1 {
		errs = append(errs, config.Bad("poolSize", "must be at least 1"))
	}
	return errors.Join(errs...)
}

// Deps are what main passes in; the zero value works.
type Deps struct {
	// Log gets lines about outages; nil logs nothing.
	Log *slog.Logger
	// Meter measures commands; nil measures nothing.
	Meter metric.Meter
	// Dial replaces the network, for tests in virtual time.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client talks to one Redis. It is safe for concurrent use.
type Client struct {
	rdb        goredis.UniversalClient
	prefix     string
	slotPrefix string
	timeout    time.Duration
	outage     *outageHook // nil without a log
}

// Open returns a client; it connects at the first command.
func Open(cfg Config, deps Deps) (*Client, error) {
	silenceDriver()
	options := &goredis.UniversalOptions{
		Addrs:            cfg.Addrs,
		MasterName:       cfg.SentinelMaster,
		SentinelUsername: cfg.SentinelUsername,
		SentinelPassword: cfg.SentinelPassword.Reveal(),
		IsClusterMode:    cfg.Cluster,
		Username:         cfg.Username,
		Password:         cfg.Password.Reveal(),
		DB:               cfg.DB,
		Dialer:           deps.Dial,
		DialTimeout:      cfg.DialTimeout,
		PoolSize:         cfg.PoolSize,
		// The driver repeats a command after an EOF although the server may have
		// run it. Repetition is decided here, command by command.
		MaxRetries:            -1,
		DialerRetries:         1,
		ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
	if cfg.TLS.Enabled {
		var err error
		if options.TLSConfig, err = cfg.TLS.Load(); err != nil {
			return nil, fmt.Errorf("opening Redis: %w", err)
		}
	}
	rdb := goredis.NewUniversalClient(options)
	if deps.Meter != nil {
		hook, err := newMeterHook(deps.Meter)
		if err != nil {
			return nil, errors.Join(err, rdb.Close())
		}
		rdb.AddHook(hook)
	}
	client := &Client{rdb: rdb, prefix: cfg.KeyPrefix, slotPrefix: cfg.SlotPrefix, timeout: cfg.Timeout}
	if deps.Log != nil {
		client.outage = newOutageHook(deps.Log)
		rdb.AddHook(client.outage)
	}
	return client, nil
}

// Close releases the connections.
func (c *Client) Close() error {
	if err := c.rdb.Close(); err != nil {
		return fmt.Errorf("closing Redis: %w", err)
	}
	return nil
}

// Ping reports whether Redis answers.
func (c *Client) Ping(ctx context.Context) error {
	return c.repeat(ctx, "pinging", func(ctx context.Context) error { return c.rdb.Ping(ctx).Err() })
}

const (
	attempts = 3
	minDelay = 10 * time.Millisecond
	maxDelay = 100 * time.Millisecond
)

// once sends a command that must not be repeated.
func (c *Client) once(ctx context.Context, action string, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return wrap(action, fn(ctx))
}

// repeat sends an idempotent command and repeats it after a transient error.
func (c *Client) repeat(ctx context.Context, action string, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := fn(ctx)
		if err == nil || attempt == attempts || !transient(err) {
			return wrap(action, err)
		}
		if backoff.Wait(ctx, minDelay+rand.N(maxDelay-minDelay)) != nil {
			return wrap(action, err)
		}
	}
}

func wrap(action string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in Redis: %w", action, err)
}

// transient reports whether repeating the command can help: after a network
// error, and while a server is starting, moving or failing over. Any other error
// of the server would occur again.
func transient(err error) bool {
	if errors.Is(err, goredis.Nil) || errors.Is(err, context.Canceled) || errors.Is(err, goredis.ErrClosed) {
		return false
	}
	answer, ok := errors.AsType[goredis.Error](err)
	if !ok {
		return true
	}
	for _, prefix := range []string{"LOADING", "READONLY", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "MASTERDOWN"} {
		if strings.HasPrefix(answer.Error(), prefix) {
			return true
		}
	}
	return false
}
