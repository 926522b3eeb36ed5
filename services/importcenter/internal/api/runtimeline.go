package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// RunTimeline is what a run did when, and where its rows and records lie.
type RunTimeline struct {
	Run       string      `json:"run"`
	Spans     []RunSpent  `json:"spans" doc:"By lane, each in the order of time; what follows closely is one span"`
	Places    []RunPlace  `json:"places" doc:"By topic and partition"`
	Truncated bool        `json:"truncated" doc:"There are more reports than were looked at: the earliest count"`
	Attempts  []RunsTried `json:"attempts" doc:"When each attempt reported first and last"`
}

// RunSpent is a time that a run spent on one thing.
type RunSpent struct {
	Lane  string    `json:"lane" enum:"queued,held,queue,execute,chunks,map,wait,upload,retry" doc:"What it was spent on: queued and held are states of the run, queue and execute times at Snowflake, retry are requests to CleverTap that were not the first of their records"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Count int64     `json:"count,omitempty" doc:"Rows of chunks and map, records of upload and retry"`
	Text  string    `json:"text,omitempty" doc:"Why it was held or waited, in a sentence"`
}

// RunPlace is a stretch of a partition with rows or records of a run.
type RunPlace struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from" doc:"The first offset"`
	To        int64  `json:"to" doc:"The last offset"`
	Count     int64  `json:"count" doc:"How many rows or records of the run lie there"`
}

// RunsTried is an attempt of a run.
type RunsTried struct {
	Attempt int       `json:"attempt"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

type runTimelineOutput struct{ Body RunTimeline }

func (h *handlers) registerRunTimeline(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-run-timeline", Method: http.MethodGet, Path: "/v1/runs/{run}/timeline",
		Summary: "Read on what a run spent its time, from its own reports, and at which offsets its rows and records lie",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.runTimeline)
}

func (h *handlers) runTimeline(ctx context.Context, in *RunPath) (*runTimelineOutput, error) {
	run, err := h.existingRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	t := runTimer{run: in.Run, rows: h.Topics.Rows(run.Import), records: h.Topics.Records(run.Import), intents: map[string]time.Time{}, places: map[kafka.TP]*RunPlace{}}
	if schemas.IsTrial(in.Run) {
		t.rows, t.records = h.Topics.DryRunRows(), h.Topics.DryRunRecords()
	}
	if err := h.logged(ctx, h.Topics.Runs(), run, t.event); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if err := h.logged(ctx, h.Topics.Reports(), run, t.report); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	return &runTimelineOutput{Body: t.timeline(run, h.Now())}, nil
}

// runTimer makes spans of the records about one run.
type runTimer struct {
	run           string
	rows, records string // topics
	spans         []RunSpent
	attempts      []RunsTried
	places        map[kafka.TP]*RunPlace
	reports       int

	state   RunSpent             // the state queued or held, while the run is in it
	wait    RunSpent             // the wait that is not over
	query   RunSpent             // the statement that Snowflake has not answered
	extract time.Time            // the newest report of the extraction
	counted int64                // rows of the attempt's chunks so far
	intents map[string]time.Time // of uploads without a receipt
}

// event takes in a lifecycle event, which tells the state of the run.
func (t *runTimer) event(r *kafka.Record) error {
	var run schemas.Run
	if err := json.Unmarshal(r.Value, &run); err != nil || run.Run != t.run {
		return nil // of another run, or of a version that this one cannot read
	}
	lane := map[string]string{schemas.StateQueued: "queued", schemas.StateHeld: "held"}[run.State]
	if lane == t.state.Lane {
		return nil
	}
	t.end(&t.state, r.Timestamp)
	if lane == "" {
		return nil
	}
	t.state = RunSpent{Lane: lane, From: r.Timestamp}
	if run.HeldBecause != nil {
		t.state.Text = run.HeldBecause.Reason
	}
	return nil
}

// end closes a span that is open, if there is one.
func (t *runTimer) end(s *RunSpent, at time.Time) {
	if s.Lane == "" {
		return
	}
	s.To = at
	t.spans = append(t.spans, *s)
	*s = RunSpent{}
}

// report takes in what a stage says of its work.
func (t *runTimer) report(rec *kafka.Record) error {
	if t.reports++; t.reports > maxReports {
		return errEnoughReports
	}
	var r schemas.Report
	if err := json.Unmarshal(rec.Value, &r); err != nil || r.Run != t.run {
		return nil // of another run, or of a version that this one cannot read
	}
	t.tried(r)
	switch {
	case r.Waiting != nil:
		t.waits(r)
	case r.Started != nil:
		t.answered(r)
	case r.Statement != nil:
		s := r.Statement
		t.query = RunSpent{Lane: "execute", From: s.Since.Add(seconds(s.QueueSeconds)), To: r.Time}
		if s.Queued {
			t.query = RunSpent{Lane: "queue", From: s.Since, To: r.Time}
		}
	case r.Chunk != nil:
		t.chunk(r.Time, *r.Chunk)
	case r.Final != nil:
		t.chunk(r.Time, r.Final.Extraction)
	case r.Mapped != nil:
		t.mapped(r.Time, *r.Mapped)
	case r.Intent != nil && !r.Intent.Withdrawn:
		t.intents[r.Intent.Upload] = r.Time
	case r.Receipt != nil:
		t.receipt(r.Time, *r.Receipt)
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (t *runTimer) tried(r schemas.Report) {
	at := slices.IndexFunc(t.attempts, func(a RunsTried) bool { return a.Attempt == r.Attempt })
	if at < 0 {
		t.attempts = append(t.attempts, RunsTried{Attempt: r.Attempt, First: r.Time, Last: r.Time})
		t.counted = 0
		return
	}
	a := &t.attempts[at]
	if r.Time.Before(a.First) {
		a.First = r.Time
	}
	if r.Time.After(a.Last) {
		a.Last = r.Time
	}
}

func (t *runTimer) waits(r schemas.Report) {
	w := r.Waiting
	text := w.Account + ": " + w.Reason
	if w.Over || t.wait.Lane != "" && t.wait.Text != text {
		t.end(&t.wait, r.Time)
	}
	if !w.Over && t.wait.Lane == "" {
		t.wait = RunSpent{Lane: "wait", From: w.Since, Text: text}
	}
}

// answered takes in that Snowflake has answered: its statements ended just now, and took as
// long as it says.
func (t *runTimer) answered(r schemas.Report) {
	t.query, t.extract, t.counted = RunSpent{}, r.Time, 0
	use := r.Snowflake
	if use == nil {
		return
	}
	began := r.Time.Add(-seconds(use.ExecutionSeconds))
	if use.QueueSeconds > 0 {
		t.spans = append(t.spans, RunSpent{Lane: "queue", From: began.Add(-seconds(use.QueueSeconds)), To: began})
	}
	t.spans = append(t.spans, RunSpent{Lane: "execute", From: began, To: r.Time})
}

func (t *runTimer) chunk(at time.Time, e schemas.Extraction) {
	if t.extract.IsZero() {
		t.extract = at
	}
	if n := e.Read - t.counted; n > 0 {
		t.spans = append(t.spans, RunSpent{Lane: "chunks", From: t.extract, To: at, Count: n})
		t.counted = e.Read
	}
	t.extract = at
}

func (t *runTimer) mapped(at time.Time, m schemas.Mapped) {
	n := m.Mapped
	for _, counts := range []map[string]int64{m.RejectsByCode, m.Skipped} {
		for _, more := range counts {
			n += more
		}
	}
	t.spans = append(t.spans, RunSpent{Lane: "map", From: at, To: at, Count: n})
	t.place(kafka.TP{Topic: t.rows, Partition: m.Partition}, m.From, m.To, n)
}

func (t *runTimer) receipt(at time.Time, r schemas.Receipt) {
	for n, span := range r.Ranges {
		count := int64(0)
		if n == 0 {
			count = int64(r.Records)
		}
		t.place(kafka.TP{Topic: t.records, Partition: r.Partition}, span.From, span.To, count)
	}
	began, sent := t.intents[r.Upload]
	if !sent {
		return // skipped without a request
	}
	delete(t.intents, r.Upload)
	lane := "upload"
	if r.Resent > 0 {
		lane = "retry"
	}
	t.spans = append(t.spans, RunSpent{Lane: lane, From: began, To: at, Count: int64(r.Records)})
}

func (t *runTimer) place(tp kafka.TP, from, to, n int64) {
	p := t.places[tp]
	if p == nil {
		p = &RunPlace{Topic: tp.Topic, Partition: tp.Partition, From: from, To: to}
		t.places[tp] = p
	}
	p.From, p.To, p.Count = min(p.From, from), max(p.To, to), p.Count+n
}

// timeline ends what is still open, joins what follows closely, and sorts.
func (t *runTimer) timeline(run schemas.Run, now time.Time) RunTimeline {
	end := now
	if run.FinishedAt != nil {
		end = *run.FinishedAt
	}
	for _, open := range []*RunSpent{&t.state, &t.wait, &t.query} {
		t.end(open, end)
	}
	for _, began := range t.intents {
		t.spans = append(t.spans, RunSpent{Lane: "upload", From: began, To: end})
	}
	out := RunTimeline{Run: run.Run, Spans: joined(t.spans, end.Sub(run.StartedAt)), Places: []RunPlace{}, Attempts: append([]RunsTried{}, t.attempts...), Truncated: t.reports > maxReports}
	for _, p := range t.places {
		out.Places = append(out.Places, *p)
	}
	slices.SortFunc(out.Places, func(a, b RunPlace) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out
}
