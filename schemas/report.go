package schemas

import "time"

// Report is the value of the reports topic: what a stage did. Exactly one of
// the pointers is set, named by Kind.
type Report struct {
	Kind    string    `json:"kind"`
	Import  string    `json:"import"`
	Run     string    `json:"run"`
	Number  int       `json:"number"`
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
	TraceID string    `json:"traceId,omitempty"`

	Started   *Started    `json:"started,omitempty"`
	Chunk     *Extraction `json:"chunk,omitempty"`
	Final     *Final      `json:"final,omitempty"`
	Abandoned *Abandoned  `json:"abandoned,omitempty"`
	Mapped    *Mapped     `json:"mapped,omitempty"`
	Intent    *Intent     `json:"intent,omitempty"`
	Receipt   *Receipt    `json:"receipt,omitempty"`
	Waiting   *Waiting    `json:"waiting,omitempty"`
	Preview   *Preview    `json:"preview,omitempty"`
	Resolved  *Resolved   `json:"resolved,omitempty"`
	Held      *Held       `json:"held,omitempty"`
	Taken     *Taken      `json:"taken,omitempty"`

	Connection *ConnectionTest `json:"connection,omitempty"`
	Tables     *TableList      `json:"tables,omitempty"`
	Account    *AccountTest    `json:"account,omitempty"`
	Clocks     *Clocks         `json:"clocks,omitempty"`
	// Snowflake is what the attempt's statements have taken so far, in the reports of an
	// extractor that knows it.
	Snowflake *SnowflakeUse `json:"snowflake,omitempty"`
	// Statement is the one that Snowflake executes for the attempt, in heartbeats.
	Statement *Statement `json:"statement,omitempty"`
}

// Statement is a statement that Snowflake has not answered yet, and what Snowflake said of
// it last.
type Statement struct {
	QueryID string    `json:"queryId"`
	Since   time.Time `json:"since"` // when it was sent
	// Queued says that it waits for its warehouse. QueueSeconds is how long it has done so.
	Queued           bool    `json:"queued,omitempty"`
	QueueSeconds     float64 `json:"queueSeconds"`
	ExecutionSeconds float64 `json:"executionSeconds"`
}

// Kinds of reports and their writers.
const (
	ReportStarted   = "started"   // extractor, before the first chunk
	ReportHeartbeat = "heartbeat" // extractor, every 10 s while it works, outside transactions
	ReportChunk     = "chunk"     // extractor, in the chunk's transaction
	ReportFinal     = "final"     // extractor, once: nothing of this attempt follows
	ReportAbandoned = "abandoned" // extractor, once in place of final
	ReportMapped    = "mapped"    // mapper, in the transaction of the records it counts
	ReportIntent    = "intent"    // loader, before the socket write
	ReportReceipt   = "receipt"   // loader, after the answer
	ReportWaiting   = "waiting"   // extractor and loader, when a run begins to wait, every WaitingRenewal while it waits, and when it goes on
	ReportResolved  = "resolved"  // extractor and loader, of a run that starts, and whenever they find another place than the run's
	ReportHeld      = "held"      // extractor, when a result is beyond a limit: nothing of the attempt follows before a person has approved it
	ReportTaken     = "taken"     // extractor, in the transaction of a replay's chunk
	ReportPreview   = "preview"   // extractor, in the transaction of a preview's rows, in place of final

	ReportConnection = "connection" // extractor, once: what a connection test found
	ReportTables     = "tables"     // extractor, once: what a connection sees
	ReportAccount    = "account"    // loader, once: what an account test found
	ReportClocks     = "clocks"     // mapper, once: what its clock said, and the scheduler's
)

// Started is what an attempt begins with.
type Started struct {
	QueryID string `json:"queryId"`
	Clock   string `json:"clock"` // T
	From    string `json:"from,omitempty"`
	// Lookback is the one in force: the definition's, and a day more for a DATE,
	// an hour more for a zone with daylight saving.
	Lookback   Duration    `json:"lookback"`
	Chunks     int         `json:"chunks"` // of the result
	Total      int64       `json:"total"`  // rows of the result, as Snowflake says
	Columns    []Column    `json:"columns"`
	Late       *Late       `json:"late,omitempty"`
	Reconciled *Reconciled `json:"reconciled,omitempty"`
	// TimeBasis says how the cursor's values are to be understood.
	TimeBasis string `json:"frame,omitempty"`
	Mapping   string `json:"mapping,omitempty"` // its hash
	// Mapped are, for an import of events, the indexes in Columns of the columns
	// that a row's fingerprint covers, in its order.
	Mapped []int  `json:"mapped,omitempty"`
	Counts string `json:"counts,omitempty"` // of the look for late rows
	// Gone are mapped columns that the query no longer has: the lines of the mapping that
	// read them are left out.
	Gone []string `json:"gone,omitempty"`
}

// Time bases of a cursor: whether its values are instants, wall-clock times of a zone, or
// wall-clock times of UTC. A watermark of one basis means nothing in another, except that
// wall-clock times of UTC are instants.
const (
	TimeBasisInstant = "instant"
	TimeBasisWall    = "wall"
	TimeBasisWallUTC = "wallUTC"
)

// Late is what an import that looks for late rows found before it read: rows
// that had appeared behind the watermark since the run before. Their hours (of a
// DATE, their days) are read again.
type Late struct {
	Rows   int64  `json:"rows"`
	Hours  int    `json:"hours"`
	Oldest string `json:"oldest,omitempty"` // the begin of the oldest of them
	// Unknown is set when there was nothing to compare with.
	Unknown bool `json:"unknown,omitempty"`
}

// Extraction is cumulative over an attempt: a lost or repeated reading of it
// changes nothing.
type Extraction struct {
	Chunks        int              `json:"chunks"` // done
	Read          int64            `json:"read"`
	Extracted     int64            `json:"extracted"`
	Unchanged     int64            `json:"unchanged"`
	StillRejected int64            `json:"stillRejected,omitempty"` // as the ledger knows them, rejected by an earlier run and not changed since
	Future        int64            `json:"future"`
	Rejected      int64            `json:"rejected"`
	Skipped       map[string]int64 `json:"skipped,omitempty"` // by reason: rows that were not even extracted
	// Taken and Refused are of a replay: the rejects that it has taken, and those that were
	// selected and not taken, by why.
	Taken         int64            `json:"taken,omitempty"`
	Refused       map[string]int64 `json:"refused,omitempty"`
	Nulls         int64            `json:"nulls,omitempty"`
	RejectsByCode map[string]int64 `json:"rejectsByCode,omitempty"`
	// Placeholders counts, by column, the values of unmapped columns that a placeholder
	// replaces in the rows, because JSON cannot hold them or the row would be too large.
	Placeholders    map[string]int64 `json:"withheld,omitempty"`
	ByPartition     []int64          `json:"byPartition"` // rows extracted, indexed by partition
	Maximum         string           `json:"maximum,omitempty"`
	LedgerEntries   int64            `json:"ledgerEntries,omitempty"`
	LedgerPartial   bool             `json:"ledgerPartial,omitempty"`
	LedgerReadError bool             `json:"ledgerReadError,omitempty"` // the ledger of the run before was not readable: rows were sent again
	LedgerSetAside  bool             `json:"ledgerSetAside,omitempty"`  // it no longer says what CleverTap holds: rows were sent again
	// SentBeforeLedger counts the rows sent whose identity may have a newer row later in
	// the result that is in the ledger: that row must then be sent too.
	SentBeforeLedger int64 `json:"passed,omitempty"`
	Population       int64 `json:"population,omitempty"` // of a dry run: how many rows the sample was drawn from
	// LookedBack is set once an attempt of an import of events has looked for what
	// earlier attempts and runs without success have loaded. LeftOut are the rows
	// among Unchanged that it left out for it. SentAgain is how many such events it
	// may send again, because the log does not tell their rows.
	LookedBack bool  `json:"lookedBack,omitempty"`
	LeftOut    int64 `json:"leftOut,omitempty"`
	SentAgain  int64 `json:"sentAgain,omitempty"`
}

// PlaceholdersElsewhere is the key in Extraction.Placeholders for all further columns.
const PlaceholdersElsewhere = "other columns"

// Final ends an attempt: read equals the total that Snowflake reported, unless
// the run was cancelled or stopped.
type Final struct {
	Extraction
	Clock    string     `json:"clock"`
	Lookback Duration   `json:"lookback"`
	Ledger   *LedgerRef `json:"ledger,omitempty"`
	Early    bool       `json:"early,omitempty"` // ended by cancel or stop before the result was read
}

// Abandoned ends an attempt that cannot go on. Extraction holds what its
// committed chunks did. Permanent is set when another attempt would fail alike.
type Abandoned struct {
	Extraction
	Code      string `json:"code"`
	Reason    string `json:"reason"`
	Permanent bool   `json:"permanent,omitempty"`
}

// Mapped counts one transaction of the mapper for one run, attempt and
// partition. It is not cumulative: the transaction makes it exact.
type Mapped struct {
	Partition     int32            `json:"partition"`
	From          int64            `json:"from"` // offsets of the rows topic, inclusive
	To            int64            `json:"to"`
	Mapped        int64            `json:"mapped"`
	RejectsByCode map[string]int64 `json:"rejectsByCode,omitempty"`
	Skipped       map[string]int64 `json:"skipped,omitempty"`
	// Suppressed are the positions, in the result, of the rows skipped as suppressed:
	// the next run must not take them for sent.
	Suppressed []int64 `json:"suppressed,omitempty"`
	// Aged counts mapped events by the code that a dry run notes on their time: older
	// than the account keeps, ahead of the clock, or in the window of live campaigns.
	Aged map[string]int64 `json:"aged,omitempty"`
}

// Range is a stretch of offsets of one partition, From and To inclusive. Prev
// is the offset of the record before From in that partition (-1 when there is
// none): transaction markers leave gaps in the offsets, and Prev lets a reader
// join ranges across them.
type Range struct {
	Prev int64 `json:"prev"`
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Intent is durable before the socket write. An intent without a receipt is an
// ambiguous upload, unless a later one of its Holder for the same ranges is
// Withdrawn: nothing of them can have been applied, because CleverTap refused
// them whole or was not reached.
type Intent struct {
	Upload    string  `json:"upload"`
	Partition int32   `json:"partition"` // of the records topic
	Ranges    []Range `json:"ranges"`
	Records   int     `json:"records"`
	Try       int     `json:"try"`
	Holder    string  `json:"holder,omitempty"` // the ownership of the partition that it was written under
	Withdrawn bool    `json:"withdrawn,omitempty"`
	// OpenMillis is how long after it was written the request may still be applied,
	// by the settings of its writer. Of a withdrawal: how much longer an earlier
	// request of these records may be.
	OpenMillis int64 `json:"openMillis,omitempty"`
	// Earlier is how many earlier requests with one of the records may have applied it,
	// also those of earlier owners of the partition.
	Earlier int `json:"earlier,omitempty"`
}

// Receipt gives every offset in Ranges its outcome: loaded, unless it stands in
// Rejected or Skipped, or SkipReason skips them all. Resent counts the records
// in Ranges that had been written to a socket before.
type Receipt struct {
	Upload     string          `json:"upload"`
	Partition  int32           `json:"partition"`
	Ranges     []Range         `json:"ranges"`
	Records    int             `json:"records"`
	SkipReason string          `json:"skipReason,omitempty"`
	Rejected   []OffsetOutcome `json:"rejected,omitempty"`
	Skipped    []OffsetOutcome `json:"skipped,omitempty"`
	Suppressed []int64         `json:"suppressed,omitempty"` // as in Mapped
	Resent     int64           `json:"resent,omitempty"`
	// Uncertain counts the records in Ranges that are skipped or rejected although
	// an earlier request may have stored them.
	Uncertain int64 `json:"uncertain,omitempty"`
	// Profiles says of the records of a dry run whether their profiles exist: the
	// code is ProfileNew, ProfileUpdated or ProfileUnknown.
	Profiles []OffsetOutcome `json:"profiles,omitempty"`
	// OpenMillis is how much longer a request with these records may still be
	// applied: no other version of their identities may be sent before.
	OpenMillis int64 `json:"openMillis,omitempty"`
	Status     int   `json:"status,omitempty"` // HTTP
	Millis     int64 `json:"millis,omitempty"`
}

// What a dry run says of a record's profile.
const (
	ProfileNew     = "new"
	ProfileUpdated = "updated"
	ProfileUnknown = "unknown" // CleverTap did not say
)

// OffsetOutcome is the outcome of one record of an upload: a reject code, a skip
// reason or what is known of its profile.
type OffsetOutcome struct {
	Offset int64  `json:"offset"`
	Code   string `json:"code"`
}

// Resolved says what a reference of the run's definition resolves to, in the
// stage extract its connection, in the stage load its account.
type Resolved struct {
	Stage string `json:"stage"`
	Place string `json:"place"` // keyed hash
}

// A waiting counts while whoever waits renews it: the run's deadline stands still
// for WaitingExpiry after each report of it, by the scheduler's clock, and runs
// again when nobody reports any more.
const (
	WaitingRenewal = 10 * time.Second
	WaitingExpiry  = 2 * time.Minute
)

// WaitingCredentials is the code of a wait for an account whose credentials are refused.
const WaitingCredentials = "credentials_refused"

// WaitingTransaction is the code of a wait for another application's transaction, which
// hides the reports of the run.
const WaitingTransaction = "open_transaction"

// StageControl is the stage of such a wait: the control topics themselves.
const StageControl = "control"

// Waiting says that a run waits for its CleverTap account, or in the stage
// extract for its Snowflake connection, or in the stage control for a transaction that
// hides its reports, or, with Over, no longer. Since is when
// the wait began: a renewal repeats it.
type Waiting struct {
	Stage   string    `json:"stage,omitempty"`
	Account string    `json:"account"` // or connection, or topic
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason"`
	Code    string    `json:"code,omitempty"` // such as credentials_refused; "" has none of its own
	Over    bool      `json:"over,omitempty"`
}
