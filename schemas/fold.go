package schemas

import (
	"strconv"
	"strings"
	"time"
)

// Fold is the value of the fold topic under a run's name: what the scheduler
// has counted of the run so far. It is written in the transaction that moves
// the scheduler's position, so that a report counts once.
type Fold struct {
	Run      string             `json:"run"`
	Import   string             `json:"import"`
	Attempts map[int]Extraction `json:"attempts"` // newest cumulative extraction of each attempt
	Started  *Started           `json:"started,omitempty"`
	Final    *Final             `json:"final,omitempty"`
	// Snowflake is what the statements of each attempt have taken.
	Snowflake map[int]SnowflakeUse `json:"snowflake,omitempty"`
	// Changed says how the run's columns differ from those of the run before.
	Changed []string `json:"changed,omitempty"`
	// Notes are further remarks about the run.
	Notes      []string        `json:"notes,omitempty"`
	Partitions []FoldPartition `json:"partitions"`
	// Codes and Reasons hold the rejects of map and load, and the skips.
	RejectsByCode map[string]int64 `json:"rejectsByCode"`
	Skipped       map[string]int64 `json:"skipped"`
	Aged          map[string]int64 `json:"aged,omitempty"` // as Mapped.Aged
	// SkippedAsOver counts the rows that were skipped as closed, cancelled or stopped, by
	// attempt: a run whose last attempt left rows never succeeds.
	SkippedAsOver map[int]int64 `json:"left,omitempty"`
	// LoadedByAttempt counts the loaded records by the attempt that read their rows.
	LoadedByAttempt map[int]int64 `json:"loadedOf,omitempty"`
	// UncertainByAttempt counts the records that may have been stored although they were
	// skipped or rejected, by attempt.
	UncertainByAttempt map[int]int64         `json:"uncertainByAttempt,omitempty"`
	Resent             int64                 `json:"resent"`
	Repeated           int64                 `json:"repeated,omitempty"`
	Waiting            *Waiting              `json:"waiting,omitempty"`
	WaitingAt          *time.Time            `json:"waitingAt,omitempty"` // when Waiting was last reported
	ProgressAt         time.Time             `json:"progressAt"`
	Stages             map[string]StageTimes `json:"stages,omitempty"` // by the name of the stage
	// ClosedAs is the run event with which the run ended, once it has.
	ClosedAs *Run `json:"closedAs,omitempty"`
}

// FoldPartition counts one partition of the import's two topics.
type FoldPartition struct {
	Mapped        int64   `json:"mapped"`
	MapRejected   int64   `json:"mapRejected"`
	MapSkipped    int64   `json:"mapSkipped"`
	Loaded        int64   `json:"loaded"`
	LoadRejected  int64   `json:"loadRejected"`
	LoadSkipped   int64   `json:"loadSkipped"`
	CountedRanges []Range `json:"taken,omitempty"` // offsets of the records topic that have an outcome, joined where they meet
}

// Position is the value of the fold topic under _position/<partition>: the
// offsets that the scheduler's partition has taken in, exclusive.
type Position struct {
	Reports  int64 `json:"reports"`
	Commands int64 `json:"commands"`
	Imports  int64 `json:"imports"`
	// Kafka's ids of the topics that the offsets are of: an offset means nothing in
	// a topic that was deleted and created again.
	ReportsTopic  string `json:"reportsTopic,omitempty"`
	CommandsTopic string `json:"commandsTopic,omitempty"`
	ImportsTopic  string `json:"importsTopic,omitempty"`
}

// IsPositionKey reports whether a key is that of a position and not that of a fold.
func IsPositionKey(key string) bool { return strings.HasPrefix(key, "_position/") }

// PositionKey is the key of a partition's position.
func PositionKey(partition int32) string {
	return "_position/" + strconv.Itoa(int(partition))
}
