package kafka

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tapline.dev/libs/telemetry"
)

// Outages logs which brokers are away, for all clients of a service together: each of a
// dozen clients meets the same outage. Safe for concurrent use.
type Outages struct {
	log      *slog.Logger
	away     atomic.Int32 // brokers
	failedAt atomic.Int64 // when one of them last did not answer, in Unix nanoseconds

	mu      sync.Mutex
	brokers map[string]*telemetry.Outage
}

// NewOutages returns what a service's clients share.
func NewOutages(log *slog.Logger) *Outages {
	return &Outages{log: log, brokers: map[string]*telemetry.Outage{}}
}

var (
	_ kgo.HookBrokerConnect = (*Outages)(nil)
	_ kgo.HookBrokerE2E     = (*Outages)(nil)
)

// OnBrokerConnect notes a connection that could not be made. One that was made says little:
// a broker that hangs accepts connections too.
func (o *Outages) OnBrokerConnect(broker kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		o.failed(broker, err)
	}
}

// OnBrokerE2E notes an answer, or that none came in time. Other errors are those of
// connections that end, and of clients that are closed.
func (o *Outages) OnBrokerE2E(broker kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) {
	err := e2e.Err()
	switch {
	case err == nil:
		o.worked(broker)
	case errors.Is(err, os.ErrDeadlineExceeded):
		o.failed(broker, err)
	}
}

func (o *Outages) failed(broker kgo.BrokerMetadata, err error) {
	outage := o.of(broker)
	o.failedAt.Store(time.Now().UnixNano())
	o.mu.Lock()
	if outage.Err() == nil {
		o.away.Add(1)
	}
	outage.Failed(context.Background(), err)
	o.mu.Unlock()
}

func (o *Outages) worked(broker kgo.BrokerMetadata) {
	if o.away.Load() == 0 {
		return
	}
	outage := o.of(broker)
	o.mu.Lock()
	if outage.Err() != nil {
		o.away.Add(-1)
	}
	outage.Worked(context.Background())
	o.mu.Unlock()
}

// of returns the outage of a broker, by its address: a broker that is only known as a place
// to start from has no id.
func (o *Outages) of(broker kgo.BrokerMetadata) *telemetry.Outage {
	address := net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port)))
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.brokers[address] == nil {
		o.brokers[address] = telemetry.NewOutage(o.log.With(slog.String("broker", address)),
			telemetry.OutageTexts{Begins: "Kafka is away", Lasts: "Kafka is still away", Ends: "Kafka is back"})
	}
	return o.brokers[address]
}

// mutedFor is how long after a failure franz-go's lines are left out. A broker that nobody
// asks any more, because it has left the cluster, never answers: its outage has no end.
const mutedFor = time.Minute

// muted reports whether a broker is away and is still being asked.
func (o *Outages) muted() bool {
	return o.away.Load() > 0 && time.Since(time.Unix(0, o.failedAt.Load())) < mutedFor
}

// logger passes franz-go's warnings and errors on, but not while a broker is away: these
// lines say what the clients meet then, some thousands a minute. Other lines, about
// reconnects and rebalances, are dropped always.
func (o *Outages) logger() *slog.Logger {
	return slog.New(awayHandler{quiet(o.log).Handler(), o})
}

type awayHandler struct {
	slog.Handler
	outages *Outages
}

func (h awayHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return !h.outages.muted() && h.Handler.Enabled(ctx, l)
}

func (h awayHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return awayHandler{h.Handler.WithAttrs(attrs), h.outages}
}

func (h awayHandler) WithGroup(name string) slog.Handler {
	return awayHandler{h.Handler.WithGroup(name), h.outages}
}
