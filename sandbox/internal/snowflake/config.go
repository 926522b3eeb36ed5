package snowflake

import "time"

const serverVersion = "10.0.0"

// Config describes the account that the sandbox plays.
type Config struct {
	Account, User, Password string
	Warehouse               string
	Database, Schema        string // made at the start
	PublicKey               string // PEM; empty for no key-pair login
	DatabaseFile            string // DuckDB file of Database; empty for memory
	FixtureDir              string // further hand-made results
	ChunkRows, InlineRows   int
	PollAfter               time.Duration // a statement that runs longer is answered by polling
	SessionValidity         time.Duration
	MasterValidity          time.Duration
	KeepResults             int      // statements whose results stay fetchable
	KeepBytes               int64    // and their bytes together
	Grants                  []string // of the role, as "PRIVILEGE ON KIND NAME"
	// Clock tells the time to statements with this QUERY_TAG; nil is the real clock.
	Clock func(queryTag string) time.Time
}
