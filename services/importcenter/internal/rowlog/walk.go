package rowlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Query says which rows of a run are wanted.
type Query struct {
	Run    schemas.Run
	Spec   schemas.ImportSpec // that the run used
	Rule   *Rule              // that mapped its rows; nil if it cannot be compiled any more
	Result string             // "" takes all
	// From is where the page before ended.
	From Position
	// Reports bounds how many reports are looked at from there on; 0 looks at all.
	Reports int64
	// Partitions are those of the rows and records topics; 0 if these are gone.
	Partitions int
	// Batch is how many records are read at a time.
	Batch int
}

// Position is a place in the rows of a run: first come the rows that extractor and
// mapper have rejected, in the order of the rejects topic, then the others in the order
// of the reports that tell their results. The zero Position is before the first row.
type Position struct {
	InReports bool
	Offset    int64 // of the rejects or reports topic
	Index     int   // rows of that report that come before
}

// String is the text of a position in a page token.
func (p Position) String() string {
	if !p.InReports {
		return "j" + strconv.FormatInt(p.Offset, 10)
	}
	return "p" + strconv.FormatInt(p.Offset, 10) + "." + strconv.Itoa(p.Index)
}

// ParsePosition reads the text of a position; that of no position is "".
func ParsePosition(text string) (Position, error) {
	var p Position
	var errOffset, errIndex error
	rest, inRejects := strings.CutPrefix(text, "j")
	switch {
	case text == "":
		return p, nil
	case inRejects:
		p.Offset, errOffset = strconv.ParseInt(rest, 10, 64)
	default:
		rest, _ := strings.CutPrefix(text, "p")
		offset, index, _ := strings.Cut(rest, ".")
		p.InReports = true
		p.Offset, errOffset = strconv.ParseInt(offset, 10, 64)
		p.Index, errIndex = strconv.Atoi(index)
	}
	if errOffset != nil || errIndex != nil || p.String() != text || p.Offset < 0 || p.Index < 0 {
		return Position{}, errors.New("pageToken is the nextPageToken of the page before, unchanged")
	}
	return p, nil
}

// ErrEnough is what take returns to end a walk before the row that it was given.
var ErrEnough = errors.New("enough rows")

// errScanned ends a walk that has looked at as many reports as it may.
var errScanned = errors.New("enough reports were looked at")

// Walk calls take with each row of the run whose result is known. It returns where to go
// on, and whether there may be more.
func Walk(ctx context.Context, log Log, topics schemas.Topics, q Query, take func(Row) error) (next Position, more bool, err error) {
	w := &walker{log: log, topics: topics, q: q, take: take, settled: map[int32]*spans{}, next: q.From}
	if !q.From.InReports {
		if q.Result == "" || q.Result == Rejected {
			err = w.rejects(ctx)
		}
		if err == nil {
			w.next = Position{InReports: true}
		}
	}
	if err == nil {
		err = w.reports(ctx)
	}
	switch {
	case errors.Is(err, ErrEnough), errors.Is(err, errScanned):
		return w.next, true, nil
	case err != nil:
		return w.next, false, err
	}
	return w.next, false, nil
}

type walker struct {
	log     Log
	topics  schemas.Topics
	q       Query
	take    func(Row) error
	next    Position // of the first row that take has not taken
	settled map[int32]*spans
	looked  int64
	pending []pending
}

// until is the time after which no record is about the run.
func (w *walker) until() time.Time {
	if w.q.Run.FinishedAt == nil {
		return time.Now().Add(slack)
	}
	return w.q.Run.FinishedAt.Add(slack)
}

// each calls fn with the records of the run's import in a control topic, from an offset
// on and while the run was under way.
func (w *walker) each(ctx context.Context, topic string, from int64, fn func(*kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(w.q.Run.Import)}
	start, err := w.log.OffsetAt(ctx, tp, w.q.Run.StartedAt.Add(-slack))
	if err != nil {
		return fmt.Errorf("finding where the run begins: %w", err)
	}
	until := w.until()
	return readUntil(ctx, w.log, tp, max(start, from), func(rec *kafka.Record) error {
		switch {
		case rec.Timestamp.After(until):
			return errPast
		case string(rec.Key) != w.q.Run.Import:
			return nil
		}
		return fn(rec)
	})
}

// rejects takes the rows that extractor and mapper have rejected. They write a reject in
// one transaction with its count; the loader may write one twice, and its receipts tell.
func (w *walker) rejects(ctx context.Context) error {
	return w.each(ctx, w.topics.Rejects(), w.q.From.Offset, func(rec *kafka.Record) error {
		var r schemas.Reject
		if json.Unmarshal(rec.Value, &r) != nil || r.Run != w.q.Run.Run || r.Stage == schemas.StageLoad || r.Omitted {
			return nil // of another run, or of a version that this one cannot read
		}
		w.next = Position{Offset: rec.Offset}
		row := Row{
			Ref: Ref{inRejects, rec.Partition, rec.Offset}.String(), ID: r.ID, Result: Rejected, Stage: r.Stage, Code: r.Code, Reason: r.Reason,
			Column: r.Column, Property: r.Property, Time: r.Time, Gone: r.Row == nil,
		}
		if r.Row != nil {
			row.ofRow(&w.q.Spec, r.Row)
		} else {
			row.identify(&w.q.Spec, r.Identity)
		}
		return w.take(row)
	})
}

// reports takes the rows whose results are in reports. They are read from the run's begin
// on each time: if an offset has several receipts, the first one counts.
func (w *walker) reports(ctx context.Context) error {
	err := w.each(ctx, w.topics.Reports(), 0, func(rec *kafka.Record) error {
		kind := kindOf(rec)
		if kind != schemas.ReportMapped && kind != schemas.ReportReceipt {
			return nil
		}
		var r schemas.Report
		if json.Unmarshal(rec.Value, &r) != nil || r.Run != w.q.Run.Run {
			return nil
		}
		before := rec.Offset < w.q.From.Offset
		switch {
		case r.Receipt != nil:
			w.receipt(rec, &r, before)
		case r.Mapped != nil && !before:
			w.mapped(rec, &r)
		}
		if before {
			return nil
		}
		if w.looked++; w.q.Reports > 0 && w.looked > w.q.Reports {
			if err := w.flush(ctx); err != nil {
				return err
			}
			w.next = Position{true, rec.Offset + 1, 0}
			return errScanned
		}
		if len(w.pending) >= w.q.Batch {
			return w.flush(ctx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.flush(ctx)
}

// receipt notes the rows that a receipt tells the results of.
func (w *walker) receipt(rec *kafka.Record, report *schemas.Report, before bool) {
	r := report.Receipt
	settled := w.settled[r.Partition]
	if settled == nil {
		settled = &spans{}
		w.settled[r.Partition] = settled
	}
	outcomes := map[int64]pending{}
	for _, o := range r.Rejected {
		outcomes[o.Offset] = pending{result: Rejected, code: o.Code}
	}
	for _, o := range r.Skipped {
		outcomes[o.Offset] = pending{result: Skipped, code: o.Code}
	}
	index := 0
	for _, stretch := range r.Ranges {
		for _, fresh := range settled.take(stretch) {
			for offset := fresh.from; offset <= fresh.to && !before; offset++ {
				p, other := outcomes[offset]
				switch {
				case r.SkipReason != "":
					p = pending{result: Skipped, code: r.SkipReason}
				case !other:
					p = pending{result: Loaded}
				}
				p.at, p.kind, p.partition, p.from, p.to = Position{true, rec.Offset, index}, inRecords, r.Partition, offset, offset
				p.upload, p.time, p.attempt = r.Upload, report.Time, report.Attempt
				index++
				w.want(p)
			}
		}
	}
}

// mapped notes the rows that a mapper has skipped.
func (w *walker) mapped(rec *kafka.Record, report *schemas.Report) {
	m := report.Mapped
	var skipped int64
	for _, n := range m.Skipped {
		skipped += n
	}
	if skipped == 0 {
		return
	}
	w.want(pending{
		at: Position{true, rec.Offset, 0}, kind: inRows, partition: m.Partition, from: m.From, to: m.To, result: Skipped,
		time: report.Time, attempt: report.Attempt, mapped: m,
	})
}

// want notes what is to be read, unless its result is not asked for.
func (w *walker) want(p pending) {
	if w.q.Result == "" || w.q.Result == p.result {
		w.pending = append(w.pending, p)
	}
}
