package schemas

import "time"

// Kinds of commands.
const (
	CommandRun            = "run"
	CommandCancel         = "cancel"
	CommandPause          = "pause"
	CommandResume         = "resume"
	CommandReset          = "reset"
	CommandBackfill       = "backfill"
	CommandPreview        = "preview"
	CommandTestConnection = "testConnection"
	CommandListTables     = "listTables"
	CommandTestAccount    = "testAccount"
	CommandCompareClocks  = "compareClocks"
	CommandDryRun         = "dryRun"
	CommandSync           = "sync"
	CommandApprove        = "approve" // lets a held run go on
	CommandDecline        = "decline" // ends it
	CommandDismiss        = "dismiss" // gives up the open rejects of an import
	CommandStop           = "stop"    // ends an import for good, until it is resumed
	CommandRunAt          = "runAt"   // plans a run for an instant
	CommandCancelRunAt    = "cancelRunAt"
	CommandRunFrom        = "runFrom" // the first run, of rows from a cursor instant on
	CommandResend         = "resend"  // sends again what earlier runs have loaded
	CommandReplay         = "replay"  // sends what earlier runs have rejected
	CommandRepair         = "repair"  // sends who a verification has found to differ
	CommandReconcile      = "reconcile"
)

// Command is what a person asks of an import. ID is the caller's idempotency
// key: a second command with it changes nothing.
type Command struct {
	ID     string `json:"id"`
	Import string `json:"import"`
	Kind   string `json:"kind"`
	Run    string `json:"run,omitempty"`  // of a cancel, an approval or a refusal; of a sync, the dry run; of a preview or a test, its own name
	From   string `json:"from,omitempty"` // of a backfill and a first run: cursor instants, from inclusive, to exclusive
	To     string `json:"to,omitempty"`
	// At is the instant of a run that is planned, or whose plan is cancelled.
	At *time.Time `json:"at,omitempty"`
	// Runs are those that a resend is of.
	Runs *RunSpan `json:"runs,omitempty"`
	// Replay says what a replay sends.
	Replay *Replay `json:"replay,omitempty"`
	Rows   int     `json:"rows,omitempty"` // of a preview and a dry run, at most; 0 describes the query
	// Repair says whom a repair sends.
	Repair *Repair `json:"repair,omitempty"`
	// Reconcile says what a reconciliation does.
	Reconcile *Reconciliation `json:"reconcile,omitempty"`
	// Verify makes a dry run a verification.
	Verify *Verify `json:"verify,omitempty"`
	// People makes a preview read the rows of a person: it names the list with their identity.
	People string `json:"people,omitempty"`
	// Spec and Connection are a preview's, which need not be of what is applied. Of a
	// test, Spec names the connection or the account and nothing to read.
	Spec       *ImportSpec              `json:"spec,omitempty"`
	Connection *SnowflakeConnectionSpec `json:"connection,omitempty"`
	// Tables is what of a connection is listed; Spec names the connection.
	Tables *TablesQuery `json:"tables,omitempty"`
	// Generation is the definition's that a replay, a repair, a reconciliation or a
	// verification was asked for; 0 does not matter. If another one is in force when the
	// command is taken up, it is refused: what was planned and agreed to is what is done.
	Generation int `json:"generation,omitempty"`
	// Repeats is how many events the asker has agreed to store a second time, of a
	// run or a reset of an event import.
	Repeats     *int64    `json:"repeats,omitempty"`
	Actor       string    `json:"actor,omitempty"`
	Time        time.Time `json:"time"`
	Traceparent string    `json:"traceparent,omitempty"`
}

// RunSpan names runs of an import by their numbers, both inclusive.
type RunSpan struct {
	First int `json:"first"`
	Last  int `json:"last"`
	// Since is when the earliest of them started: what they wrote is not older.
	Since time.Time `json:"since"`
	// Loaded is how many records they have loaded.
	Loaded int64 `json:"loaded"`
}

// Modes of a run.
const (
	ModeFull           = "full"
	ModeIncremental    = "incremental"
	ModeBackfill       = "backfill"
	ModeResend         = "resend"         // sends again what earlier runs have loaded
	ModeReplay         = "replay"         // sends what earlier runs have rejected
	ModeRepair         = "repair"         // sends who a verification has found to differ
	ModeReconcile      = "reconcile"      // sends what has come behind the watermark since the baseline
	ModeSync           = "sync"           // sends the sample of a dry run
	ModeDryRun         = "dryRun"         // a random sample, in the dry runs' topics
	ModePreview        = "preview"        // the first rows, for show
	ModeConnectionTest = "connectionTest" // signs in and reads nothing
	ModeTables         = "tables"         // lists what the connection sees and reads no rows
	ModeAccountTest    = "accountTest"    // asks CleverTap and stores nothing; the loader does it, so it has no trigger
	ModeClocks         = "clocks"         // asks a scheduler and a mapper for their time; it has no trigger either
)

// HasTrigger reports whether an extractor works on runs of a mode. The others are answered
// by who follows the states.
func HasTrigger(mode string) bool { return mode != ModeAccountTest && mode != ModeClocks }

// Causes of a run.
const (
	CauseSchedule = "schedule"
	CauseCommand  = "command"
)

// Trigger makes an extractor read. It carries the whole definition, so that
// a run uses the one it was triggered with from the first row to the last.
type Trigger struct {
	Import      string     `json:"import"`
	Run         string     `json:"run"`
	Number      int        `json:"number"`
	Attempt     int        `json:"attempt"`
	Mode        string     `json:"mode"`
	Epoch       int        `json:"epoch"`
	Generation  int        `json:"generation"`
	Spec        ImportSpec `json:"spec"`
	Watermark   string     `json:"watermark,omitempty"` // W; "" reads everything
	To          string     `json:"to,omitempty"`        // of a backfill, exclusive
	Initial     string     `json:"initial,omitempty"`   // as in the state
	Runs        *RunSpan   `json:"runs,omitempty"`      // of a resend
	Replay      *Replay    `json:"replay,omitempty"`    // of a replay
	Ledger      *LedgerRef `json:"ledger,omitempty"`    // of the run before
	Rows        int        `json:"rows,omitempty"`      // of a trial
	Cause       string     `json:"cause"`
	Key         string     `json:"key,omitempty"` // the due instant or the command's id
	Traceparent string     `json:"traceparent,omitempty"`
	Time        time.Time  `json:"time"`
	// Check and Approval are those of the active run.
	Check    *ResultCheck `json:"check,omitempty"`
	Approval *Approved    `json:"approval,omitempty"`
}

// LedgerNames is how the values of a ledger are named today.
const LedgerNames = 2

// LedgerRef names the ledger that a run left behind: its values lie in Redis,
// one for each chunk.
type LedgerRef struct {
	// Names is LedgerNames of the version that wrote the values: 0 for those that
	// knew neither the deployment nor the epoch in their names.
	Names   int   `json:"names,omitempty"`
	Epoch   int   `json:"epoch,omitempty"`
	Number  int   `json:"number"`
	Attempt int   `json:"attempt"`
	Chunks  int   `json:"chunks"`
	Entries int64 `json:"entries"`
	// Complete is false when the cap or a Redis fault left rows out: such rows
	// are sent again, never lost.
	Complete bool `json:"complete"`
	// Mapping is the hash of the mapping that the fingerprints cover.
	Mapping string `json:"mapping,omitempty"`
	// Counts names the counts for the next look for late rows; "" if there are none.
	Counts string `json:"counts,omitempty"`
	// Outdated is set once a later run has sent rows and did not succeed: CleverTap need
	// not hold any more what the ledger says. OutdatedMapping is set if such a run used
	// another mapping.
	Outdated        bool `json:"spoiled,omitempty"`
	OutdatedMapping bool `json:"mixed,omitempty"`
	// Suppressed is set if mapper or loader have skipped rows of the run as
	// suppressed. The ledger holds them, and its reader asks the reports which.
	Suppressed bool `json:"suppressed,omitempty"`
}
