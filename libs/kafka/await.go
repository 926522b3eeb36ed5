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
	// askTimeout bounds one question, so that a wait says soon what it waits for.
	askTimeout = 5 * time.Second
	// askEvery is the pause before the next question, sayEvery after how long a wait
	// that goes on is logged again.
	askEvery = 500 * time.Millisecond
	sayEvery = 15 * time.Second
)

// AwaitTopics returns once Kafka answers and the topics exist, which it makes if the
// configuration allows that. A service calls it first: whoever starts a deployment starts
// Kafka, the services and `tapline topics apply` at the same time. It logs what it waits
// for, and after kafka.startTimeout returns an error that says the same. What no wait
// mends, such as a wrong password, is an error at once.
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

// awaited says what may still come, "" if no wait mends the error.
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
