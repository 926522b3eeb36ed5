package kafka

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/tlsconf"
)

// dialTimeout is franz-go's default. It is set here because a dialer made here
// replaces franz-go's own.
const dialTimeout = 10 * time.Second

// clientName begins the client id that the brokers see; the program's version follows, so
// that whoever looks at a consumer group sees which version its members run.
const clientName = "tapline"

func clientID() string { return clientName + "-" + daemon.Version() }

// Record is a Kafka record.
type Record = kgo.Record

// Header is a header of a record.
type Header = kgo.RecordHeader

// HeaderValue is the value of the first header with this key, or nil.
func HeaderValue(r *Record, key string) []byte {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value
		}
	}
	return nil
}

// TP is a topic and a partition of it.
type TP struct {
	Topic     string
	Partition int32
}

// Config is what operators set.
type Config struct {
	// Brokers are the addresses to start from, host:port.
	Brokers []string
	TLS     tlsconf.Config
	SASL    SASLConfig
	// Rack is where the client is: consumers fetch from a replica in the same rack
	// if the brokers know theirs.
	Rack string
	// Prefix starts the name of every topic, group and transactional id, so that
	// several deployments can share a cluster.
	Prefix string
	// StartTimeout is how long a service that starts waits for Kafka and its topics
	// before it ends.
	StartTimeout time.Duration
	// SessionTimeout is how long a member of a consumer group may send no heartbeat
	// before it is removed.
	SessionTimeout time.Duration
	// RebalanceTimeout bounds how long a revoked partition may drain.
	RebalanceTimeout time.Duration
	// TransactionTimeout is how long a broker waits for an open transaction.
	TransactionTimeout time.Duration
	// MaxMessageBytes is the largest record that is produced; the brokers'
	// message.max.bytes must be at least this.
	MaxMessageBytes config.Bytes
	// Compression of produced records: lz4 or none.
	Compression string
	// CreateTopics lets a service create the topics that it misses. If it is off,
	// `tapline topics apply` creates them.
	CreateTopics bool
	// ReplicationFactor and MinInsyncReplicas are the settings of topics that are
	// created; 0 means the brokers' defaults.
	ReplicationFactor int
	MinInsyncReplicas int
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{
		Brokers:            []string{"127.0.0.1:9092"},
		Prefix:             "tapline.",
		StartTimeout:       2 * time.Minute,
		SessionTimeout:     15 * time.Second,
		RebalanceTimeout:   60 * time.Second,
		TransactionTimeout: 60 * time.Second,
		MaxMessageBytes:    1_000_000,
		Compression:        "lz4",
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, config.Bad("brokers", "must name at least one host:port"))
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			errs = append(errs, config.Bad("brokers", "%q is not host:port", b))
		}
	}
	for key, d := range map[string]time.Duration{"sessionTimeout": c.SessionTimeout, "rebalanceTimeout": c.RebalanceTimeout, "transactionTimeout": c.TransactionTimeout} {
		if d < time.Second {
			errs = append(errs, config.Bad(key, "must be at least 1s"))
		}
	}
	if c.StartTimeout < 0 {
		errs = append(errs, config.Bad("startTimeout", "must not be negative"))
	}
	if c.Compression != "lz4" && c.Compression != "none" {
		errs = append(errs, config.Bad("compression", "must be lz4 or none"))
	}
	if c.MaxMessageBytes < 10_000 {
		errs = append(errs, config.Bad("maxMessageBytes", "must be at least 10000"))
	}
	if c.ReplicationFactor < 0 {
		errs = append(errs, config.Bad("replicationFactor", "must not be negative"))
	}
	if c.MinInsyncReplicas < 0 || c.ReplicationFactor > 0 && c.MinInsyncReplicas > c.ReplicationFactor {
		errs = append(errs, config.Bad("minInsyncReplicas", "must be between 0 and replicationFactor"))
	}
	return errors.Join(errs...)
}

// Deps is what main passes in. Log is required.
type Deps struct {
	Log *slog.Logger
	// Outages are shared by the clients of a service; nil logs each client's own.
	Outages *Outages
	Meter   metric.MeterProvider                                              // nil measures nothing
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil dials the network
}

// base returns the options that all clients have in common. It shortens the age
// at which metadata is fetched again: an import that is applied makes topics
// while services run, and clients must see these soon.
func base(cfg Config, deps Deps) []kgo.Opt {
	outages := deps.Outages
	if outages == nil {
		outages = NewOutages(deps.Log)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(clientID()),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(30 * time.Second),
		kgo.WithLogger(kslog.New(outages.logger())),
		kgo.WithHooks(outages),
		// Metrics of clients go to OpenTelemetry and not through the brokers (KIP-714):
		// each push makes a compressor of its own, which was a third of a test's CPU time.
		kgo.DisableClientMetrics(),
	}
	if deps.Meter != nil {
		hooks, err := newMeterHooks(deps.Meter)
		if err != nil {
			deps.Log.WarnContext(context.Background(), "clients of Kafka are not measured", slog.Any("error", err))
		} else {
			opts = append(opts, kgo.WithHooks(hooks))
		}
	}
	dial := tlsconf.Dialer(deps.Dial)
	if cfg.TLS.Enabled {
		if dial == nil {
			dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
		}
		dial = cfg.TLS.Dial(dial)
	}
	if dial != nil {
		opts = append(opts, kgo.Dialer(dial))
	}
	if mechanism := cfg.SASL.mechanism(); mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	if cfg.Rack != "" {
		opts = append(opts, kgo.Rack(cfg.Rack))
	}
	return opts
}

func producing(cfg Config) []kgo.Opt {
	codecs := []kgo.CompressionCodec{kgo.NoCompression()}
	if cfg.Compression != "none" {
		codecs = []kgo.CompressionCodec{kgo.Lz4Compression(), kgo.NoCompression()}
	}
	return []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(codecs...),
		kgo.ProducerBatchMaxBytes(int32(cfg.MaxMessageBytes)),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(200_000),
		kgo.UnknownTopicRetries(20),
	}
}

// committed sets the isolation level read_committed. Every consumer of this
// package uses it.
func committed() kgo.Opt { return kgo.FetchIsolationLevel(kgo.ReadCommitted()) }

// quiet returns a logger that passes franz-go's warnings and errors only. Its
// other lines, about reconnects and rebalances, are dropped.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(minLevel{log.Handler(), slog.LevelWarn})
}

type minLevel struct {
	slog.Handler
	level slog.Level
}

func (h minLevel) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

func (h minLevel) WithAttrs(attrs []slog.Attr) slog.Handler {
	return minLevel{h.Handler.WithAttrs(attrs), h.level}
}

func (h minLevel) WithGroup(name string) slog.Handler {
	return minLevel{h.Handler.WithGroup(name), h.level}
}
