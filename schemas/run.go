package schemas

import "time"

// Counts account for every row of a run:
//
//	Read = Extracted + Unchanged + StillRejected + Future + ExtractRejected + ExtractSkipped
//	Extracted = Mapped + MapRejected + MapSkipped
//	Mapped = Loaded + LoadRejected + LoadSkipped
type Counts struct {
	Read            int64 `json:"read"`
	Unchanged       int64 `json:"unchanged"`
	StillRejected   int64 `json:"stillRejected,omitempty"` // rejected by an earlier run and not changed since
	Future          int64 `json:"future"`
	Extracted       int64 `json:"extracted"`
	ExtractRejected int64 `json:"extractRejected"`
	ExtractSkipped  int64 `json:"extractSkipped,omitempty"` // as suppressed
	Mapped          int64 `json:"mapped"`
	MapRejected     int64 `json:"mapRejected"`
	MapSkipped      int64 `json:"mapSkipped"`
	Loaded          int64 `json:"loaded"`
	LoadRejected    int64 `json:"loadRejected"`
	LoadSkipped     int64 `json:"loadSkipped"`
	Resent          int64 `json:"resent"`
	// Repeated counts the loaded events that an earlier attempt, or an earlier run
	// that did not succeed, may have stored already: those of which the log does not
	// tell the rows, so that they could not be left out.
	Repeated int64 `json:"repeated,omitempty"`
}

// Rejected is the number of rows rejected at any stage.
func (c Counts) Rejected() int64 { return c.ExtractRejected + c.MapRejected + c.LoadRejected }

// Skipped is the number of rows skipped at any stage.
func (c Counts) Skipped() int64 { return c.ExtractSkipped + c.MapSkipped + c.LoadSkipped }

// Run is a run as the API, the CLI, the runs topic and Redis show it. Counts
// are cumulative, so that a lost or repeated event changes nothing.
type Run struct {
	Run           string      `json:"run"`
	Import        string      `json:"import"`
	Mode          string      `json:"mode"`
	State         string      `json:"state"`
	Attempt       int         `json:"attempt"`
	Epoch         int         `json:"epoch"`
	Generation    int         `json:"generation,omitempty"` // of the definition that it uses; 0 if it is not known
	Cause         string      `json:"cause,omitempty"`
	Actor         string      `json:"actor,omitempty"`   // who asked for it; "" if a schedule did
	Due           *time.Time  `json:"due,omitempty"`     // the newest due instant that it stands for
	DueFrom       *time.Time  `json:"dueFrom,omitempty"` // the first one, if it stands for several
	QueryID       string      `json:"queryId"`
	TraceID       string      `json:"traceId"`
	WatermarkFrom string      `json:"watermarkFrom"`
	WatermarkTo   string      `json:"watermarkTo"`
	To            string      `json:"to,omitempty"`      // of a backfill, exclusive; it begins at WatermarkFrom
	Initial       string      `json:"initial,omitempty"` // where the first run was told to begin
	Runs          *RunSpan    `json:"runs,omitempty"`    // of a resend
	Replay        *Replay     `json:"replay,omitempty"`
	Repair        *Repair     `json:"repair,omitempty"`
	Reconciled    *Reconciled `json:"reconciled,omitempty"`
	// Taken are the rejects that a replay has taken, Refused those that were selected and
	// not taken, by why.
	Taken           int64            `json:"taken,omitempty"`
	Refused         map[string]int64 `json:"refused,omitempty"`
	Total           int64            `json:"total"` // rows of Snowflake's result; 0 until it is known
	Counts          Counts           `json:"counts"`
	RejectsByCode   map[string]int64 `json:"rejectsByCode"`
	SkippedByReason map[string]int64 `json:"skippedByReason"`
	Waiting         *Waiting         `json:"waiting"`
	HeldBecause     *Hold            `json:"hold,omitempty"`      // while the state is held
	Approval        *Approved        `json:"approval,omitempty"`  // what a person has approved of its result
	Snowflake       *SnowflakeUse    `json:"snowflake,omitempty"` // what its statements have taken
	Notes           []string         `json:"notes,omitempty"`     // such as columns that changed since the run before
	StartedAt       time.Time        `json:"startedAt"`
	FinishedAt      *time.Time       `json:"finishedAt"`
	Error           *RunError        `json:"error"`
	// Stages says when each stage was at work, by its name.
	Stages map[string]StageTimes `json:"stages,omitempty"`
	// Behind is in the API only: what a queued run waits behind.
	Behind string `json:"behind,omitempty"`
	// Figures are in the API only.
	Figures *RunFigures `json:"figures,omitempty"`
}

// RowSchema is the value of the columns topic: the columns of the newest
// attempt and a JSON Schema of its rows, written before its first row.
type RowSchema struct {
	Import  string         `json:"import"`
	Run     string         `json:"run"`
	Number  int            `json:"number"`
	Attempt int            `json:"attempt"`
	Columns []Column       `json:"columns"`
	Schema  map[string]any `json:"schema"`
	// Gone are mapped columns that the query no longer has: the lines of the mapping that
	// read them are left out.
	Gone []string `json:"gone,omitempty"`
	// Clock is the run's T: an event without Created On is stamped with it, so
	// that a retry does not move the event.
	Clock string `json:"clock"`
}

// Listing is an import as the listing shows it: the hash
// tapline:import:<import> in Redis holds these fields.
type Listing struct {
	Import      string   `json:"import"`
	DisplayName string   `json:"displayName,omitempty"`
	Type        string   `json:"type"`
	Status      string   `json:"status"` // Draft | Running | Scheduled | Ready | Paused | Stopped
	Schedule    string   `json:"schedule"`
	Health      *float64 `json:"health"`                // share of the epoch's records that got through; null before the first run
	OpenRejects int64    `json:"openRejects,omitempty"` // rejects of the epoch that nothing has made good yet, at most
	// Future counts the rows that the last run left for a later one because their cursor
	// lies ahead of the clock. If that is most of the table, the cursor has another unit
	// or timezone than the definition says, and the rows wait for ever.
	Future      int64 `json:"future,omitempty"`
	HeldBecause *Hold `json:"hold,omitempty"` // of the active run
	// Snowflake is what the newest closed run took, and what a day takes at the schedules.
	Snowflake *SnowflakeUse `json:"snowflake,omitempty"`
	// Unfinished counts the events that runs without success may have stored and
	// that the next run cannot leave out: it may store them a second time.
	Unfinished int64 `json:"unfinished,omitempty"`
	// Frozen is in the API only: what keeps the import's records from being sent.
	Frozen *FrozenBy `json:"frozen,omitempty"`
	// Approvals are in the API only: changes of the import that wait for a second
	// person.
	Approvals    []WaitsFor `json:"approvals,omitempty"`
	LastRun      string     `json:"lastRun,omitempty"`
	LastRunState string     `json:"lastRunState,omitempty"`
	LastRunAt    *time.Time `json:"lastRunAt"`
	NextRunAt    *time.Time `json:"nextRunAt"`
	// Planned are the runs that a person has planned, the earliest first.
	Planned    []PlannedRun `json:"planned,omitempty"`
	Watermark  string       `json:"watermark"`
	Epoch      int          `json:"epoch"`
	Generation int          `json:"generation"`
	// LastRunRead and LastRunError are of the newest closed run: the rows that it read,
	// and the code of its error.
	LastRunRead  int64  `json:"lastRunRead,omitempty"`
	LastRunError string `json:"lastRunError,omitempty"`
	// LastSuccess is the newest run that succeeded; LastSuccessAt is when it began.
	LastSuccess   string     `json:"lastSuccess,omitempty"`
	LastSuccessAt *time.Time `json:"lastSuccessAt,omitempty"`
	Waiting       *Waiting   `json:"waiting,omitempty"` // of the active run
	ListingColumns
}
