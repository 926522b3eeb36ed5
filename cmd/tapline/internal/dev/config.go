//go:build cgo

package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"tapline.dev/sandbox"
)

// Offsets of the ports from the base.
const (
	portImportCenter = iota
	portKafka
	portRedis
	portSnowflake
	portCleverTap
	ports
)

// Offsets of the admin ports from the base.
const (
	adminScheduler = 10 + iota
	adminExtractor
	adminMapper
	adminLoader
	adminImportCenter
	adminDev
)

// DefaultPortBase is the first port unless the flags say another.
const DefaultPortBase = 19000

// Config holds the values of the flags.
type Config struct {
	// Data is the directory that holds everything and is locked.
	Data     string
	PortBase int
	// Kafka and Redis are addresses to use in place of embedded ones.
	Kafka string
	Redis string
	// Prefix starts the names of topics, groups and keys, without the dot or colon
	// that follows it.
	Prefix string
	// OnlyInfra starts everything but the services.
	OnlyInfra bool
	// Nested makes the sandbox CleverTap accept objects and arrays as properties, as accounts
	// with that feature do.
	Nested bool
	// Progress, if set, is called with what is being started until everything is ready.
	Progress func(what string)
	// Examples is the folder with the examples, as a shell in the working directory finds
	// it.
	Examples string
	// Load are the files from which tables are created.
	Load []Table
	// Fill, if set, fills the sandbox Snowflake before ready is called.
	Fill func(ctx context.Context, snowflake *sandbox.Snowflake) error
}

// Table is a table and the file that fills it. Types for some columns may follow the name.
type Table struct {
	Name string
	File string
}

// ParseTable reads TABLE=FILE or TABLE(COLUMN TYPE, …)=FILE.
func ParseTable(s string) (Table, error) {
	name, file, ok := strings.Cut(s, "=")
	if !ok || name == "" || file == "" {
		return Table{}, fmt.Errorf("--load is TABLE=FILE, such as SHOP.PUBLIC.ORDERS=orders.parquet, not %q", s)
	}
	if _, err := os.Stat(file); err != nil {
		return Table{}, fmt.Errorf("--load %s: the file cannot be read: %w", s, errors.Unwrap(err))
	}
	return Table{name, file}, nil
}

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func (c Config) validate() error {
	if c.PortBase < 1024 || c.PortBase+adminDev > 32767 {
		// The ports above are ephemeral: the system gives them to clients. A client
		// could take one of ours, and a client that retries to reach a broker there
		// can even connect to itself.
		return fmt.Errorf("--port-base must lie between 1024 and %d", 32767-adminDev)
	}
	if c.Prefix != "" && !prefixPattern.MatchString(c.Prefix) {
		return fmt.Errorf("--prefix is made of letters, digits, dots and hyphens, and ends with a letter or digit, not %q", c.Prefix)
	}
	return nil
}

func (c Config) addr(offset int) string { return fmt.Sprintf("127.0.0.1:%d", c.PortBase+offset) }

func (c Config) url(offset int) string { return "http://" + c.addr(offset) }

func (c Config) path(parts ...string) string {
	return filepath.Join(append([]string{c.Data}, parts...)...)
}
