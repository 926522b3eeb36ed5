package schemas

import "time"

// StageTimes says when a stage of a run was at work: from its first report to its
// newest. The clocks are those of the services.
type StageTimes struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// SkippedDue are due instants of an import's schedules that no run stands for.
type SkippedDue struct {
	// From and To are the first and the last of these instants.
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"` // SkippedPaused | SkippedLate
	Time   time.Time `json:"time"`   // when it was decided
}

// MaxActedOn bounds State.ActedOn.
const MaxActedOn = 8

// DueSpan are the due instants from one to another, both inclusive.
type DueSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Reasons for which no run stands for a due instant.
const (
	// SkippedPaused is of instants that fell due while the import was paused.
	SkippedPaused = "paused"
	// SkippedLate is of instants that no scheduler acted on in time, of an import with
	// catchUp: skip.
	SkippedLate = "late"
)

// MaxSkippedDue bounds State.SkippedDue: the oldest go first.
const MaxSkippedDue = 32

// RunFigures are what people ask of a run, computed from its counts. They are in the
// API only.
type RunFigures struct {
	// ImportedOn is when the last record was loaded; null while nothing is.
	ImportedOn *time.Time `json:"importedOn"`
	// Health is the share of the rows read that were processed; null before any row.
	Health     *float64 `json:"health"`
	Successful int64    `json:"successful"` // loaded
	Failed     int64    `json:"failed"`     // rejected, and still rejected
	Skipped    int64    `json:"skipped"`
	Unchanged  int64    `json:"unchanged"`
	Future     int64    `json:"future"`
	// Moving says that the counts still change.
	Moving        bool           `json:"moving"`
	Seconds       float64        `json:"seconds"` // from the start to the end, or until now
	RowsPerSecond float64        `json:"rowsPerSecond"`
	RejectRatio   float64        `json:"rejectRatio"`
	Equation      string         `json:"equation"` // read = loaded + unchanged + …, in one line
	Balanced      bool           `json:"balanced"` // every row read has an outcome
	RemainingRows int64          `json:"remainingRows"`
	SecondsLeft   float64        `json:"secondsLeft,omitempty"` // at the present pace; 0 if that cannot be said
	Share         float64        `json:"share"`                 // of the rows of Snowflake's result that have an outcome
	Stages        []StageFigures `json:"stages"`
}

// StageFigures are the figures of one stage of a run.
type StageFigures struct {
	Stage         string  `json:"stage"` // extract | map | load
	In            int64   `json:"in"`
	Out           int64   `json:"out"`
	Unchanged     int64   `json:"unchanged,omitempty"`
	Future        int64   `json:"future,omitempty"`
	Rejected      int64   `json:"rejected"`
	Skipped       int64   `json:"skipped"`
	Waiting       int64   `json:"waiting"` // came in and have no outcome yet
	Equation      string  `json:"equation"`
	Seconds       float64 `json:"seconds,omitempty"` // from its first report to its last; 0 if it is not known
	RowsPerSecond float64 `json:"rowsPerSecond,omitempty"`
}

// ListingColumns are the columns of the listing that follow from an import's
// definition and the time. They are in the API only.
type ListingColumns struct {
	Partner    string            `json:"partner,omitempty"`    // Snowflake
	Datasource string            `json:"datasource,omitempty"` // the connection
	Account    string            `json:"account,omitempty"`
	Frequency  string            `json:"frequency,omitempty"` // repeatIntervals | customSchedule | manual
	Owner      string            `json:"owner,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	CreatedAt  *time.Time        `json:"createdAt,omitempty"`
	CreatedBy  string            `json:"createdBy,omitempty"`
	UpdatedAt  *time.Time        `json:"updatedAt,omitempty"`
	UpdatedBy  string            `json:"updatedBy,omitempty"`
	// FreshnessSeconds is now less the watermark; absent without a watermark in time.
	FreshnessSeconds *float64 `json:"freshnessSeconds,omitempty"`
	// Condition is the colour of the health, or why there is none; ConditionReason says
	// it in a sentence.
	Condition       string `json:"condition,omitempty"`
	ConditionReason string `json:"conditionReason,omitempty"`
	// Late is the earliest due instant for which no run has succeeded, once the next one is
	// due too or an hour has passed; absent if the import is on time.
	Late *time.Time `json:"late,omitempty"`
	// Acknowledged is who has muted the notifications of what is known of the import, until
	// when and why.
	Acknowledged *AcknowledgementSpec `json:"acknowledged,omitempty"`
	// Behind is what the import's queued run waits behind.
	Behind string `json:"behind,omitempty"`
	// Progress is the share of the active run's rows that have an outcome; absent
	// while it is not known.
	Progress *float64 `json:"progress,omitempty"`
	// Missing is what a draft lacks before it can be applied without spec.draft.
	Missing []Lack `json:"missing,omitempty"`
	// Recent are the newest runs, oldest first, where they were asked for.
	Recent []RecentRun `json:"recent,omitempty"`
}

// Lack is something that a draft lacks.
type Lack struct {
	Location string `json:"location"` // such as spec.identity.column
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
}

// RecentRun is a run in a row of the listing.
type RecentRun struct {
	Run       string    `json:"run"`
	State     string    `json:"state"`
	Loaded    int64     `json:"loaded"`
	Failed    int64     `json:"failed"`
	StartedAt time.Time `json:"startedAt"`
	Seconds   float64   `json:"seconds"`
}
