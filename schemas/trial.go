package schemas

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A trial is a preview, a dry run, a test of a connection or an account, or a listing of
// tables. It changes neither the watermark nor the ledger of an import. It has a state of
// its own, keyed by its name, in the import's control partition. A subject is what has a
// state: an import or a trial.

// Bounds of trials.
const (
	// MaxPreviewRows and MaxDryRunRows bound what a trial reads.
	MaxPreviewRows = 1000
	MaxDryRunRows  = 10_000
	// TrialRetention is how long the rows of a trial are kept, and its sample can
	// be sent.
	TrialRetention = time.Hour
)

const (
	dryRunMark  = "d"
	previewMark = "p"
)

// DryRunID is the name of an import's n-th dry run, such as customers.d3.
func DryRunID(importName string, n int) string {
	return importName + "." + dryRunMark + strconv.Itoa(n)
}

// NewPreviewID makes a name for any trial but a dry run, such as customers.p481516. The
// name is random: these trials are not numbered.
func NewPreviewID(importName string) string {
	return importName + "." + previewMark + strconv.FormatInt(1+rand.Int64N(1e15), 10)
}

// ParseRunID splits the name of a run or of a trial. An import's name holds no
// dot.
func ParseRunID(run string) (importName string, number int, err error) {
	name, n, ok := strings.Cut(run, ".")
	if ok && IsTrial(run) {
		n = n[1:]
	}
	number, convErr := strconv.Atoi(n)
	// A run has one name: neither 042 nor +42 is the number 42.
	if !ok || name == "" || convErr != nil || number < 1 || strconv.Itoa(number) != n {
		return "", 0, fmt.Errorf("%q is not a run such as customers.42", run)
	}
	return name, number, nil
}

// IsTrial reports whether a run or a subject is a trial.
func IsTrial(name string) bool { return IsDryRun(name) || IsPreview(name) }

// IsDryRun reports whether a run or a subject is a dry run.
func IsDryRun(name string) bool { return strings.Contains(name, "."+dryRunMark) }

// IsPreview reports whether a run or a subject is a preview.
func IsPreview(name string) bool { return strings.Contains(name, "."+previewMark) }

// Subject is the key of the state that a run stands in: the import's, or the
// trial's own.
func Subject(importName, run string) string {
	if IsTrial(run) {
		return run
	}
	return importName
}

// ImportOf is the import that a subject belongs to.
func ImportOf(subject string) string {
	name, _, _ := strings.Cut(subject, ".")
	return name
}

// RunOf is the name of a subject's run with this number; a trial has one run.
func RunOf(subject string, number int) string {
	if IsTrial(subject) {
		return subject
	}
	return RunID(subject, number)
}

// Sample is what a dry run that has closed leaves in its state: enough to send
// its records.
type Sample struct {
	Run        string     `json:"run"`
	Attempt    int        `json:"attempt"`
	Generation int        `json:"generation"`
	Spec       ImportSpec `json:"spec"`
	QueryID    string     `json:"queryId"`
	Clock      string     `json:"clock"` // T: the records' time, where the mapping names none
	Columns    []Column   `json:"columns"`
	Gone       []string   `json:"gone,omitempty"` // columns without which it was mapped
	TakenAt    time.Time  `json:"takenAt"`        // before the first row was read
	// Verify is set in the sample of a verification, which cannot be sent.
	Verify *Verify `json:"verify,omitempty"`
}

// Preview is what a preview found: the query's columns, and what is wrong with
// the source where the columns show it. Nulls counts the NULLs of each column
// among Rows; the rows themselves are in the dry runs' rows topic.
type Preview struct {
	QueryID string   `json:"queryId,omitempty"` // "" if the query was only described
	Columns []Column `json:"columns"`
	Rows    int64    `json:"rows"`
	Nulls   []int64  `json:"nulls"`
	// Suppressed are the rows, counted from 0, of people who must not be sent.
	Suppressed []int         `json:"suppressed,omitempty"`
	Millis     int64         `json:"millis"`
	Problems   []SpecProblem `json:"problems,omitempty"`
	// Person is set if the rows are those of the person who was asked for.
	Person *PersonRows `json:"person,omitempty"`
}

// MaxPersonRows bounds how many rows of a person a preview reads, the newest.
const MaxPersonRows = 200

// PersonRows says of the rows of a person, which are shown in the order of the cursor, where
// they lie.
type PersonRows struct {
	Clock     string `json:"clock"` // T, in the cursor's time basis
	TimeBasis string `json:"timeBasis,omitempty"`
	// Cursors are those of the rows in that basis, Instants the same in UTC; "" of a NULL. An
	// import without a cursor has none.
	Cursors  []string `json:"cursors,omitempty"`
	Instants []string `json:"instants,omitempty"`
	More     bool     `json:"more,omitempty"` // there are more than are shown
}

// ConnectionTest is what a connection turned out to be once it had signed in.
type ConnectionTest struct {
	User      string `json:"user"`
	Role      string `json:"role"`
	Warehouse string `json:"warehouse"`
	// WarehouseState and WarehouseSize are as Snowflake says, such as STARTED and X-Small;
	// "" if the role may not see them. WarehouseStays is set if it is suspended and nothing
	// resumes it.
	WarehouseState string `json:"warehouseState,omitempty"`
	WarehouseSize  string `json:"warehouseSize,omitempty"`
	WarehouseStays bool   `json:"warehouseStays,omitempty"`

	Region     string   `json:"region"`
	Version    string   `json:"version"`
	SkewMillis int64    `json:"skewMillis"`       // how far Snowflake's clock is ahead of the extractor's
	Privileges []string `json:"privileges"`       // of the role, beyond USAGE and SELECT
	Unseen     string   `json:"unseen,omitempty"` // why not all privileges could be looked at
	Millis     int64    `json:"millis"`           // at Snowflake, without the sign-in
}

// AccountTest is what asking a CleverTap account has shown. Nothing was stored.
type AccountTest struct {
	Endpoint string  `json:"endpoint,omitempty"` // that was asked; "" if none could be
	Checks   []Check `json:"checks"`
	Millis   int64   `json:"millis"`
}

// Clocks is what two clocks said: the scheduler's when it took the question up, and the
// mapper's when it answered.
type Clocks struct {
	Scheduler time.Time `json:"scheduler"`
	Mapper    time.Time `json:"mapper"`
	// Beside is of a mapper that owns no partition in which it would be asked: its answer
	// ends no question.
	Beside bool `json:"beside,omitempty"`
}

// Check is one thing that was looked at and what came of it. Action says what to
// do, and is empty if there is nothing to do.
type Check struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Finding string `json:"finding"`
	Action  string `json:"action,omitempty"`
}

// What came of a check.
const (
	CheckOK      = "ok"
	CheckWarning = "warning" // it works, and somebody should look at it
	CheckFailed  = "failed"  // it keeps imports from working
	CheckUnknown = "unknown" // it could not be looked at
)

// SpecProblem is a mistake in a definition, found at the path.
type SpecProblem struct {
	Code    string `json:"code"`
	Path    string `json:"path"`
	Message string `json:"message"`
}
