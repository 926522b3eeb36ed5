// Package whylate explains why an import is late, or what its run waits for: a chain of
// causes with the first one on top. It is pure: whoever calls it has read the log, the
// groups and the newest reports, and says what could not be read.
package whylate

import (
	"time"

	"tapline.dev/schemas"
)

// Codes of causes. They are part of the API.
const (
	CodeDraft           = "draft"
	CodeStopped         = "stopped"
	CodePaused          = "paused"
	CodeUnscheduled     = "unscheduled"
	CodeNotDue          = "notDue"
	CodeRunFailed       = "runFailed"
	CodeOpenTransaction = "openTransaction"
	CodeNoService       = "noService" // no process of the service runs
	CodeNoOwner         = "noOwner"   // one runs, and the partition has no owner
	CodeNotActedOn      = "notActedOn"
	CodeQueued          = "queued"
	CodeHeld            = "held"
	CodeStarting        = "starting"
	CodeRetry           = "retry"
	CodeFrozen          = "frozen"
	CodeSuppressions    = "suppressions"
	CodeAccountRefused  = "accountRefused"
	CodeCircuitOpen     = "circuitOpen"
	CodeSourceAway      = "sourceAway"
	CodeSnowflakeQueue  = "snowflakeQueue"
	CodeSnowflake       = "snowflake"
	CodeExtracting      = "extracting"
	CodeSilent          = "silent"
	CodeMapperBehind    = "mapperBehind"
	CodeSlots           = "slots"
	CodeLoaderBehind    = "loaderBehind"
)

// Cause is one link of the chain.
type Cause struct {
	Code    string     `json:"code" doc:"Which cause it is; docs/operations.md has them all, and later versions may add some"`
	Text    string     `json:"text" doc:"The cause in a sentence, with its figures"`
	Since   *time.Time `json:"since,omitempty" doc:"Since when, as far as it is known"`
	Stage   string     `json:"stage,omitempty" doc:"The stage that waits: schedule, extract, map or load"`
	Records int64      `json:"records,omitempty" doc:"How many rows or records wait there"`
	Seconds float64    `json:"seconds,omitempty" doc:"How long they take at the pace of the last minutes"`
	Next    string     `json:"next,omitempty" doc:"The command or the step that comes next"`
}

// Explanation says why an import is late.
type Explanation struct {
	Import      string     `json:"import"`
	AsOf        time.Time  `json:"asOf" doc:"When the log was read"`
	Due         *time.Time `json:"due,omitempty" doc:"The earliest due instant for which no run has succeeded and none was skipped on purpose; absent if the import is on time"`
	LateSeconds float64    `json:"lateSeconds,omitempty" doc:"Now less due"`
	Run         string     `json:"run,omitempty" doc:"The run that goes on"`
	State       string     `json:"state,omitempty" doc:"Its state"`
	Causes      []Cause    `json:"causes" doc:"The first cause first: what stands still before what is slow, in the order of the pipeline, then the slowest first"`
	Unknown     []string   `json:"unknown" doc:"What could not be found out, and why"`
}

// Group is a service's consumer group as Kafka sees it.
type Group struct {
	Members int
	Settled bool
	// Owns reports whether some member owns the partition of the topic.
	Owns func(topic string, partition int32) bool
}

// Recent is what the newest reports say.
type Recent struct {
	Window time.Duration // how far back they were read
	// Last is the time of the newest report of the active run's attempt, by stage.
	Last map[string]time.Time
	// Statement is what the extractor said last of the statement that Snowflake executes.
	Statement *schemas.Statement
	// Mapped are rows that got an outcome in the mapper, Settled records that got one
	// in the loader, within the window.
	Mapped, Settled int64
	// InFlight counts requests without an answer, by import, of the imports that send to
	// the same account.
	InFlight map[string]int
}

// Facts are what an explanation is made from.
type Facts struct {
	Now        time.Time
	Definition schemas.Definition
	State      schemas.State
	// Run is the newest event of the active run, or nil.
	Run *schemas.Run
	// Others are the states of the imports that this one comes after.
	Others map[string]schemas.State
	Frozen *schemas.FrozenBy
	// Groups are by service. One that could not be described is missing.
	Groups map[string]Group
	// Hidden are control topics whose newest records another application's open
	// transaction hides.
	Hidden []string
	Recent *Recent // nil if the reports could not be read
	Topics schemas.Topics
	// Partitions is how many partitions the import's own topics have.
	Partitions int
	Slots      int // of the account, in requests
	Unknown    []string
}
