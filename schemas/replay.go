package schemas

import (
	"slices"
	"time"
)

// MaxRejectRefs bounds RejectSelection.Refs.
const MaxRejectRefs = 1000

// RejectSelection says which rejects of an import are meant: those that match every
// field. A field without a value matches all.
type RejectSelection struct {
	Run    string      `json:"run,omitempty"`
	Code   string      `json:"code,omitempty"`
	Stage  string      `json:"stage,omitempty"`
	Column string      `json:"column,omitempty"`
	Since  *time.Time  `json:"since,omitempty"` // inclusive
	Until  *time.Time  `json:"until,omitempty"` // exclusive
	Refs   []RejectRef `json:"refs,omitempty"`  // at most MaxRejectRefs
}

// Selects reports whether the reject that lies at ref is meant.
func (s RejectSelection) Selects(ref RejectRef, r *Reject) bool {
	return (s.Run == "" || r.Run == s.Run) &&
		(s.Code == "" || r.Code == s.Code) &&
		(s.Stage == "" || r.Stage == s.Stage) &&
		(s.Column == "" || r.Column == s.Column) &&
		(s.Since == nil || !r.Time.Before(*s.Since)) &&
		(s.Until == nil || r.Time.Before(*s.Until)) &&
		(len(s.Refs) == 0 || slices.Contains(s.Refs, ref))
}

// All reports whether the selection has no filter. Such a replay leaves out what a person
// has dismissed.
func (s RejectSelection) All() bool { return s.Equal(RejectSelection{}) }

// Equal reports whether two selections mean the same rejects.
func (s RejectSelection) Equal(other RejectSelection) bool {
	same := func(x, y *time.Time) bool { return x == y || x != nil && y != nil && x.Equal(*y) }
	return s.Run == other.Run && s.Code == other.Code && s.Stage == other.Stage && s.Column == other.Column &&
		same(s.Since, other.Since) && same(s.Until, other.Until) && slices.Equal(s.Refs, other.Refs)
}

// What a replay does with the rejects that it takes.
const (
	// ReplayMapped maps a row anew with the definition of now: an event's from Kafka, a
	// profile's as Snowflake has it now.
	ReplayMapped = "mapped"
	// ReplayAsSent sends the record of an event that CleverTap did not take once more,
	// byte for byte.
	ReplayAsSent = "asSent"
	// ReplayDeclined sends nothing: a person has decided that CleverTap holds what these
	// rejects are about.
	ReplayDeclined = "declined"
)

// Replay is what a run of the mode replay sends.
type Replay struct {
	Selection RejectSelection `json:"selection"`
	How       string          `json:"how"`
	// FirstRun is the number of the epoch's first run: rejects of earlier runs are of
	// other rows, or went elsewhere. The scheduler sets it.
	FirstRun int `json:"firstRun,omitempty"`
	// Selected and Ambiguous are how many rejects there were to be taken when it was asked
	// for, and how many of these were events that CleverTap may hold.
	Selected  int64 `json:"selected,omitempty"`
	Ambiguous int64 `json:"ambiguous,omitempty"`
}

// Equal reports whether two replays would take the same rejects in the same way.
func (r *Replay) Equal(other *Replay) bool {
	return r == other || r != nil && other != nil && r.How == other.How && r.Selection.Equal(other.Selection)
}

// Taken says which rejects a chunk of a replay has taken: it is in the transaction of
// the chunk's rows. A chunk takes at most MaxTaken.
type Taken struct {
	// Topic is the id of the rejects topic in which they lie: in one that was created again,
	// other rejects have their offsets. It is empty from extractors of older versions.
	Topic string        `json:"topic,omitempty"`
	Refs  []RejectRange `json:"refs"`
}

// Of reports whether the ranges are of the rejects topic with an id. Where one of the two
// ids is not known they are.
func (t Taken) Of(topic string) bool { return t.Topic == "" || topic == "" || t.Topic == topic }

// MaxTaken bounds how many rejects a chunk of a replay takes.
const MaxTaken = 2000

// RejectRange stands for all rejects of the import whose offsets lie between From and
// To, both inclusive, and that were there when the replay's attempt began.
type RejectRange struct {
	Partition int32 `json:"partition"`
	From      int64 `json:"from"`
	To        int64 `json:"to"`
}

// LeftOpen are the reasons for which a reject is not taken and stays open: something can
// still be done about it.
var LeftOpen = []string{RefusedNoRow, RefusedNoRecord, RefusedNoIdentity, RefusedColumnsGone, RefusedAmbiguous}

// Why a selected reject was not taken by a replay.
const (
	RefusedReplayed    = "already_replayed"    // an earlier replay has given its row an outcome
	RefusedOtherEpoch  = "reject_of_old_epoch" // it is of a run before the import began anew
	RefusedReadAgain   = "row_read_again"      // of an attempt or a run without success: the next one reads its row
	RefusedNoRow       = "row_not_kept"        // neither the reject nor Kafka has its row
	RefusedNoRecord    = "record_not_kept"     // there is no record that could be sent as it was
	RefusedNoIdentity  = "identity_not_kept"   // nothing tells whose row it is
	RefusedColumnsGone = "columns_changed"     // its row has not the columns that the definition names now
	RefusedAmbiguous   = "ambiguous_undecided" // CleverTap may hold it: a person has to name it
)
