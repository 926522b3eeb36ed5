// Package kafkatest starts a broker for tests.
package kafkatest

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	"tapline.dev/schemas"
)

// Start runs a broker for the test with every control topic created, and
// returns how to reach it. Session timeouts are short.
func Start(t testing.TB) kafka.Config {
	t.Helper()
	cluster, err := embedded.Start(embedded.Config{MinSessionTimeout: time.Second})
	if err != nil {
		t.Fatalf("starting Kafka: %v", err)
	}
	t.Cleanup(cluster.Close)
	cfg := kafka.DefaultConfig()
	cfg.Brokers = cluster.Addrs()
	cfg.SessionTimeout = 6 * time.Second
	cfg.TransactionTimeout = 10 * time.Second
	cfg.RebalanceTimeout = 10 * time.Second
	topics := schemas.NewTopics(cfg.Prefix)
	if err := kafka.EnsureTopics(context.Background(), cfg, Deps(), topics.Catalogue()); err != nil {
		t.Fatalf("creating topics: %v", err)
	}
	return cfg
}

// Deps are dependencies that log nothing.
func Deps() kafka.Deps { return kafka.Deps{Log: slog.New(slog.NewTextHandler(io.Discard, nil))} }
