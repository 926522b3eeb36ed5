package kafka

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestABrokerThatIsAwayIsSaidOnce: however many clients meet it and however often; what
// franz-go logs meanwhile is left out. A connection is no answer: a broker that hangs takes
// connections too. Clients that are closed say nothing of the broker.
func TestABrokerThatIsAwayIsSaidOnce(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	o := NewOutages(slog.New(slog.NewTextHandler(&logs, nil)))
	one, two := kgo.BrokerMetadata{NodeID: 1, Host: "one", Port: 9092}, kgo.BrokerMetadata{NodeID: -1, Host: "two", Port: 9092}
	expect := func(when string, counts map[string]int) {
		t.Helper()
		for text, n := range counts {
			if got := strings.Count(logs.String(), text); got != n {
				t.Errorf("%s: %d lines say %q, want %d:\n%s", when, got, text, n, logs.String())
			}
		}
	}
	client := o.logger()
	client.Warn("before")
	o.OnBrokerE2E(one, 0, kgo.BrokerE2E{})
	o.OnBrokerE2E(one, 0, kgo.BrokerE2E{ReadErr: errors.New("the client is closed")})
	o.OnBrokerConnect(one, 0, nil, context.Canceled)
	expect("in peace", map[string]int{"before": 1, "away": 0})

	for range 100 {
		o.OnBrokerConnect(one, time.Second, nil, errors.New("connection refused"))
		client.Warn("unable to open a connection")
		o.OnBrokerConnect(one, time.Second, nil, nil)
	}
	o.OnBrokerE2E(two, 0, kgo.BrokerE2E{ReadErr: os.ErrDeadlineExceeded})
	expect("away", map[string]int{`"Kafka is away" broker=one:9092`: 1, `"Kafka is away" broker=two:9092`: 1, "unable": 0, "back": 0})

	o.OnBrokerE2E(one, 0, kgo.BrokerE2E{})
	o.OnBrokerE2E(one, 0, kgo.BrokerE2E{})
	client.Warn("between")
	expect("one is back", map[string]int{`"Kafka is back" broker=one:9092`: 1, "failures=100": 1, "between": 0})
	o.OnBrokerE2E(two, 0, kgo.BrokerE2E{})
	client.Warn("afterwards")
	expect("both are back", map[string]int{`"Kafka is back" broker=two:9092`: 1, "afterwards": 1})
}

// TestABrokerThatLeavesForGood: franz-go's lines are heard again once nobody asks it any more,
// though it never answers.
func TestABrokerThatLeavesForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		o := NewOutages(slog.New(slog.NewTextHandler(&logs, nil)))
		client, gone := o.logger(), kgo.BrokerMetadata{NodeID: 1, Host: "one", Port: 9092}
		for range 10 {
			o.OnBrokerConnect(gone, 0, nil, errors.New("connection refused"))
			time.Sleep(mutedFor - time.Second)
			client.Warn("while it is asked")
		}
		time.Sleep(time.Second)
		client.Warn("afterwards")
		if strings.Contains(logs.String(), "while it is asked") || !strings.Contains(logs.String(), "afterwards") {
			t.Errorf("logged:\n%s", logs.String())
		}
	})
}
