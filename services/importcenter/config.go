package importcenter

import (
	"errors"
	"net"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// Config is what operators set.
type Config struct {
	Kafka kafka.Config
	Redis redis.Config
	HTTP  HTTPConfig
	// AllowCustomEndpoints lets connections and accounts name hosts of their own,
	// which turns whoever may apply into somebody who may send secrets anywhere.
	AllowCustomEndpoints bool
	// AnswerTimeout is how long a request to run waits for the scheduler.
	AnswerTimeout time.Duration
	// CheckTimeout is how long apply waits for the extractor's next description of a
	// query before it gives up; 0 applies unchecked. PreviewTimeout bounds a
	// preview, the query included.
	CheckTimeout   time.Duration
	PreviewTimeout time.Duration
}

// HTTPConfig says where the API listens.
type HTTPConfig struct {
	// Addr is host:port; port 0 takes a free one.
	Addr string
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{
		Kafka:         kafka.DefaultConfig(),
		Redis:         redis.Default(),
		HTTP:          HTTPConfig{Addr: "127.0.0.1:19000"},
		AnswerTimeout: 15 * time.Second,
		CheckTimeout:  30 * time.Second, PreviewTimeout: 2 * time.Minute,
	}
}

// Validate reports what cannot work; Kafka and Redis validate their own.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.HTTP.Addr); err != nil {
		errs = append(errs, config.Bad("http.addr", `must be host:port, such as "127.0.0.1:19000"`))
	}
	if c.AnswerTimeout <= 0 {
		errs = append(errs, config.Bad("answerTimeout", "must be positive"))
	}
	if c.CheckTimeout < 0 {
		errs = append(errs, config.Bad("checkTimeout", "must not be negative"))
	}
	if c.PreviewTimeout <= 0 {
		errs = append(errs, config.Bad("previewTimeout", "must be positive"))
	}
	return errors.Join(errs...)
}
