package kafkatest

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	"tapline.dev/schemas"
)

// StartVirtual runs a broker without a network, for use in a synctest bubble,
// with every control topic created. A client needs both results to reach the
// broker.
func StartVirtual(t testing.TB) (kafka.Config, kafka.Deps) {
	t.Helper()
	var network kfake.VirtualNetwork
	cluster, err := embedded.Start(embedded.Config{Listen: network.Listen})
	if err != nil {
		t.Fatalf("starting Kafka: %v", err)
	}
	t.Cleanup(cluster.Close)
	cfg := kafka.DefaultConfig()
	cfg.Brokers, cfg.CreateTopics = cluster.Addrs(), true
	deps := kafka.Deps{Log: slog.New(slog.DiscardHandler), Dial: network.DialContext}
	topics := schemas.NewTopics(cfg.Prefix)
	if err := kafka.EnsureTopics(t.Context(), cfg, deps, topics.Catalogue()); err != nil {
		t.Fatalf("creating topics: %v", err)
	}
	return cfg, deps
}
