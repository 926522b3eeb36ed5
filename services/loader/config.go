package loader

import (
	"errors"
	"time"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// Config is what operators set.
type Config struct {
	Kafka kafka.Config
	Redis redis.Config
	// UseRedis shares the accounts' slots among replicas by leases. Without it
	// each replica uses slots / maxReplicas.
	UseRedis bool
	// MaxReplicas is the largest number of loaders that run at once.
	MaxReplicas int
	// AllowCustomEndpoints lets accounts name a host of their own in place of a
	// region, which turns whoever may apply into somebody who may send records and
	// passcodes anywhere.
	AllowCustomEndpoints bool
	// Secrets bound what secret references in accounts may point to.
	Secrets config.References
	// Egress bounds which proxies and authorities accounts may name.
	Egress egress.Config
	// Suppression is about people who must not be sent.
	Suppression suppression.Config
	// Linger is how long a batch that is not full waits for more records.
	Linger time.Duration
	// ExtractingLinger is how long it waits while its run still reads rows. The run's end
	// waits for the reading in any case, and more rows may come: a large run that sends
	// few rows of each chunk then sends them in a few uploads.
	ExtractingLinger time.Duration
	// RequestTimeout bounds a request, from its start to the end of the answer. A
	// shorter one than the session timeout keeps a loader that was replaced
	// without knowing it from writing after its successor.
	RequestTimeout time.Duration
	// ApplySlack is how long after its timeout a request that was not answered may
	// still be applied, because it waits in a proxy or in CleverTap itself. Until then
	// no other version of its identities is sent.
	ApplySlack time.Duration
	// RecordFaultLimit is for how long a record is sent again that CleverTap refuses
	// for a moment (code 555), or does not answer alone, while it takes others.
	RecordFaultLimit time.Duration
	// BackoffMin and BackoffMax bound the wait after a transient fault.
	BackoffMin, BackoffMax time.Duration
	// OutageThreshold is how many transient faults in a row hold an account back
	// to one request at a time.
	OutageThreshold int
	// GrowInterval is how long a limit that was halved takes to grow by one slot.
	GrowInterval time.Duration
	// LeaseInterval is how often leases of slots are renewed; a lease lives for three
	// request timeouts.
	LeaseInterval time.Duration
	// CommitInterval is how often offsets are committed.
	CommitInterval time.Duration
	// DrainTimeout bounds how long requests in flight are waited for when a
	// partition is revoked or the service stops.
	DrainTimeout time.Duration
	// BufferRecords and BufferBytes bound what waits in memory, shared among the
	// partitions; what one poll brings may come on top.
	BufferRecords int
	BufferBytes   config.Bytes
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{
		Kafka:            kafka.DefaultConfig(),
		Redis:            redis.Default(),
		Secrets:          config.DefaultReferences(),
		Egress:           egress.Default(),
		UseRedis:         true,
		MaxReplicas:      3,
		Linger:           50 * time.Millisecond,
		ExtractingLinger: 5 * time.Second,
		RequestTimeout:   10 * time.Second,
		ApplySlack:       5 * time.Second,
		RecordFaultLimit: 15 * time.Minute,
		BackoffMin:       500 * time.Millisecond,
		BackoffMax:       time.Minute,
		OutageThreshold:  5,
		GrowInterval:     2 * time.Second,
		LeaseInterval:    500 * time.Millisecond,
		CommitInterval:   100 * time.Millisecond,
		DrainTimeout:     15 * time.Second,
		BufferRecords:    300_000,
		BufferBytes:      256 << 20,
	}
}

// Validate reports what cannot work; Kafka and Redis validate their own.
func (c Config) Validate() error {
	var errs []error
	bad := func(wrong bool, key, problem string, args ...any) {
		if wrong {
			errs = append(errs, config.Bad(key, problem, args...))
		}
	}
	for key, d := range map[string]time.Duration{
		"linger": c.Linger, "extractingLinger": c.ExtractingLinger, "requestTimeout": c.RequestTimeout, "backoffMin": c.BackoffMin, "backoffMax": c.BackoffMax,
		"applySlack": c.ApplySlack, "recordFaultLimit": c.RecordFaultLimit, "growInterval": c.GrowInterval, "leaseInterval": c.LeaseInterval, "commitInterval": c.CommitInterval, "drainTimeout": c.DrainTimeout,
	} {
		bad(d <= 0, key, "must be positive")
	}
	bad(c.MaxReplicas < 1, "maxReplicas", "must be at least 1")
	bad(c.OutageThreshold < 1, "outageThreshold", "must be at least 1")
	bad(c.BackoffMax < c.BackoffMin, "backoffMax", "must not be below backoffMin")
	// The last heartbeat is up to a fifth of the session old, and a request must
	// end within the session.
	bad(c.RequestTimeout > c.Kafka.SessionTimeout*7/10, "requestTimeout", "must be at most 0.7 of kafka.sessionTimeout")
	bad(c.LeaseInterval > c.RequestTimeout, "leaseInterval", "must not be above requestTimeout")
	bad(c.DrainTimeout > c.Kafka.RebalanceTimeout, "drainTimeout", "must be at most kafka.rebalanceTimeout")
	bad(c.BufferRecords < 1000, "bufferRecords", "must be at least 1000")
	bad(c.BufferBytes < 1<<20, "bufferBytes", "must be at least 1MiB")
	return errors.Join(errs...)
}

// Drain is the bound of the service's own drain.
func (c Config) Drain() (key string, most time.Duration) { return "drainTimeout", c.DrainTimeout }

// openTime is how long a request may still be applied after it was written.
func (c Config) openTime() time.Duration { return c.RequestTimeout + c.ApplySlack }

// leaseTTL is how long a lease lives without renewal: a request that begins
// late in it must still end inside.
func (c Config) leaseTTL() time.Duration { return 3 * c.RequestTimeout }
