package fold

import (
	"fmt"
	"maps"
	"slices"

	"tapline.dev/schemas"
)

// Codes of runs that end as failed by the scheduler's own judgement.
const (
	CodeNoProgress = "no_progress"
	// CodeAccountUnavailable ends a dry run whose account or connection holds it up.
	CodeAccountUnavailable = "account_unavailable"
	CodeCountMismatch      = "count_mismatch"
	CodeRowsLeft           = "rows_left"
	CodeEndedEarly         = "ended_early"
)

// Settled reports whether the run is over: its newest attempt has said how much it
// extracted, and every row has come out of map and load.
//
// Invariant 3: every row read ends in exactly one counted outcome. The equations
// hold for each partition by itself, so that a surplus in one never hides a row
// that is missing in another.
func Settled(f *schemas.Fold) bool {
	return f.Final != nil && Accounted(f)
}

// Accounted reports whether every row that was extracted so far has come out of map and
// load.
func Accounted(f *schemas.Fold) bool {
	for p, n := range extracted(f) {
		var c schemas.FoldPartition
		if p < len(f.Partitions) {
			c = f.Partitions[p]
		}
		if n != c.Mapped+c.MapRejected+c.MapSkipped || c.Mapped != c.Loaded+c.LoadRejected+c.LoadSkipped {
			return false
		}
	}
	return true
}

// Surplus says in which partition there are more outcomes than rows, "" if in
// none. Such a run can never be settled: rows were mapped twice, or reports of
// what was extracted are gone. A stage's report follows those of the stage before
// it in the reports topic, so a surplus is an error whenever it is seen.
func Surplus(f *schemas.Fold) string {
	rows := extracted(f)
	for p, c := range f.Partitions {
		n := int64(0)
		if p < len(rows) {
			n = rows[p]
		}
		if outcomes := c.Mapped + c.MapRejected + c.MapSkipped; outcomes > n {
			return fmt.Sprintf("partition %d has %d mapped, rejected or skipped rows and %d were extracted: the mapper's committed offsets were reset or have expired, or reports are lost; the next run reads from the unchanged watermark", p, outcomes, n)
		}
		if outcomes := c.Loaded + c.LoadRejected + c.LoadSkipped; outcomes > c.Mapped {
			return fmt.Sprintf("partition %d has outcomes of %d records and %d were mapped: the records topic was deleted and created again, or reports are lost; the next run reads from the unchanged watermark", p, outcomes, c.Mapped)
		}
	}
	return ""
}

// Judge returns the state in which a settled run ends, and the error if it failed.
func Judge(f *schemas.Fold, a *schemas.ActiveRun) (string, *schemas.RunError) {
	if a.Ending != nil {
		return a.Ending.State, a.Ending.Error
	}
	final := f.Final
	if reason := mismatch(f); reason != "" {
		return schemas.StateFailed, &schemas.RunError{Stage: schemas.StageExtract, Code: CodeCountMismatch, Reason: reason}
	}
	if final.Early {
		return schemas.StateFailed, &schemas.RunError{Stage: schemas.StageExtract, Code: CodeEndedEarly, Reason: "the extraction ended before its result was read, though nobody had asked for it"}
	}
	// Rows of an abandoned attempt may be skipped as closed: the next attempt reads
	// them again. No attempt reads skipped rows of the last attempt again.
	if left := f.SkippedAsOver[a.Attempt] + f.Skipped[schemas.SkipCancelled] + f.Skipped[schemas.SkipStopped]; left > 0 {
		return schemas.StateFailed, &schemas.RunError{Code: CodeRowsLeft, Reason: fmt.Sprintf("%d rows were skipped because the run counted as over, although it was not, or because it is not known whether they were sent: reports were lost or offsets were moved; the next run reads from the unchanged watermark", left)}
	}
	if Counts(f).Rejected() > 0 {
		return schemas.StateSucceededWithRejects, nil
	}
	return schemas.StateSucceeded, nil
}

// mismatch says what is wrong with the extractor's own sums, "" if nothing is.
func mismatch(f *schemas.Fold) string {
	for _, attempt := range slices.Sorted(maps.Keys(f.Attempts)) {
		e := f.Attempts[attempt]
		byPartition := int64(0)
		for _, n := range e.ByPartition {
			byPartition += n
		}
		if sum := e.Extracted + e.Unchanged + e.StillRejected + e.Future + e.Rejected + skipped(e); e.Read != sum || byPartition != e.Extracted {
			return fmt.Sprintf("attempt %d read %d rows and counted %d outcomes; it counted %d extracted rows, and %d summed over the partitions", attempt, e.Read, sum, e.Extracted, byPartition)
		}
	}
	if f.Started != nil && !f.Final.Early && f.Started.Total != f.Final.Read {
		return fmt.Sprintf("Snowflake's result has %d rows and %d were read", f.Started.Total, f.Final.Read)
	}
	return ""
}

// Stuck says in which stage a run makes no progress, and which counts are missing.
func Stuck(f *schemas.Fold) (stage, difference string) {
	if f.Final == nil {
		return schemas.StageExtract, fmt.Sprintf("%d rows were read and no final report came", Counts(f).Read)
	}
	c := Counts(f)
	if n := c.Extracted - c.Mapped - c.MapRejected - c.MapSkipped; n != 0 {
		return schemas.StageMap, fmt.Sprintf("%d of %d extracted rows have no outcome", n, c.Extracted)
	}
	return schemas.StageLoad, fmt.Sprintf("%d of %d mapped records have no outcome", c.Mapped-c.Loaded-c.LoadRejected-c.LoadSkipped, c.Mapped)
}

const (
	// minForRatio is how many outcomes a stage must have before a share of rejects
	// says anything; allOf is enough if every one of them is a reject.
	minForRatio    = 1000
	minAllRejected = 500
)

// Excess is a code of which a run has so many rejects that it is misconfigured.
type Excess struct {
	Stage string
	Code  string
	Rows  int64
}

// Stop returns the code of which there are too many rejects, and false if there
// is none. A code is measured against the outcomes of its own stage, since each
// stage runs far ahead of the next. Rows that are still rejected do not count: the
// rule was applied to them in the run that rejected them first.
func Stop(f *schemas.Fold, limit float64) (Excess, bool) {
	if limit == 0 {
		limit = schemas.DefaultMaxRejectRatio
	}
	c := Counts(f)
	extracting := map[string]int64{}
	for _, e := range f.Attempts {
		for code, n := range e.RejectsByCode {
			extracting[code] += n
		}
	}
	tooMany := func(n, outcomes int64) bool {
		return (outcomes >= minAllRejected && n >= outcomes) || (outcomes >= minForRatio && float64(n) > limit*float64(outcomes))
	}
	for _, code := range slices.Sorted(maps.Keys(extracting)) {
		if n := extracting[code]; tooMany(n, c.Extracted+c.ExtractRejected) {
			return Excess{schemas.StageExtract, code, n}, true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(f.RejectsByCode)) {
		n, stage := f.RejectsByCode[code], schemas.StageOf(code)
		outcomes := c.Mapped + c.MapRejected
		if code == CodeOther {
			stage = schemas.StageLoad // only CleverTap's answers have so many different codes
		}
		if stage == schemas.StageLoad {
			outcomes = c.Loaded + c.LoadRejected
		}
		// An upload of unknown outcome is the network's fault, not the mapping's.
		if code != "ambiguous" && tooMany(n, outcomes) {
			return Excess{stage, code, n}, true
		}
	}
	return Excess{}, false
}
