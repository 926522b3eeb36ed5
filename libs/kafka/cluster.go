package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reachable returns once a broker has answered, or says what to do.
func Reachable(ctx context.Context, cfg Config, deps Deps) error {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return fmt.Errorf("reaching Kafka: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		return unreachable(cfg, err)
	}
	return nil
}

// Brokers is how many brokers the cluster lists.
func Brokers(ctx context.Context, cfg Config, deps Deps) (int, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return 0, unreachable(cfg, err)
	}
	return len(brokers), nil
}

func openAdmin(cfg Config, deps Deps) (*kadm.Client, error) {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	return kadm.NewClient(client), nil
}

func unreachable(cfg Config, err error) error {
	return fmt.Errorf("reaching Kafka at %s: is it running, and are kafka.brokers, kafka.tls and kafka.sasl right? %w", strings.Join(cfg.Brokers, ","), err)
}
