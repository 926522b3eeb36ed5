package main

import (
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/sandbox"
)

// settings are what operators set of both halves.
type settings struct {
	Snowflake snowflakeSettings
	CleverTap clevertapSettings `yaml:"clevertap"`
}

// snowflakeSettings are the account that the sandbox Snowflake plays.
type snowflakeSettings struct {
	Listen, Account, User string
	Password              config.Secret
	Warehouse             string
	// Database and Schema are made at the start; DatabaseFile keeps them, empty for
	// memory.
	Database, Schema, DatabaseFile string
	// PublicKey is the user's key in PEM, for login by key pair.
	PublicKey string
	// FixtureDir holds further hand-made results.
	FixtureDir            string
	ChunkRows, InlineRows int
	// PollAfter is how long a request waits before its client is told to poll.
	PollAfter time.Duration
	// SessionValidity is how long a session token lives before it must be renewed.
	SessionValidity time.Duration
}

// clevertapSettings are the account that the sandbox CleverTap plays.
type clevertapSettings struct {
	Listen, AccountID string
	Passcode          config.Secret
	Slots             int
	RecordsPerUpload  int
	EventProperties   int
	Nested            bool
	DiscardedEvents   []string
}

func defaultSettings() settings {
	s, c := sandbox.DefaultSnowflakeConfig(), sandbox.DefaultCleverTapConfig()
	return settings{
		Snowflake: snowflakeSettings{
			Listen: s.Listen, Account: s.Account, User: s.User, Password: config.Secret(s.Password), Warehouse: s.Warehouse,
			Database: s.Database, Schema: s.Schema, ChunkRows: s.ChunkRows, InlineRows: s.InlineRows,
			PollAfter: s.PollAfter, SessionValidity: s.SessionValidity,
		},
		CleverTap: clevertapSettings{
			Listen: c.Listen, AccountID: c.AccountID, Passcode: config.Secret(c.Passcode), Slots: c.Slots,
			RecordsPerUpload: c.RecordsPerUpload, EventProperties: c.EventProperties,
		},
	}
}

// Validate leaves the rules to the packages that have them.
func (s snowflakeSettings) Validate() error { return s.config().Validate() }

// Validate leaves the rules to the packages that have them.
func (s clevertapSettings) Validate() error { return s.config().Validate() }

func (s snowflakeSettings) config() sandbox.SnowflakeConfig {
	c := sandbox.DefaultSnowflakeConfig()
	c.Listen, c.Account, c.User, c.Password, c.Warehouse = s.Listen, s.Account, s.User, string(s.Password), s.Warehouse
	c.Database, c.Schema, c.PublicKey, c.DatabaseFile = s.Database, s.Schema, s.PublicKey, s.DatabaseFile
	c.ChunkRows, c.InlineRows, c.FixtureDir = s.ChunkRows, s.InlineRows, s.FixtureDir
	c.PollAfter, c.SessionValidity = s.PollAfter, s.SessionValidity
	return c
}

func (s clevertapSettings) config() sandbox.CleverTapConfig {
	c := sandbox.DefaultCleverTapConfig()
	c.Listen, c.AccountID, c.Passcode = s.Listen, s.AccountID, string(s.Passcode)
	c.Slots, c.RecordsPerUpload, c.EventProperties = s.Slots, s.RecordsPerUpload, s.EventProperties
	c.Nested, c.DiscardedEvents = s.Nested, s.DiscardedEvents
	return c
}
