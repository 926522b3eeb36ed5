package schemas

import "time"

// Hold is the reason why a run is held: it waits for a person to approve or decline it.
type Hold struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	// Records is the number of records that the code is about; with AtLeast it is a lower
	// bound. Of a hold for the result these are the rows of the result.
	Records int64     `json:"records"`
	AtLeast bool      `json:"atLeast,omitempty"`
	Since   time.Time `json:"since"`
	// Figures are all that was found beyond its limit in the result, the one that Code
	// names first. More is how many further figures there are.
	Figures []HoldFigure `json:"figures,omitempty"`
	More    int          `json:"more,omitempty"`
}

// Codes of holds.
const (
	HoldEventsRepeat      = "events_repeat"       // the run would store events a second time
	HoldTooManyRows       = "too_many_rows"       // the result has more rows than limits.hold.rows
	HoldRowsGrew          = "rows_grew"           // it has limits.hold.growth times the rows of earlier runs
	HoldNulls             = "nulls_above_limit"   // a column has more NULLs than limits.hold.nullShare
	HoldIdentitiesRepeat  = "identities_repeat"   // more identities occur twice than limits.hold.repeatedIdentities
	HoldColumnTypeChanged = "column_type_changed" // a mapped column has another type than in the run before
	HoldColumnGone        = "column_gone"         // a mapped column of the run before is not in the result
	HoldWarehouseTime     = "warehouse_time"      // the import has used limits.warehouseTime today
)

// HoldFigure is one thing that was found beyond its limit.
type HoldFigure struct {
	Code   string  `json:"code"`
	Column string  `json:"column,omitempty"`
	Found  float64 `json:"found,omitempty"` // rows, or a share
	Limit  float64 `json:"limit,omitempty"`
	Reason string  `json:"reason"` // the figure as a sentence
}

// Held says that an attempt has compared its result with the limits and stopped before
// its first row.
type Held struct {
	Rows    int64        `json:"rows"` // of the result
	Figures []HoldFigure `json:"figures"`
	More    int          `json:"more,omitempty"`
	// Approvals is the number of the newest approval that the attempt knew of.
	Approvals int `json:"approvals,omitempty"`
}

// MaxHoldFigures bounds the figures of a hold.
const MaxHoldFigures = 20

// ResultCheck is what a run's result is compared with: the rows of the largest of the
// last Runs runs of the same mode that succeeded.
type ResultCheck struct {
	Runs    int   `json:"runs"`
	Largest int64 `json:"largest"`
}

// MaxSizes bounds the runs that a result is compared with.
const MaxSizes = 10

// Approved is what a person has let a run go on with. It holds for the later attempts of
// the run too, up to ApprovalSlack times its rows.
type Approved struct {
	Number  int          `json:"number"`  // counts the approvals of the run
	Attempt int          `json:"attempt"` // that was held
	Rows    int64        `json:"rows"`
	Figures []HoldFigure `json:"figures"`
	More    int          `json:"more,omitempty"`
	Time    time.Time    `json:"time"`
}

// ApprovalSlack is how many times the approved rows an approval covers.
const ApprovalSlack = 1.1

// Covers reports whether a person has approved a figure of a result with so many rows.
// The number of rows is covered by the slack alone: it may have crossed its limit since.
func (a *Approved) Covers(rows int64, f HoldFigure) bool {
	if a == nil || float64(rows) > ApprovalSlack*float64(a.Rows) {
		return false
	}
	if f.Code == HoldTooManyRows || f.Code == HoldRowsGrew {
		return true
	}
	for _, known := range a.Figures {
		if known.Code == f.Code && (known.Column == f.Column || a.More > 0) {
			return true
		}
	}
	return false
}

// NumberOf is the number of an approval, 0 of none.
func (a *Approved) NumberOf() int {
	if a == nil {
		return 0
	}
	return a.Number
}

// SnowflakeUse is what statements have taken at Snowflake, as docs/holds.md says it is
// measured.
type SnowflakeUse struct {
	QueueSeconds     float64 `json:"queueSeconds"`
	ExecutionSeconds float64 `json:"executionSeconds"`
	BytesScanned     int64   `json:"bytesScanned,omitempty"`
	// SecondsPerThousand is ExecutionSeconds for 1,000 loaded records; only of a run that
	// has loaded some.
	SecondsPerThousand float64 `json:"secondsPer1000,omitempty"`
	// SecondsPerDay is what a day takes at the schedules if each run takes as much; in the
	// API only.
	SecondsPerDay float64 `json:"secondsPerDay,omitempty"`
}

// Plus is the sum of two uses.
func (u SnowflakeUse) Plus(v SnowflakeUse) SnowflakeUse {
	return SnowflakeUse{
		QueueSeconds: u.QueueSeconds + v.QueueSeconds, ExecutionSeconds: u.ExecutionSeconds + v.ExecutionSeconds, BytesScanned: u.BytesScanned + v.BytesScanned,
	}
}

// DayOfSnowflake is what an import's statements have taken on a day of its time zone.
type DayOfSnowflake struct {
	Day              string  `json:"day"` // 2006-01-02
	ExecutionSeconds float64 `json:"executionSeconds"`
}
