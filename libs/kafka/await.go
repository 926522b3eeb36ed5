package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
)

const (
	// askTimeout bounds one request, so that the log says early what a service waits for.
	askTimeout = 5 * time.Second
	// askEvery is the pause between two requests, sayEvery the time between two log lines
	// about the same wait.
	askEvery = 500 * time.Millisecond
	sayEvery = 15 * time.Second
)

// AwaitTopics returns once Kafka answers and the topics exist, which it makes if the
// configuration allows that. A service calls it first: whoever starts a deployment starts
// Kafka, the services and `tapline topics apply` at the same time. It logs what it waits
// for, and after kafka.startTimeout returns an error that says the same. An error that
// waiting cannot cure, such as a wrong password, is returned at once.
func AwaitTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) error {
	waiting, said, until := "", time.Time{}, time.Now().Add(cfg.StartTimeout)
	for {
		err := askForTopics(ctx, cfg, deps, specs)
		if err == nil {
			if waiting != "" {
				deps.Log.InfoContext(ctx, "all topics of the service exist")
			}
			return nil
		}
		what := awaited(cfg, err)
		if what == "" || ctx.Err() != nil {
			return err
		}
		if !time.Now().Before(until) {
			return fmt.Errorf("waited %s (kafka.startTimeout) for %s: %w", cfg.StartTimeout, what, err)
		}
		if what != waiting || time.Since(said) >= sayEvery {
			deps.Log.WarnContext(ctx, "waiting", slog.String("for", what), slog.Time("until", until), slog.Any("error", err))
			waiting, said = what, time.Now()
		}
		if backoff.Wait(ctx, askEvery) != nil {
			return err
		}
	}
}

func askForTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := Reachable(ctx, cfg, deps); err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return EnsureTopics(ctx, cfg, deps, specs)
}

// errNoAnswer says that Kafka does not answer.
var errNoAnswer = errors.New("no answer from Kafka")

// awaited names what a service waits for after this error; "" if waiting cannot cure it.
func awaited(cfg Config, err error) string {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return ""
	case errors.Is(err, ErrMissingTopics):
		return "topics"
	case errors.Is(err, errNoAnswer), errors.Is(err, context.DeadlineExceeded), kerr.IsRetriable(err):
		return "Kafka at " + strings.Join(cfg.Brokers, ",")
	}
	return ""
}
