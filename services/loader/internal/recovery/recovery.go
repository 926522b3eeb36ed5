// Package recovery reads what earlier owners of a partition reported, so that
// the next one neither sends again what has an outcome nor takes an upload
// whose answer is unknown for one that was never sent.
package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tapline.dev/schemas"
)

// State is what is known of an offset past the committed one.
type State int

// States.
const (
	Fresh     State = iota // never written to a socket
	Ambiguous              // written, answer unknown
	Done                   // has a receipt
)

// CommitMetadata is the metadata of a committed offset: what its successor starts from.
type CommitMetadata struct {
	// Reports is the offset of the import's reports partition from which every
	// intent and receipt of uncommitted offsets is found.
	Reports int64 `json:"reports"`
	// Prev is the offset of the last record before the committed offset, -1 when
	// there is none.
	Prev int64 `json:"prev"`
	// Topic is the id of the reports topic; empty from an older release, or where the
	// broker knows none.
	Topic string `json:"topic,omitempty"`
}

// ForTopic returns the metadata as it holds for the reports topic with an id and an end. A
// topic that was deleted and created again has other offsets: then every report in it may
// be about offsets that are not committed.
func (m CommitMetadata) ForTopic(topic string, end int64) CommitMetadata {
	if m.OtherTopic(topic) || m.Reports > end {
		m.Reports = 0
	}
	m.Topic = topic
	return m
}

// errForeign says that a commit is not a loader's.
var errForeign = errors.New("the commit's metadata is no loader's")

// ParseCommitMetadata reads a commit's metadata. An error means that no loader committed,
// but for example an operator with a tool.
func ParseCommitMetadata(metadata string) (CommitMetadata, error) {
	const missing = -2
	m := CommitMetadata{Reports: missing, Prev: missing}
	if json.Unmarshal([]byte(metadata), &m) != nil || m.Reports < 0 || m.Prev < -1 {
		return CommitMetadata{}, errForeign
	}
	return m, nil
}

// OtherTopic reports whether the commit was made beside another reports topic than the one
// with an id: that one was deleted, and what it told of later offsets with it.
func (m CommitMetadata) OtherTopic(topic string) bool {
	return m.Topic != "" && topic != "" && m.Topic != topic
}

// String writes the metadata as Kafka stores it.
func (m CommitMetadata) String() string {
	if m.Topic != "" {
		return fmt.Sprintf(`{"reports":%d,"prev":%d,"topic":%q}`, m.Reports, m.Prev, m.Topic)
	}
	return fmt.Sprintf(`{"reports":%d,"prev":%d}`, m.Reports, m.Prev)
}

// History is what was reported of one partition's offsets from the committed one
// on.
type History struct {
	importName string
	partition  int32
	committed  int64
	states     spans
	last       int64 // highest offset with a report, -1 when there is none
	untold     untold
}

// untold is which records may have been sent although no report says so.
type untold struct {
	below    int64 // all before this offset that have no outcome
	gaps     bool  // those without any report that have one behind them
	reported spans // the offsets with a report, if the gaps are looked for
}

// New returns a History without reports. Without an import's name it is of the dry runs'
// topic.
func New(importName string, partition int32, committed int64) *History {
	return &History{importName: importName, partition: partition, committed: committed, last: -1}
}

// Add takes in a report, in the order of the log. Reports of other imports, of
// other partitions and stages, and of trials where they are not meant, change
// nothing. open is how long a request may be applied after it was written, where
// its intent does not say so.
func (p *History) Add(r *schemas.Report, open time.Duration) {
	if schemas.IsTrial(r.Run) != (p.importName == "") || (p.importName != "" && r.Import != p.importName) {
		return
	}
	switch {
	case r.Kind == schemas.ReportIntent && r.Intent != nil && r.Intent.Partition == p.partition:
		reported := reportedState{Ambiguous, r.Intent.Holder, millis(r.Intent.OpenMillis), r.Intent.Earlier + 1}
		if r.Intent.Withdrawn {
			reported.state, reported.times = Fresh, 0
		} else if reported.open == 0 {
			reported.open = open
		}
		p.set(r.Intent.Ranges, reported)
	case r.Kind == schemas.ReportReceipt && r.Receipt != nil && r.Receipt.Partition == p.partition:
		p.set(r.Receipt.Ranges, reportedState{state: Done, open: millis(r.Receipt.OpenMillis)})
	}
}

// IntentsLost says that intents of the offsets below end may have been deleted with their
// topic: a request with any of these records may still be applied.
func (p *History) IntentsLost(end int64, open time.Duration) {
	p.set([]schemas.Range{{From: p.committed, To: end - 1}}, reportedState{state: Fresh, open: open})
	p.untold.below = end
}

// OnlyGapsAreUntold says that the committed offset is not an earlier owner's: a person has
// moved it, or it is gone. Records that were passed over have no report, but later ones
// have. It comes before Add.
func (p *History) OnlyGapsAreUntold() { p.untold.gaps = true }

// Untold reports whether the record at an offset has no outcome, and a later version may
// have been sent before it.
func (p *History) Untold(offset int64) bool {
	if offset < p.untold.below {
		return p.State(offset) != Done
	}
	return p.untold.gaps && offset < p.last && p.untold.reported.at(offset).state != Done
}

func (p *History) set(ranges []schemas.Range, reported reportedState) {
	for _, r := range ranges {
		from := max(r.From, p.committed)
		if from > r.To {
			continue
		}
		p.states.set(from, r.To, reported)
		if p.untold.gaps {
			p.untold.reported.set(from, r.To, reportedState{state: Done})
		}
		p.last = max(p.last, r.To)
	}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// Times is how many requests of earlier owners may have applied the record at an
// offset.
func (p *History) Times(offset int64) int { return p.states.at(offset).times }

// State is what is known of an offset.
func (p *History) State(offset int64) State {
	return p.states.at(offset).state
}

// Alike reports whether the same is known of two offsets, so that their records may be in
// one batch.
func (p *History) Alike(a, b int64) bool {
	if a > p.last && b > p.last {
		return true // as nearly always: this is asked of every record
	}
	x, y := p.states.at(a), p.states.at(b)
	return x.state == y.state && x.open == y.open && x.times == y.times && p.Untold(a) == p.Untold(b)
}

// Open is how long, from the takeover on, a request of earlier owners with the
// record at an offset may still be applied. Clocks of different machines are not
// compared: the time that remained when the report was written is counted in full from
// the takeover on.
func (p *History) Open(offset int64) time.Duration {
	return p.states.at(offset).open
}

// Last is the highest offset of which anything is known, -1 when there is none.
func (p *History) Last() int64 { return p.last }
