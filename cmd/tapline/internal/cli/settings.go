package cli

import (
	"errors"
	"log/slog"
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

// kafkaDeps log nothing: what goes wrong comes back as an error.
func kafkaDeps() kafka.Deps { return kafka.Deps{Log: slog.New(slog.DiscardHandler)} }
