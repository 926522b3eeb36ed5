package schemas

import "time"

// States of a run. The last four are terminal and final.
const (
	StateQueued               = "queued"
	StateStarting             = "starting" // what its references resolve to is compared; nothing is triggered yet
	StateHeld                 = "held"     // it waits until a person approves or declines it; nothing of the attempt has been sent
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
	// SkipOutsideRetention is of events that are older than the account keeps.
	SkipOutsideRetention = "outsideRetention"
	// SkipGone is of people whose rows a replay did not find in Snowflake any more,
	// SkipDeclined of rejects that a person has decided not to send.
	SkipGone     = "gone"
	SkipDeclined = "declined"
	// SkipSuppressed is of people who must not be sent: see docs/suppression.md.
	SkipSuppressed = "suppressed"
)

// State is the value of the state topic: all that the scheduler must remember
// of an import or of a trial. Only the owner of its partition writes it.
type State struct {
	Import string `json:"import"`
	Epoch  int    `json:"epoch"`
	// SourceHash covers what the definition says of where rows come from and where
	// they go: a change starts an epoch. Place is what the references resolved to.
	SourceHash string `json:"sourceHash,omitempty"`
	Place      *Place `json:"place,omitempty"`
	// Pending is the epoch that a person has to approve, because it would send
	// events a second time.
	Pending   *PendingEpoch `json:"pending,omitempty"`
	Watermark string        `json:"watermark,omitempty"`
	TimeBasis string        `json:"frame,omitempty"` // of the watermark: see Started
	Ledger    *LedgerRef    `json:"ledger,omitempty"`
	// Baseline is that of the newest reconciliation of this epoch that succeeded.
	Baseline *BaselineRef `json:"baseline,omitempty"`
	// Columns are those of the newest run that succeeded.
	Columns []Column `json:"columns,omitempty"`
	// Gone are the mapped columns that this run found gone and went on without.
	Gone       []string `json:"gone,omitempty"`
	Generation int      `json:"generation,omitempty"` // of the newest definition that was taken in
	LastNumber int      `json:"lastNumber"`           // of the newest run, active or closed
	// EpochFirst is the number that the epoch's first run has or will have; 0 in the state
	// of a scheduler that did not note it.
	EpochFirst int `json:"epochFirst,omitempty"`
	// LastEnded is the newest run that has closed, LastSucceeded the newest one that
	// succeeded.
	LastEnded     *EndedRun `json:"lastEnded,omitempty"`
	LastSucceeded *EndedRun `json:"lastSucceeded,omitempty"`
	LastDryRun    int       `json:"lastDryRun,omitempty"`
	// Events counts the events that the import has stored in CleverTap, in all
	// epochs.
	Events *EventCount `json:"events,omitempty"`
	// Interrupted are the runs of this epoch, oldest first, that have loaded events
	// and did not succeed, since the last one that did. The next run leaves out the
	// rows of these events.
	Interrupted []InterruptedRun `json:"interrupted,omitempty"`
	// Replays are the replays of this epoch, oldest first, that have taken rejects and did
	// not succeed, at most MaxInterrupted: of those rejects some have no outcome yet.
	Replays []InterruptedRun `json:"replays,omitempty"`
	// Reconciles are the reconciliations of events since the last one that succeeded. The next
	// one finds the rows that they have loaded again, and leaves them out.
	Reconciles []InterruptedRun `json:"reconciles,omitempty"`
	// UnfinishedEvents counts the events that such runs have stored, or may have
	// stored, and of which nobody can tell the rows: the next run may store them again.
	UnfinishedEvents int64 `json:"unfinished,omitempty"`
	// Loaded counts the records that were loaded in this epoch, OpenRejects the
	// rejects of this epoch that nothing has made good yet.
	Loaded      int64 `json:"loaded,omitempty"`
	OpenRejects int64 `json:"openRejects,omitempty"`
	// OpenBeside are those of OpenRejects that runs beside the watermark have made, such as a
	// backfill: a run that reads everything does not find them.
	OpenBeside int64 `json:"openBeside,omitempty"`
	// Dismissed are the rejects of this epoch that a person has given up, or that a replay
	// has made good: a run that reads everything finds them still rejected.
	Dismissed int64 `json:"dismissed,omitempty"`
	// RetryRejects says that a run with another mapping has succeeded, and that the import's
	// definition wants the open rejects replayed then. It is cleared when the replay is queued.
	RetryRejects bool `json:"retryRejects,omitempty"`
	// DismissedThrough is the number of the last run whose rejects were dismissed with it.
	DismissedThrough int `json:"dismissedThrough,omitempty"`
	// Anchor is when the import was first applied: an every: schedule counts
	// from it, so that neither a restart nor an edit shifts its instants.
	Anchor  *time.Time `json:"anchor,omitempty"`
	LastDue *time.Time `json:"lastDue,omitempty"`
	// DueFrom begins the due instants up to LastDue of which each was acted on by itself.
	// An earlier one may have shared a run with those after it.
	DueFrom *time.Time `json:"dueFrom,omitempty"`
	// ActedOn are due instants that the clock shows once more because it was set back, and
	// of which each was acted on by itself. At most MaxActedOn.
	ActedOn []DueSpan `json:"actedOn,omitempty"`
	// SkippedDue are the newest due instants that no run stands for, oldest first.
	SkippedDue []SkippedDue `json:"skippedDue,omitempty"`
	// ScheduleHash covers the schedules in force, which are so since ScheduleSince:
	// an instant before it is not due, one after it is, whatever else is edited.
	ScheduleHash  string     `json:"scheduleHash,omitempty"`
	ScheduleSince *time.Time `json:"scheduleSince,omitempty"`
	Keys          []string   `json:"keys,omitempty"` // idempotency keys seen, newest last, at most MaxKeys
	// Refused are those among the keys whose command asked for a run while the
	// import was paused or stopped.
	Refused []string `json:"refused,omitempty"`
	// RefusedBecause is why, by key; a key without an entry was refused because the
	// import was paused or stopped.
	RefusedBecause map[string]string `json:"refusedBecause,omitempty"`
	Paused         bool              `json:"paused,omitempty"`
	// Stopped says that a person has ended the import. Paused is set as well, so that
	// a scheduler that does not know Stopped starts nothing either.
	Stopped bool `json:"stopped,omitempty"`
	// Draft says that the newest definition is a draft.
	Draft bool `json:"draft,omitempty"`
	// Initial is where the first run began, if a person has said so: no later run of
	// the epoch reads a row whose cursor is earlier. It is written as cursor.initial.
	Initial string `json:"initial,omitempty"`
	// Planned are the runs that a person has planned, the earliest first.
	Planned []PlannedRun `json:"planned,omitempty"`
	// ByHand says that a person has resumed the import although its schedules have no
	// further instant: it may be run by a command. Other schedules end it.
	ByHand bool `json:"byHand,omitempty"`
	// Sizes are the rows of the last runs that succeeded, by mode, oldest first, at
	// most MaxSizes of each.
	Sizes map[string][]int64 `json:"sizes,omitempty"`
	// Snowflake is what the import's statements have taken today.
	Snowflake *DayOfSnowflake `json:"snowflake,omitempty"`
	Active    *ActiveRun      `json:"active,omitempty"`
	Queued    *QueuedRun      `json:"queued,omitempty"`
	// Sample is set in the state of a dry run that has closed.
	Sample    *Sample   `json:"sample,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// MaxKeys bounds State.Keys, MaxPlanned State.Planned.
const (
	MaxKeys    = 64
	MaxPlanned = 16
)

// Reasons why a command was refused.
const (
	RefusedPaused       = "paused"
	RefusedStopped      = "stopped"
	RefusedDraft        = "draft"
	RefusedOtherWindow  = "otherWindow"  // a run of another window waits already
	RefusedHasWatermark = "hasWatermark" // of a first run, of an import that has run
	RefusedPlanFull     = "planFull"     // MaxPlanned runs are planned already
	RefusedNotPlanned   = "notPlanned"   // of a cancelled plan
	RefusedRedefined    = "redefined"    // another definition than the one that was asked for is in force
)

// PlannedRun is a run that a person wants at an instant, once.
type PlannedRun struct {
	At          time.Time `json:"at"`
	Key         string    `json:"key"`
	Actor       string    `json:"actor,omitempty"`
	Traceparent string    `json:"traceparent,omitempty"`
}

// Place says where rows come from and where they go: keyed hashes of what the
// definition's references resolve to. A part is "" until a service has reported it.
type Place struct {
	Source string `json:"source,omitempty"` // of the extractor: account, role, database and schema of Snowflake
	Target string `json:"target,omitempty"` // of the loader: account and region of CleverTap
}

// PendingEpoch is an epoch that has not begun. Until it is approved the import
// keeps its watermark, and a definition that is taken back leaves nothing pending.
type PendingEpoch struct {
	SourceHash string `json:"sourceHash"`
	Place      *Place `json:"place,omitempty"`
	Reset      bool   `json:"reset,omitempty"` // somebody asked for it
	Reason     string `json:"reason"`
}

// EndedRun is how a run ended.
type EndedRun struct {
	Run       string    `json:"run"`
	State     string    `json:"state"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	Time      time.Time `json:"time"`
	// Read, Future, Share and Code are for the listing where Redis does not answer: rows
	// read, rows in the future, the share that was processed, and the code of the error.
	Read   int64    `json:"read,omitempty"`
	Future int64    `json:"future,omitempty"`
	Share  *float64 `json:"share,omitempty"`
	Code   string   `json:"code,omitempty"`
}

// MaxInterrupted bounds State.Interrupted. The events of the oldest run beyond it
// are counted in State.UnfinishedEvents.
const MaxInterrupted = 32

// InterruptedRun is a run that has loaded events and did not succeed. Which rows
// they were made of follows from the receipts of its attempts and the records topic.
type InterruptedRun struct {
	Number    int       `json:"number"`
	Attempts  int       `json:"attempts"`
	StartedAt time.Time `json:"startedAt"`
	// RecordsTopic is Kafka's id of the topic that its receipts are about.
	RecordsTopic string `json:"recordsTopic"`
	Loaded       int64  `json:"loaded"` // events
	// Uncertain are further events that may have been stored. Of reconciliations only.
	Uncertain int64 `json:"uncertain,omitempty"`
}

// EventCount is a number of events. AtLeast is set when some were stored before
// they were counted.
type EventCount struct {
	Stored  int64 `json:"stored"`
	AtLeast bool  `json:"atLeast,omitempty"`
}

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
	To            string     `json:"to,omitempty"` // of a backfill, exclusive; From is WatermarkFrom
	// Initial is the state's when the run began.
	Initial   string          `json:"initial,omitempty"`
	Runs      *RunSpan        `json:"runs,omitempty"` // of a resend
	Replay    *Replay         `json:"replay,omitempty"`
	Repair    *Repair         `json:"repair,omitempty"`
	Reconcile *Reconciliation `json:"reconcile,omitempty"`
	Rows      int             `json:"rows,omitempty"` // of a trial, at most
	Verify    *Verify         `json:"verify,omitempty"`
	// People names the list of the person whose rows a preview reads.
	People string `json:"people,omitempty"`
	// Connection stands in for the applied one in a preview.
	Connection *SnowflakeConnectionSpec `json:"connection,omitempty"`
	// Tables is what a trial of the mode tables lists.
	Tables *TablesQuery `json:"tables,omitempty"`
	// Sample is what a sync sends.
	Sample *Sample `json:"sample,omitempty"`
	Key    string  `json:"key,omitempty"`
	Cause  string  `json:"cause"`
	// Actor is who asked for the run, "" if a schedule did.
	Actor string `json:"actor,omitempty"`
	// Due is the newest due instant that the run stands for, DueFrom the first one if
	// there are several: those after it fell due while the run waited, or while no
	// scheduler ran.
	Due     *time.Time `json:"due,omitempty"`
	DueFrom *time.Time `json:"dueFrom,omitempty"`
	// Place is what the run reads from and sends to. A service that resolves
	// another place reports it, and reads or sends nothing for the run.
	Place *Place `json:"place,omitempty"`
	// HeldBecause is set while State is held. HeldUntil is when the newest hold ended, if
	// the run went on.
	HeldBecause *Hold      `json:"hold,omitempty"`
	HeldUntil   *time.Time `json:"heldUntil,omitempty"`
	// Check is what the result is compared with before its first row is sent. It is
	// nil of a run that is never held for its result, and of one that an older scheduler
	// has begun.
	Check *ResultCheck `json:"check,omitempty"`
	// Approval is what a person has approved of the run's result.
	Approval *Approved `json:"approval,omitempty"`
	// RowsTopic and RecordsTopic are Kafka's ids of the import's topics when the
	// run began: one that was deleted and created again since has lost what the run had
	// written.
	RowsTopic    string `json:"rowsTopic,omitempty"`
	RecordsTopic string `json:"recordsTopic,omitempty"`
	// ReportsTopic is Kafka's id of the reports topic when the run began. If there is
	// another one now, it is not known all that was extracted, mapped and sent of the run.
	ReportsTopic string `json:"reportsTopic,omitempty"`
	// Ending is set once the run is to be cancelled or stopped: what is left is
	// skipped, and the run ends when the counts meet.
	Ending      *Ending    `json:"ending,omitempty"`
	RetryAt     *time.Time `json:"retryAt,omitempty"` // of the next attempt
	Traceparent string     `json:"traceparent,omitempty"`
	TraceID     string     `json:"traceId,omitempty"`
	StartedAt   time.Time  `json:"startedAt"`
}

// ReportsLost reports whether reports of the run may have been deleted with their topic,
// given the id of the topic that is there now.
func (a *ActiveRun) ReportsLost(topic string) bool {
	return a.ReportsTopic != "" && topic != "" && a.ReportsTopic != topic
}

// Ending is how a run that is to end early will end.
type Ending struct {
	State string    `json:"state"` // failed | cancelled
	Skip  string    `json:"skip"`  // reason for what is left
	Error *RunError `json:"error,omitempty"`
}

// QueuedRun waits for the active one; an import has one at most.
type QueuedRun struct {
	Mode        string          `json:"mode,omitempty"`
	From        string          `json:"from,omitempty"`
	To          string          `json:"to,omitempty"`
	Runs        *RunSpan        `json:"runs,omitempty"` // of a resend
	Replay      *Replay         `json:"replay,omitempty"`
	Repair      *Repair         `json:"repair,omitempty"`
	Reconcile   *Reconciliation `json:"reconcile,omitempty"`
	Key         string          `json:"key"`
	Cause       string          `json:"cause"`
	Actor       string          `json:"actor,omitempty"`
	Traceparent string          `json:"traceparent,omitempty"`
	Time        time.Time       `json:"time"`
	// JoinedAt is when the newest of the requests that this run stands for was made, if it
	// stands for several.
	JoinedAt *time.Time `json:"joinedAt,omitempty"`
	// Due and DueFrom are as those of an ActiveRun.
	Due     *time.Time `json:"due,omitempty"`
	DueFrom *time.Time `json:"dueFrom,omitempty"`
}

// RunError says why a run failed, in words that name no value.
type RunError struct {
	Stage  string `json:"stage,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}
