// Package attempt describes what an extractor works on: one attempt of a run, as the
// scheduler's state has it.
package attempt

import (
	"slices"

	"tapline.dev/schemas"
)

// ID names an attempt of an import. Approvals is the number of the newest approval of
// its run: with each of them the work on an attempt that was held begins again.
type ID struct {
	Run       string
	Attempt   int
	Approvals int
}

// IDOf is the id of the attempt that a state names as active.
func IDOf(a *schemas.ActiveRun) ID {
	return ID{Run: a.Run, Attempt: a.Attempt, Approvals: a.Approval.NumberOf()}
}

// Attempt is what the scheduler's state says of the active attempt. It is immutable.
type Attempt struct {
	Subject string // the import, or the trial
	Import  string
	Run     schemas.ActiveRun
	// Ledger is the one of the last run that succeeded, and TimeBasis that of its
	// watermark. They are empty where the state's belong to another epoch.
	Ledger    *schemas.LedgerRef
	TimeBasis string
	// Baseline is what a reconciliation compares with.
	Baseline *schemas.BaselineRef
	// Columns are those that the last run which succeeded has read.
	Columns []schemas.Column
	// Gone are mapped columns that this run found gone and went on without.
	Gone []string
	// Interrupted are the runs since that run that have loaded events and did not succeed.
	Interrupted []schemas.InterruptedRun
	// Replays are the replays that have taken rejects and did not succeed.
	Replays []schemas.InterruptedRun
	// Reconciles are the reconciliations that have loaded events and did not succeed.
	Reconciles []schemas.InterruptedRun
	// Dismissed is the number of the last run whose rejects a person has given up.
	Dismissed int
}

// Of is the attempt that a state names as active.
func Of(subject string, state *schemas.State) Attempt {
	a := Attempt{Subject: subject, Import: schemas.ImportOf(subject), Run: *state.Active, Dismissed: state.DismissedThrough}
	if a.Run.Epoch == state.Epoch {
		a.Baseline = state.Baseline
		a.Ledger, a.TimeBasis, a.Columns, a.Gone = state.Ledger, state.TimeBasis, state.Columns, state.Gone
		a.Interrupted, a.Replays, a.Reconciles = state.Interrupted, state.Replays, state.Reconciles
	}
	return a
}

// Earlier are the runs, with how many of their attempts, whose loaded events the
// attempt must not load again. A backfill sends its span whatever earlier runs have
// sent, and a sync what was shown.
func (a Attempt) Earlier() []schemas.InterruptedRun {
	var runs []schemas.InterruptedRun
	switch {
	case a.Profiles() || a.Trial() || a.Run.Mode == schemas.ModeSync:
		return nil
	case a.Run.Mode == schemas.ModeReconcile:
		// A run of a window has loaded other rows. One of them may be equal to a late one.
		runs = slices.Clone(a.Reconciles)
	case a.Run.Mode != schemas.ModeBackfill:
		runs = slices.Clone(a.Interrupted)
	}
	if a.Run.Attempt > 1 {
		runs = append(runs, schemas.InterruptedRun{
			Number: a.Run.Number, Attempts: a.Run.Attempt - 1, StartedAt: a.Run.StartedAt, RecordsTopic: a.Run.RecordsTopic,
		})
	}
	return runs
}

// Names reports whether a state's active attempt is the one with this id.
func Names(state *schemas.State, id ID) bool {
	return state != nil && state.Active != nil && IDOf(state.Active) == id
}

// Trial reports whether the attempt is of a preview, a dry run or a test, which change
// neither the watermark nor the ledger of an import.
func (a Attempt) Trial() bool { return schemas.IsTrial(a.Subject) }

// Profiles reports whether the import's records are profiles. A profile holds its
// newest version only; each event stays.
func (a Attempt) Profiles() bool { return a.Run.Spec.Destination.Type == schemas.TypeProfile }

// Partitions is how many partitions the attempt's rows are counted by.
func (a Attempt) Partitions() int {
	switch {
	case a.Trial():
		return schemas.ControlPartitions
	case a.Run.Spec.Topic.Partitions > 0:
		return a.Run.Spec.Topic.Partitions
	}
	return schemas.DefaultPartitions
}

// RowID is the id of the row at a position of the result, counted from one. It is
// the same whoever reads the result.
func (a Attempt) RowID(position int64) schemas.RowID {
	return schemas.RowID{Number: a.Run.Number, Attempt: a.Run.Attempt, Seq: position}
}
