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

// Fate is what is known of an offset past the committed one.
type Fate int

// Fates.
const (
	Fresh     Fate = iota // never written to a socket
	Ambiguous             // written, answer unknown
	Done                  // has a receipt
)

// Mark is the metadata of a committed offset: what its successor starts from.
type Mark struct {
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

// In makes the mark one of the reports topic with an id and an end. A topic that was
// deleted and made again has other offsets: everything in it may tell of offsets
// that are not committed.
func (m Mark) In(topic string, end int64) Mark {
	if m.Topic != "" && topic != "" && m.Topic != topic || m.Reports > end {
		m.Reports = 0
	}
	m.Topic = topic
	return m
}

// errForeign says that a commit is not a loader's.
var errForeign = errors.New("the commit's metadata is no loader's")

// ParseMark reads a commit's metadata. An error means that somebody else
// committed, such as an operator with a tool.
func ParseMark(metadata string) (Mark, error) {
	const missing = -2
	m := Mark{Reports: missing, Prev: missing}
	if json.Unmarshal([]byte(metadata), &m) != nil || m.Reports < 0 || m.Prev < -1 {
		return Mark{}, errForeign
	}
	return m, nil
}

// String writes the mark as metadata.
func (m Mark) String() string {
	if m.Topic != "" {
		return fmt.Sprintf(`{"reports":%d,"prev":%d,"topic":%q}`, m.Reports, m.Prev, m.Topic)
	}
	return fmt.Sprintf(`{"reports":%d,"prev":%d}`, m.Reports, m.Prev)
}

// Past is what was reported of one partition's offsets from the committed one
// on.
type Past struct {
	importName string
	partition  int32
	committed  int64
	fates      spans
	last       int64 // highest offset with a fate, -1 when there is none
}

// New returns a Past that knows nothing yet. Without an import's name it is of
// the dry runs' topic.
func New(importName string, partition int32, committed int64) *Past {
	return &Past{importName: importName, partition: partition, committed: committed, last: -1}
}

// Add takes in a report, in the order of the log. Reports of other imports, of
// other partitions and stages, and of trials where they are not meant, change
// nothing. open is how long a request may be applied after it was written, where
// its intent does not say so.
func (p *Past) Add(r *schemas.Report, open time.Duration) {
	if schemas.IsTrial(r.Run) != (p.importName == "") || (p.importName != "" && r.Import != p.importName) {
		return
	}
	switch {
	case r.Kind == schemas.ReportIntent && r.Intent != nil && r.Intent.Partition == p.partition:
		told := state{Ambiguous, r.Intent.Holder, millis(r.Intent.OpenMillis)}
		if r.Intent.Withdrawn {
			told.fate = Fresh
		} else if told.open == 0 {
			told.open = open
		}
		p.set(r.Intent.Ranges, told)
	case r.Kind == schemas.ReportReceipt && r.Receipt != nil && r.Receipt.Partition == p.partition:
		p.set(r.Receipt.Ranges, state{fate: Done, open: millis(r.Receipt.OpenMillis)})
	}
}

func (p *Past) set(ranges []schemas.Range, told state) {
	for _, r := range ranges {
		from := max(r.From, p.committed)
		if from > r.To {
			continue
		}
		p.fates.set(from, r.To, told)
		p.last = max(p.last, r.To)
	}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// Fate is what is known of an offset.
func (p *Past) Fate(offset int64) Fate {
	return p.fates.at(offset).fate
}

// Open is how long, from the takeover on, a request of earlier owners with the
// record at an offset may still be applied. Clocks of different machines are not
// compared: the time that remained when the report was written is counted in full from
// the takeover on.
func (p *Past) Open(offset int64) time.Duration {
	return p.fates.at(offset).open
}

// Last is the highest offset of which anything is known, -1 when there is none.
func (p *Past) Last() int64 { return p.last }
