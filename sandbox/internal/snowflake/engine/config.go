package engine

import (
	"errors"
	"fmt"
	"time"

	"tapline.dev/sandbox/internal/secret"
)

const (
	ServerVersion = "10.0.0"
	// MasterValidity is how long a session can be renewed.
	MasterValidity = 4 * time.Hour
	// KeepBytes bounds the total size of the results that clients can still fetch.
	KeepBytes = 512 << 20
)

// Config describes the Snowflake account that the sandbox simulates.
type Config struct {
	// Listen is a TCP address; port 0 picks a free one.
	Listen    string
	Account   string
	User      string
	Password  secret.Text
	Warehouse string
	// Database and Schema are created at the start.
	Database string
	Schema   string
	// PublicKey of the user in PEM, for key-pair login; may be empty.
	PublicKey string
	// DatabaseFile is where DuckDB keeps Database; empty keeps it in memory. Further
	// databases are kept beside it.
	DatabaseFile string
	// ChunkRows is the rows of each chunk after the InlineRows in the answer itself.
	ChunkRows  int
	InlineRows int
	// FixtureDir is a directory with further hand-made results; it may be unset.
	FixtureDir string
	// PollAfter is how long a request waits for its statement before the client is told
	// to poll.
	PollAfter time.Duration
	// SessionValidity is how long a session token is valid before it must be renewed.
	SessionValidity time.Duration
	// ChunkValidity is how long the links to a result's chunks are valid before they must
	// be asked for anew.
	ChunkValidity time.Duration
	// KeepResults is how many statements' results stay fetchable.
	KeepResults int
	// Grants are the privileges of the user's role, besides USAGE. Example: "SELECT ON TABLE
	// SHOP.PUBLIC.T".
	Grants []string
	// Clock returns the time that statements of a session with this QUERY_TAG see, so that a
	// test can make writers commit late. If it is nil, they see the real time.
	Clock func(queryTag string) time.Time
}

// DefaultConfig is an account as `tapline dev` starts it.
func DefaultConfig() Config {
	return Config{
		Listen:          "127.0.0.1:19003",
		Account:         "SANDBOX",
		User:            "TAPLINE",
		Password:        "sandbox-password",
		Warehouse:       "TAPLINE_WH",
		Database:        "SHOP",
		Schema:          "PUBLIC",
		ChunkRows:       5000,
		InlineRows:      500,
		PollAfter:       time.Second,
		SessionValidity: time.Hour,
		ChunkValidity:   6 * time.Hour,
		KeepResults:     100,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	for _, s := range []struct{ key, value string }{
		{"listen", c.Listen}, {"account", c.Account}, {"user", c.User}, {"database", c.Database}, {"schema", c.Schema},
	} {
		if s.value == "" {
			problems = append(problems, fmt.Errorf("%s must not be empty", s.key))
		}
	}
	if c.Password == "" && c.PublicKey == "" {
		problems = append(problems, errors.New("password or publicKey must be set"))
	}
	for _, n := range []struct {
		key   string
		value int
	}{
		{"chunkRows", c.ChunkRows}, {"inlineRows", c.InlineRows}, {"keepResults", c.KeepResults},
	} {
		if n.value < 1 {
			problems = append(problems, fmt.Errorf("%s must be at least 1", n.key))
		}
	}
	if c.PollAfter <= 0 || c.SessionValidity <= 0 || c.ChunkValidity <= 0 {
		problems = append(problems, errors.New("pollAfter, sessionValidity and chunkValidity must be positive"))
	}
	return errors.Join(problems...)
}
