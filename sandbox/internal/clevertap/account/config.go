package account

import (
	"errors"
	"fmt"

	"tapline.dev/sandbox/internal/secret"
)

// Config describes the account that the sandbox CleverTap simulates.
type Config struct {
	// Listen is a TCP address; port 0 picks a free one.
	Listen    string
	AccountID string
	Passcode  secret.Text
	// Slots is how many uploads may be in flight before 429.
	Slots int
	// ProfileSlots is the same for profile look-ups.
	ProfileSlots int
	// RecordsPerUpload is CleverTap's limit of records in one call.
	RecordsPerUpload int
	// MaxBodyBytes bounds an unpacked body; above it the answer is 413.
	MaxBodyBytes int64
	// EventProperties is the limit of properties in an event; above it the code is 522.
	EventProperties int
	// Nested accepts objects and arrays up to three levels deep.
	Nested bool
	// DiscardedEvents are refused with 528.
	DiscardedEvents []string
	// Store false keeps hashes and counters only, for benchmarks.
	Store bool
	// History is how many record versions are kept for each profile.
	History int
	// Requests is how many uploads are kept for inspection.
	Requests int
	// Journal is a file that keeps what was applied over restarts; empty keeps it in
	// memory only.
	Journal string
	// CloseConnections closes the connection after each answer, as the recorded API did.
	CloseConnections bool
}

// DefaultConfig is an account with CleverTap's documented limits.
func DefaultConfig() Config {
	return Config{
		Listen:           "127.0.0.1:19004",
		AccountID:        "SANDBOX-ACCOUNT",
		Passcode:         "SANDBOX-PASSCODE",
		Slots:            15,
		ProfileSlots:     3,
		RecordsPerUpload: 1000,
		MaxBodyBytes:     16 << 20,
		EventProperties:  100,
		Store:            true,
		History:          8,
		Requests:         10_000,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	for _, s := range []struct{ key, value string }{
		{"listen", c.Listen}, {"accountId", c.AccountID}, {"passcode", string(c.Passcode)},
	} {
		if s.value == "" {
			problems = append(problems, fmt.Errorf("%s must not be empty", s.key))
		}
	}
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"slots", int64(c.Slots)}, {"profileSlots", int64(c.ProfileSlots)},
		{"recordsPerUpload", int64(c.RecordsPerUpload)}, {"maxBodyBytes", c.MaxBodyBytes},
		{"eventProperties", int64(c.EventProperties)},
	} {
		if n.value < 1 {
			problems = append(problems, fmt.Errorf("%s must be at least 1", n.key))
		}
	}
	if c.History < 0 || c.Requests < 0 {
		problems = append(problems, errors.New("history and requests must not be negative"))
	}
	return errors.Join(problems...)
}
