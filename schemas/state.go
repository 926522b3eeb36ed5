package schemas

import "time"

// States of a run. The last four are terminal and final.
const (
	StateQueued               = "queued"
	StateExtracting           = "extracting"
	StateLoading              = "loading"
	StateSucceeded            = "succeeded"
	StateSucceededWithRejects = "succeededWithRejects"
	StateFailed               = "failed"
	StateCancelled            = "cancelled"
)

// Terminal reports whether a run in this state is over.
func Terminal(state string) bool {
	switch state {
	case StateSucceeded, StateSucceededWithRejects, StateFailed, StateCancelled:
		return true
	}
	return false
}

// Reasons for a skipped row.
const (
	SkipClosed     = "closed"
	SkipCancelled  = "cancelled"
	SkipStopped    = "stopped"
	SkipSuperseded = "superseded"
)

// State is the value of the state topic: all that the scheduler must remember
// of an import or of a trial. Only the owner of its partition writes it.
type State struct {
	Import     string     `json:"import"`
	Epoch      int        `json:"epoch"`
	SourceHash string     `json:"sourceHash,omitempty"` // of query, cursor and identity: a change starts an epoch
	Watermark  string     `json:"watermark,omitempty"`
	Frame      string     `json:"frame,omitempty"` // of the watermark: see Started
	Ledger     *LedgerRef `json:"ledger,omitempty"`
	// Columns are those of the newest run that succeeded.
	Columns    []Column `json:"columns,omitempty"`
	LastNumber int      `json:"lastNumber"` // of the newest run, active or closed
	LastDryRun int      `json:"lastDryRun,omitempty"`
	// Anchor is when the import was first applied: an every: schedule counts
	// from it, so that neither a restart nor an edit shifts its instants.
	Anchor  *time.Time `json:"anchor,omitempty"`
	LastDue *time.Time `json:"lastDue,omitempty"`
	// ScheduleHash covers the schedules in force, which are so since ScheduleSince:
	// an instant before it is not due, one after it is, whatever else is edited.
	ScheduleHash  string     `json:"scheduleHash,omitempty"`
	ScheduleSince *time.Time `json:"scheduleSince,omitempty"`
	Keys          []string   `json:"keys,omitempty"` // idempotency keys seen, newest last, at most MaxKeys
	Paused        bool       `json:"paused,omitempty"`
	Active        *ActiveRun `json:"active,omitempty"`
	Queued        *QueuedRun `json:"queued,omitempty"`
	// Sample is set in the state of a dry run that has closed.
	Sample    *Sample   `json:"sample,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// MaxKeys bounds State.Keys.
const MaxKeys = 64

// ActiveRun is the run that an import is in.
type ActiveRun struct {
	Run           string     `json:"run"`
	Number        int        `json:"number"`
	Attempt       int        `json:"attempt"`
	Mode          string     `json:"mode"`
	State         string     `json:"state"`
	Epoch         int        `json:"epoch"`
	Generation    int        `json:"generation"`
	Spec          ImportSpec `json:"spec"`
	WatermarkFrom string     `json:"watermarkFrom,omitempty"`
	To            string     `json:"to,omitempty"`   // of a backfill, exclusive; From is WatermarkFrom
	Rows          int        `json:"rows,omitempty"` // of a trial, at most
	// Connection stands in for the applied one in a preview.
	Connection *SnowflakeConnectionSpec `json:"connection,omitempty"`
	// Sample is what a sync sends.
	Sample *Sample `json:"sample,omitempty"`
	Key    string  `json:"key,omitempty"`
	Cause  string  `json:"cause"`
	// Ending is set once the run is to be cancelled or stopped: what is left is
	// skipped, and the run ends when the counts meet.
	Ending      *Ending    `json:"ending,omitempty"`
	RetryAt     *time.Time `json:"retryAt,omitempty"` // of the next attempt
	Traceparent string     `json:"traceparent,omitempty"`
	TraceID     string     `json:"traceId,omitempty"`
	StartedAt   time.Time  `json:"startedAt"`
}

// Ending is how a run that is to end early will end.
type Ending struct {
	State string    `json:"state"` // failed | cancelled
	Skip  string    `json:"skip"`  // reason for what is left
	Error *RunError `json:"error,omitempty"`
}

// QueuedRun waits for the active one; an import has one at most.
type QueuedRun struct {
	Mode        string    `json:"mode,omitempty"`
	From        string    `json:"from,omitempty"`
	To          string    `json:"to,omitempty"`
	Key         string    `json:"key"`
	Cause       string    `json:"cause"`
	Traceparent string    `json:"traceparent,omitempty"`
	Time        time.Time `json:"time"`
}

// RunError says why a run failed, in words that name no value.
type RunError struct {
	Stage  string `json:"stage,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}
