package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// settings are how the commands for operators reach Kafka and Redis: the same
// keys and variables as a service's.
type settings struct {
	Kafka kafka.Config
	Redis redis.Config
}

// configFlag adds --config to a command.
func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "a YAML file with kafka and redis as in a service's configuration; variables such as TAPLINE_KAFKA_BROKERS override it")
}

func readSettings(file string) (settings, error) {
	s := settings{Kafka: kafka.DefaultConfig(), Redis: redis.Default()}
	err := config.Load(config.Source{File: file}, &s)
	if errors.Is(err, config.ErrInvalid) {
		return s, errors.New(strings.TrimPrefix(err.Error(), config.ErrInvalid.Error()+": "))
	}
	return s, err
}

// devEndpoints is where `tapline dev` writes where it listens, in its default data
// directory.
const devEndpoints = ".tapline/endpoints.json"

// withDevHint adds to an error how to reach the Kafka and the Redis of a tapline
// dev that runs in this directory, because the defaults are those of a production
// deployment.
func withDevHint(err error) error {
	if err == nil {
		return nil
	}
	text, missing := os.ReadFile(devEndpoints)
	var at struct{ Kafka, Redis string }
	if missing != nil || json.Unmarshal(text, &at) != nil || at.Kafka == "" {
		return err
	}
	return fmt.Errorf("%w\ntapline dev runs here with its own Kafka and Redis: set TAPLINE_KAFKA_BROKERS=%s TAPLINE_REDIS_ADDRS=%s to speak to it", err, at.Kafka, at.Redis)
}

// kafkaDeps log nothing: what goes wrong comes back as an error.
func kafkaDeps() kafka.Deps { return kafka.Deps{Log: slog.New(slog.DiscardHandler)} }
