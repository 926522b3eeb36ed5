package daemon

import (
	"log/slog"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
)

// Config holds the keys that every service has beside its own.
type Config struct {
	// Admin is the server for probes, metrics and profiles.
	Admin   AdminConfig
	Log     LogConfig
	Metrics MetricsConfig
}

// MetricsConfig bounds what is exported.
type MetricsConfig struct {
	// Imports is how many imports have series of their own in this process: the first ones
	// that it meets. The others share the series import="_others".
	Imports int
}

// AdminConfig says how the process is watched and stopped.
type AdminConfig struct {
	// Addr is host:port. It needs no authentication, so keep it off public
	// networks; port 0 takes a free one.
	Addr string
	// Profiles serves /debug/pprof/, to this machine only: a heap profile holds rows and
	// secrets.
	Profiles bool
	// TLS is the certificate that the server shows; empty serves without TLS. Its host name
	// does not matter: --probe compares the certificate itself.
	TLS tlsconf.Server
	// DrainTimeout bounds the time between a signal and the end of the process.
	// A service's own drain has to end before it.
	DrainTimeout time.Duration
}

// LogText is the log format for people.
const LogText = "text"

// LogJSON is the log format for machines.
const LogJSON = "json"

// LogConfig says what is logged and how.
type LogConfig struct {
	Level  slog.Level // DEBUG, INFO, WARN or ERROR
	Format string     // json, or text for people
}

// DefaultConfig returns the values in force where nothing is set. The programs of
// the services name admin addresses of their own.
func DefaultConfig() Config {
	return Config{
		// Under Kubernetes' 30 s until SIGKILL.
		Admin:   AdminConfig{Addr: "127.0.0.1:0", DrainTimeout: 25 * time.Second},
		Log:     LogConfig{Level: slog.LevelInfo, Format: LogJSON},
		Metrics: MetricsConfig{Imports: telemetry.DefaultImports},
	}
}

// Validate checks the address and the bound.
func (c AdminConfig) Validate() error {
	if c.Addr == "" {
		return config.Bad("addr", `must be host:port, such as "127.0.0.1:9090"`)
	}
	if c.DrainTimeout <= 0 {
		return config.Bad("drainTimeout", "must be positive")
	}
	return nil
}

// Validate checks the number.
func (c MetricsConfig) Validate() error {
	if c.Imports < 1 {
		return config.Bad("imports", "must be at least 1")
	}
	return nil
}

// Validate checks the format.
func (c LogConfig) Validate() error {
	if c.Format != LogJSON && c.Format != LogText {
		return config.Bad("format", "want %s or %s", LogJSON, LogText)
	}
	return nil
}
