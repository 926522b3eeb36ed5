// Package embedded runs franz-go's fake cluster as a broker on loopback, for
// `tapline dev` and tests. It keeps its data on disk. It is not for production:
// a SIGKILL of its process can lose the idempotence windows of producers, so
// always Close it.
package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	saslMechanism = "SCRAM-SHA-256"
	adminUser     = "admin"
)

// Config says where the broker listens, where it keeps its data and whom it lets
// in.
type Config struct {
	DataDir string // "" keeps everything in memory
	Port    int    // 0 takes a free one; fixed ones should lie below 32768, since a client that retries a dead broker on an ephemeral port can connect to itself
	// Listen replaces the network in tests; nil listens on loopback. A broker with
	// Listen set does not end the sessions that it forgets (see sessions): a member
	// that dies while it joins may stay in its group.
	Listen func(network, address string) (net.Listener, error)
	// MinSessionTimeout allows groups with short sessions in tests; 0 leaves 6s.
	MinSessionTimeout time.Duration
	// Passwords, if given, demands SASL (SCRAM-SHA-256) of these users and lets them
	// do what access lists grant; "admin" may do anything.
	Passwords map[string]string
}

// Cluster is a running broker.
type Cluster struct {
	cluster  *kfake.Cluster
	sessions *sessions // nil where Listen replaces the network
}

// Start returns once the broker listens.
func Start(cfg Config) (*Cluster, error) {
	id, err := clusterID(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("starting embedded Kafka: %w", err)
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID(id),
		// Retention and compaction run at this tick; the default of an hour would
		// let a long `tapline dev` grow.
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": "15000", "transaction.max.timeout.ms": "900000", "message.max.bytes": "16777216"}),
	}
	if cfg.Port != 0 {
		opts = append(opts, kfake.Ports(cfg.Port))
	}
	if cfg.DataDir != "" {
		opts = append(opts, kfake.DataDir(cfg.DataDir))
	}
	listen := cfg.Listen
	if listen == nil {
		listen = net.Listen
	}
	opts = append(opts, kfake.ListenFn(func(network, address string) (net.Listener, error) {
		listener, err := listen(network, address)
		return bounded{listener}, err
	}))
	if cfg.MinSessionTimeout != 0 {
		opts = append(opts, kfake.GroupMinSessionTimeout(cfg.MinSessionTimeout))
	}
	if len(cfg.Passwords) > 0 {
		opts = append(opts, kfake.EnableSASL(), kfake.EnableACLs())
	}
	for user, password := range cfg.Passwords {
		as := kfake.Superuser(saslMechanism, user, password)
		if user != adminUser {
			as = kfake.User(saslMechanism, user, password)
		}
		opts = append(opts, as)
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("starting embedded Kafka: %w", err)
	}
	watchDeletedTopics(cluster)
	c := &Cluster{cluster: cluster}
	if cfg.Listen == nil {
		if c.sessions, err = watchSessions(cluster, cfg); err != nil {
			cluster.Close()
			return nil, fmt.Errorf("watching the sessions of embedded Kafka: %w", err)
		}
	}
	return c, nil
}

// clusterID returns the cluster's id. As with Kafka, each cluster has an id of
// its own, and a cluster that keeps its data keeps its id. The id names the
// deployment in Redis.
func clusterID(dataDir string) (string, error) {
	id := rand.Text()
	if dataDir == "" {
		return id, nil
	}
	path := filepath.Join(dataDir, "cluster.id")
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return "", err
	}
	return id, os.WriteFile(path, []byte(id+"\n"), 0o644)
}

// Addrs are the broker's addresses.
func (c *Cluster) Addrs() []string { return c.cluster.ListenAddrs() }

// Close saves and stops the broker.
func (c *Cluster) Close() {
	if c.sessions != nil {
		c.sessions.close()
	}
	c.cluster.Close()
}
