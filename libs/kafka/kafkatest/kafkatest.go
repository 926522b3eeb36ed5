// Package kafkatest gives a test a Kafka of its own: an embedded broker, or a
// part of the one at TAPLINE_TEST_KAFKA.
package kafkatest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	"tapline.dev/schemas"
)

// cleanTimeout bounds the deletion of a test's topics.
const cleanTimeout = 30 * time.Second

// Real is the address of the running Kafka that tests use, or "".
func Real() string {
	addr, _ := config.LookupEnv("TAPLINE_TEST_KAFKA")
	return addr
}

// Start gives the test a broker with every control topic created, and returns
// how to reach it. On a running Kafka the test has a prefix of its own. Session
// timeouts are short.
func Start(t testing.TB) kafka.Config {
	t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.SessionTimeout = 6 * time.Second
	cfg.TransactionTimeout = 10 * time.Second
	cfg.RebalanceTimeout = 10 * time.Second
	cfg.CreateTopics = true
	// Under the race detector lz4's buffers cost more than all else together.
	cfg.Compression = "none"
	if addr := Real(); addr != "" {
		cfg.Brokers, cfg.Prefix = strings.Split(addr, ","), Prefix(t, addr)
	} else {
		cluster, err := embedded.Start(embedded.Config{MinSessionTimeout: time.Second})
		if err != nil {
			t.Fatalf("starting Kafka: %v", err)
		}
		t.Cleanup(cluster.Close)
		cfg.Brokers = cluster.Addrs()
	}
	topics := schemas.NewTopics(cfg.Prefix)
	if err := kafka.EnsureTopics(t.Context(), cfg, Deps(), topics.Catalogue()); err != nil {
		t.Fatalf("creating topics: %v", err)
	}
	return cfg
}

// Prefix returns a prefix that only this test uses on the Kafka at addr. The
// topics under the prefix are deleted when the test ends.
func Prefix(t testing.TB, addr string) string {
	t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.Brokers, cfg.Prefix = strings.Split(addr, ","), "t"+strings.ToLower(rand.Text()[:10])+"."
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanTimeout)
		defer cancel()
		names, err := kafka.Topics(ctx, cfg, Deps())
		if err == nil && len(names) > 0 {
			err = kafka.DeleteTopics(ctx, cfg, Deps(), names...)
		}
		if err != nil {
			t.Errorf("deleting the test's topics: %v", err)
		}
	})
	return cfg.Prefix
}

// Deps are dependencies that log nothing.
func Deps() kafka.Deps { return kafka.Deps{Log: slog.New(slog.DiscardHandler)} }
