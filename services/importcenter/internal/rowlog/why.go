package rowlog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Bounds of a question about a person.
const (
	// MaxAppearances is how many rows of a person are shown, the newest.
	MaxAppearances = 200
	whyReports     = 1_000_000
	whyOffsets     = 2_000_000 // of the person's partition, rows and records each
	whyRejects     = 500_000
)

// Question asks what became of the rows of a person.
type Question struct {
	Import     string
	Identity   string // as CleverTap gets it
	Partitions int    // of the import's topics
	// Rule returns the definition and the mapping of an attempt of a run; nil if they are
	// not known.
	Rule func(run string, started *schemas.Started) (schemas.ImportSpec, *Rule)
}

// Answer is what the topics tell.
type Answer struct {
	Rows []Appearance `json:"rows" doc:"Each row of the person that a run has read, in the order of time"`
	// Reach is the time of the oldest record that each topic was read from.
	Reach map[string]time.Time `json:"reach" doc:"Since when each topic holds what it was asked for; a topic that holds nothing is absent"`
	// Complete is false if there is more in the topics than one question reads.
	Complete bool `json:"complete" doc:"Whether everything that the topics hold of the person was read"`
	// Runs are those of whose rows the topics were read, by number.
	Runs []int `json:"-"`

	started map[int]*schemas.Started // of the newest attempt of each run
	// lostBefore is when the oldest row was read that the person's partition still holds;
	// zero if nothing was removed from it.
	lostBefore time.Time
}

// Results of a person's rows besides those of the rows of a run.
const (
	Waiting = "waiting" // it has no result yet
	Unknown = "unknown" // the topics hold its result no longer
)

// Appearance is one row of a person in a run.
type Appearance struct {
	Run      string          `json:"run"`
	Attempt  int             `json:"attempt"`
	ID       string          `json:"id" doc:"Run number, attempt and position in Snowflake's result"`
	Time     time.Time       `json:"time" doc:"When the row was read, or rejected"`
	Result   string          `json:"result" enum:"loaded,rejected,skipped,waiting,unknown"`
	Stage    string          `json:"stage,omitempty"`
	Code     string          `json:"code,omitempty" doc:"The code of the reject, or why it was skipped"`
	Reason   string          `json:"reason,omitempty" doc:"In a sentence"`
	Column   string          `json:"column,omitempty"`
	Property string          `json:"property,omitempty"`
	Row      json.RawMessage `json:"row,omitempty" doc:"As Snowflake gave it"`
	Lines    []Line          `json:"lines,omitempty" doc:"What each part of the mapping made of it"`
	Record   json.RawMessage `json:"record,omitempty" doc:"The exact bytes for CleverTap"`
	Uploads  []Upload        `json:"uploads,omitempty" doc:"The requests that held the record, in their order"`
	Notes    []string        `json:"notes,omitempty"`

	number    int
	rowAt     int64 // offset in the rows topic, -1 if it is not there
	recordAt  int64
	mappedOut bool // the mapper has reported it
}

// Line is what one part of the mapping made of a row.
type Line struct {
	Rule     *schemas.Property `json:"rule,omitempty" doc:"The line of the definition; absent for the identity and an event's name and time"`
	Property string            `json:"property"`
	Column   string            `json:"column,omitempty"`
	Before   json.RawMessage   `json:"before,omitempty" doc:"The value that it was made from; absent for NULL"`
	After    json.RawMessage   `json:"after,omitempty" doc:"What the record holds; absent if it holds nothing of it"`
	Result   string            `json:"result" enum:"set,null,default,constant,omitted,rejected,outsideRetention"`
	Code     string            `json:"code,omitempty"`
	Reason   string            `json:"reason,omitempty"`
}

// Upload is a request that held the record of a row.
type Upload struct {
	Upload   string     `json:"upload"`
	Try      int        `json:"try,omitempty" doc:"Which try it was"`
	Sent     time.Time  `json:"sent,omitzero" doc:"When it was about to be sent"`
	Place    int        `json:"place,omitempty" doc:"Which of its records, counted from 1"`
	Records  int        `json:"records,omitempty" doc:"How many records it held"`
	Answered *time.Time `json:"answered,omitempty" doc:"When its answer was noted; absent without one"`
	Status   int        `json:"status,omitempty" doc:"HTTP"`
	Millis   int64      `json:"millis,omitempty"`
	Answer   string     `json:"answer" doc:"In a sentence"`
}

// Why reads from the topics what became of the rows of a person. It reads the person's
// partition only, and of it the offsets that the reports of the runs name.
func Why(ctx context.Context, log Log, topics schemas.Topics, q Question) (*Answer, error) {
	w := &inquiry{log: log, topics: topics, q: q, partition: schemas.Partition([]byte(q.Identity), q.Partitions), attempts: map[attemptOf]*told{}}
	w.answer = &Answer{Rows: []Appearance{}, Reach: map[string]time.Time{}, Complete: true, started: map[int]*schemas.Started{}}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"the reports", w.overview}, {"the person's rows", w.readRows}, {"the person's records", w.readRecords},
		{"the rejects", w.readRejects}, {"the uploads", w.readUploads},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("reading %s: %w", step.what, err)
		}
	}
	w.finish()
	return w.answer, nil
}

type attemptOf struct{ number, attempt int }

// told is what the reports say about an attempt's rows and records in the person's partition.
type told struct {
	started       *schemas.Started
	rows, records span // empty if to < from
}

type inquiry struct {
	log       Log
	topics    schemas.Topics
	q         Question
	partition int32
	answer    *Answer
	attempts  map[attemptOf]*told

	found []*Appearance
}

func (w *inquiry) control(topic string) kafka.TP {
	return kafka.TP{Topic: topic, Partition: schemas.ControlPartition(w.q.Import)}
}

// bounded returns where to begin so that at most n offsets of a partition are read, and
// whether that leaves some out.
func (w *inquiry) bounded(ctx context.Context, tp kafka.TP, from, n int64) (int64, bool, error) {
	start, err := w.log.StartOffset(ctx, tp)
	if err != nil {
		return 0, false, err
	}
	end, err := w.log.EndOffset(ctx, tp)
	if err != nil {
		return 0, false, err
	}
	from = max(from, start)
	if end-from > n {
		return end - n, true, nil
	}
	return from, false, nil
}

// overview notes where the rows and records of each attempt lie.
func (w *inquiry) overview(ctx context.Context) error {
	tp := w.control(w.topics.Reports())
	from, cut, err := w.bounded(ctx, tp, 0, whyReports)
	if err != nil {
		return err
	}
	if cut {
		w.answer.Complete = false
	}
	return readUntil(ctx, w.log, tp, from, func(rec *kafka.Record) error {
		w.reached("reports", rec)
		kind := kindOf(rec)
		if string(rec.Key) != w.q.Import || kind != schemas.ReportStarted && kind != schemas.ReportMapped && kind != schemas.ReportReceipt && kind != schemas.ReportIntent {
			return nil
		}
		var r schemas.Report
		if json.Unmarshal(rec.Value, &r) != nil || r.Run != schemas.RunID(w.q.Import, r.Number) {
			return nil // of a trial, or of a version that this one cannot read
		}
		a := w.attempts[attemptOf{r.Number, r.Attempt}]
		if a == nil {
			a = &told{rows: span{0, -1}, records: span{0, -1}}
			w.attempts[attemptOf{r.Number, r.Attempt}] = a
			if !slices.Contains(w.answer.Runs, r.Number) {
				w.answer.Runs = append(w.answer.Runs, r.Number)
			}
		}
		switch {
		case r.Started != nil && len(r.Started.Columns) > 0:
			a.started = r.Started
			w.answer.started[r.Number] = r.Started // attempts begin one after the other
		case r.Mapped != nil && r.Mapped.Partition == w.partition:
			a.rows.reach(r.Mapped.From, r.Mapped.To)
		case r.Receipt != nil && r.Receipt.Partition == w.partition:
			for _, in := range r.Receipt.Ranges {
				a.records.reach(in.From, in.To)
			}
		case r.Intent != nil && r.Intent.Partition == w.partition:
			for _, in := range r.Intent.Ranges {
				a.records.reach(in.From, in.To)
			}
		}
		return nil
	})
}

// reached notes the time of the oldest record that was read of a topic.
func (w *inquiry) reached(topic string, rec *kafka.Record) {
	if _, ok := w.answer.Reach[topic]; !ok {
		w.answer.Reach[topic] = rec.Timestamp.UTC()
	}
}

func (s *span) reach(from, to int64) {
	if s.to < s.from {
		*s = span{from, to}
		return
	}
	s.from, s.to = min(s.from, from), max(s.to, to)
}

// stretch is the range of offsets of the rows or records topic that covers all attempts.
func (w *inquiry) stretch(of func(*told) span) (all span) {
	all = span{0, -1}
	for _, a := range w.attempts {
		if s := of(a); s.to >= s.from {
			all.reach(s.from, s.to)
		}
	}
	return all
}

func (w *inquiry) readRows(ctx context.Context) error {
	tp := kafka.TP{Topic: w.topics.Rows(w.q.Import), Partition: w.partition}
	return w.readPartition(ctx, "rows", tp, w.stretch(func(a *told) span { return a.rows }), func(rec *kafka.Record, id schemas.RowID) {
		w.add(&Appearance{
			Run: schemas.RunID(w.q.Import, id.Number), Attempt: id.Attempt, ID: id.String(), Time: rec.Timestamp.UTC(),
			Row: rec.Value, number: id.Number, rowAt: rec.Offset, recordAt: -1,
		})
	})
}

// add keeps the newest appearances.
func (w *inquiry) add(a *Appearance) {
	w.found = append(w.found, a)
	if len(w.found) > MaxAppearances {
		w.found, w.answer.Complete = w.found[1:], false
	}
}

func (w *inquiry) readRecords(ctx context.Context) error {
	byID := map[string]*Appearance{}
	for _, a := range w.found {
		byID[a.ID] = a
	}
	tp := kafka.TP{Topic: w.topics.Records(w.q.Import), Partition: w.partition}
	return w.readPartition(ctx, "records", tp, w.stretch(func(a *told) span { return a.records }), func(rec *kafka.Record, id schemas.RowID) {
		a := byID[id.String()]
		if a == nil {
			// The rows topic is kept for less long than the records topic.
			a = &Appearance{
				Run: schemas.RunID(w.q.Import, id.Number), Attempt: id.Attempt, ID: id.String(), Time: rec.Timestamp.UTC(),
				number: id.Number, rowAt: -1, Notes: []string{"the rows topic holds the row no longer"},
			}
			byID[a.ID] = a
			w.add(a)
		}
		a.Record, a.recordAt = rec.Value, rec.Offset
	})
}
